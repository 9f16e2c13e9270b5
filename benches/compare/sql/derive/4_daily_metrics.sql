-- The rollup by day and channel (M1 to M5).
CREATE TEMP TABLE daily_metrics AS
WITH parts AS (
    SELECT account_id,
           started_on AS date,
           channel,
           count(*) AS conversations,
           count(*) FILTER (status = 'resolved') AS resolved,
           count(*) FILTER (status = 'routed') AS routed,
           count(*) FILTER (status = 'closed') AS closed,
           count(*) FILTER (status = 'open') AS open,
           0 AS link_clicks,
           0 AS cart_adds,
           0.0::DOUBLE AS credits,
           0::DECIMAL(28, 4) AS sales,
           0 AS other_currency_orders
    FROM conversations
    WHERE mode = 'live'
    GROUP BY account_id, started_on, channel
    UNION ALL
    SELECT account_id,
           CAST(e.occurred_at AT TIME ZONE timezone AS DATE) AS date,
           l.channel,
           0, 0, 0, 0, 0,
           count(*) FILTER (type = 'link_clicked' AND NOT (exclude_bot_clicks AND coalesce(is_bot, false))),
           count(*) FILTER (type = 'added_to_cart'),
           0, 0, 0
    FROM conversation_events e
    JOIN live l USING (account_id, conversation_id)
    JOIN accounts USING (account_id)
    WHERE type IN ('link_clicked', 'added_to_cart')
    GROUP BY account_id, date, l.channel
    UNION ALL
    SELECT account_id,
           ordered_on,
           channel,
           0, 0, 0, 0, 0, 0, 0,
           coalesce(sum(1.0::DOUBLE / units) FILTER (in_account_currency), 0),
           coalesce(sum(attributed_value) FILTER (in_account_currency), 0),
           count(DISTINCT order_id) FILTER (NOT in_account_currency)
    FROM attributed_orders
    GROUP BY account_id, ordered_on, channel
)
SELECT account_id,
       date,
       channel,
       sum(conversations) AS conversations,
       sum(resolved) AS resolved,
       sum(routed) AS routed,
       sum(closed) AS closed,
       sum(open) AS open,
       sum(link_clicks) AS link_clicks,
       sum(cart_adds) AS cart_adds,
       sum(credits) AS credits,
       CAST(sum(sales) AS DECIMAL(28, 4)) AS sales,
       sum(other_currency_orders) AS other_currency_orders
FROM parts
GROUP BY account_id, date, channel
HAVING sum(parts.conversations) + sum(parts.link_clicks) + sum(parts.cart_adds) + sum(parts.other_currency_orders) > 0
    OR sum(parts.credits) > 0;
