-- The headline day by day: a row for each day of the range and each account in sight, days with nothing too.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, itself included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column date : the day, in the account's time zone (T2)
-- column conversations : conversations that started in the range (M1)
-- column resolved_by_ai : those of them with status resolved (M2)
-- column resolved_rate : resolved_by_ai / conversations, 0 to 1; null where there are none (M2)
-- column ai_generated_sales : attributed sales in the account's currency, gross (M4, A9, A10)
-- column attributed_orders : sum of the credits of the orders in the account's currency (M4)
-- column avg_order_value : ai_generated_sales / attributed_orders; null where there are none (M4)
-- column add_to_carts : additions to the cart in the range (M5)
-- column link_clicks : counted link clicks in the range (M5, C9)
-- column other_currency_orders : distinct attributed orders in other currencies (A10)
SELECT accounts.account_id,
       days.date,
       coalesce(m.conversations, 0) AS conversations,
       coalesce(m.resolved, 0) AS resolved_by_ai,
       CAST(m.resolved AS DOUBLE) / nullif(m.conversations, 0) AS resolved_rate,
       CAST(coalesce(m.sales, 0) AS DECIMAL(28, 4)) AS ai_generated_sales,
       coalesce(round_credit(m.credits), 0.0) AS attributed_orders,
       average_order_value(m.sales, m.credits) AS avg_order_value,
       coalesce(m.cart_adds, 0) AS add_to_carts,
       coalesce(m.link_clicks, 0) AS link_clicks,
       coalesce(m.other_currency_orders, 0) AS other_currency_orders
FROM accounts
CROSS JOIN (SELECT unnest(generate_series($from, $to, INTERVAL '1 day')) AS date) AS days
LEFT JOIN (
    SELECT account_id,
           date,
           sum(conversations) AS conversations,
           sum(resolved) AS resolved,
           sum(sales) AS sales,
           sum(credits) AS credits,
           sum(cart_adds) AS cart_adds,
           sum(link_clicks) AS link_clicks,
           sum(other_currency_orders) AS other_currency_orders
    FROM channel_days($from, $to, $channel)
    GROUP BY account_id, date
) AS m ON m.account_id = accounts.account_id AND m.date = days.date
ORDER BY accounts.account_id, days.date
