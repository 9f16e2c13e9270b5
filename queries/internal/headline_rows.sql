-- The headline's numbers (M1 to M5) of each account in sight: a row for each day of the range where `daily`, else one row
-- for all of it, whose date is null. There is a row also where nothing happened.
-- private
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, itself included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- param daily boolean = true : whether days are told apart
SELECT account_id,
       CASE WHEN $daily THEN date END AS date,
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
    SELECT account_id, date, conversations, resolved, sales, credits, cart_adds, link_clicks, other_currency_orders
    FROM channel_days($from, $to, $channel)
    UNION ALL
    -- A row of nothing for each account, and day where days are told apart, so that all will be there. The branch that is
    -- not meant is gone before operators are made: the headline, which is asked most, has no join to plan.
    SELECT account_id, CAST(NULL AS DATE), 0, 0, CAST(0 AS DECIMAL(28, 4)), CAST(0 AS DECIMAL(38, 24)), 0, 0, 0
    FROM accounts
    WHERE NOT $daily
    UNION ALL
    SELECT account_id, date, 0, 0, CAST(0 AS DECIMAL(28, 4)), CAST(0 AS DECIMAL(38, 24)), 0, 0, 0
    FROM accounts
    CROSS JOIN (SELECT unnest(generate_series($from, $to, INTERVAL '1 day')) AS date)
    WHERE $daily
)
GROUP BY account_id, CASE WHEN $daily THEN date END
