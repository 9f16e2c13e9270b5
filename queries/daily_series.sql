-- The headline metrics by day: one row for each day of the range and each visible account, also for days without events.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column date : the day, in the account's time zone (T2)
-- column conversations : conversations that started in the range (M1)
-- column resolved_by_ai : those with status resolved (M2)
-- column resolved_rate : resolved_by_ai / conversations, 0 to 1; null where there are none (M2)
-- column ai_generated_sales : attributed sales in the account's currency, gross (M4, A9, A10)
-- column attributed_orders : sum of the credits of the orders in the account's currency (M4)
-- column avg_order_value : ai_generated_sales / attributed_orders; null where there are none (M4)
-- column add_to_carts : additions to the cart in the range (M5)
-- column link_clicks : counted link clicks in the range (M5, C9)
-- column other_currency_orders : distinct attributed orders in other currencies (A10)
SELECT account_id,
       date,
       conversations,
       resolved_by_ai,
       resolved_rate,
       ai_generated_sales,
       attributed_orders,
       avg_order_value,
       add_to_carts,
       link_clicks,
       other_currency_orders
FROM headline_rows($from, $to, $channel, true)
ORDER BY account_id, date
