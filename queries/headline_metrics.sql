-- The headline metrics over a range of days: one row for each visible account, also where nothing happened.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
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
       sum(conversations) AS conversations,
       sum(resolved) AS resolved_by_ai,
       CAST(sum(resolved) AS DOUBLE) / nullif(sum(conversations), 0) AS resolved_rate,
       CAST(sum(sales) AS DECIMAL(28, 4)) AS ai_generated_sales,
       round_credit(sum(credits)) AS attributed_orders,
       average_order_value(sum(sales), sum(credits)) AS avg_order_value,
       sum(cart_adds) AS add_to_carts,
       sum(link_clicks) AS link_clicks,
       sum(other_currency_orders) AS other_currency_orders
FROM (
    SELECT account_id, conversations, resolved, sales, credits, cart_adds, link_clicks, other_currency_orders
    FROM channel_days($from, $to, $channel)
    UNION ALL
    -- An empty row for each account, so that accounts without events get a row; cheaper to plan than a join.
    SELECT account_id, 0, 0, CAST(0 AS DECIMAL(28, 4)), CAST(0 AS DECIMAL(38, 24)), 0, 0, 0
    FROM accounts
)
GROUP BY account_id
ORDER BY account_id
