-- One row a day and channel (M1 to M5), of the conversation `events`, `conversations` and `attributed` orders, and those of
-- the `replaced` files on other days. An order in
-- another currency has a row of its channel that says in `before` which channels that come earlier count it already (A10).
WITH
happened AS (
    SELECT local_date(e.occurred_at, {zone}) AS date,
           l.channel AS channel,
           e.type AS type,
           e.type = 'added_to_cart' OR {no_bots} AS counts
    FROM events e
    JOIN conversations l ON l.conversation_id = e.conversation_id
    WHERE l.mode = 'live' AND e.type IN ('link_clicked', 'added_to_cart')
),
-- A10: the channels of an order in another currency, each once
foreign_orders AS (
    SELECT DISTINCT ordered_on AS date, order_id, CAST(channel AS VARCHAR) AS channel
    FROM attributed
    WHERE NOT in_account_currency AND {ordered}
),
foreign_counted AS (
    SELECT f.date AS date,
           f.order_id AS order_id,
           f.channel AS channel,
           coalesce(string_agg(b.channel, ',' ORDER BY b.channel), '') AS before
    FROM foreign_orders f
    LEFT JOIN foreign_orders b ON b.order_id = f.order_id AND b.channel < f.channel
    GROUP BY f.date, f.order_id, f.channel
),
parts AS (
    SELECT started_on AS date,
           CAST(channel AS VARCHAR) AS channel,
           '' AS before,
           count(*) AS conversations,
           count(*) FILTER (WHERE status = 'resolved') AS resolved,
           count(*) FILTER (WHERE status = 'routed') AS routed,
           count(*) FILTER (WHERE status = 'closed') AS closed,
           count(*) FILTER (WHERE status = 'open') AS open,
           0 AS link_clicks,
           0 AS cart_adds,
           CAST(0 AS DECIMAL(38, 24)) AS credits,
           CAST(0 AS DECIMAL(28, 4)) AS sales,
           0 AS other_currency_orders
    FROM conversations
    WHERE mode = 'live' AND {started}
    GROUP BY started_on, channel
    UNION ALL
    SELECT date,
           CAST(channel AS VARCHAR) AS channel,
           '' AS before,
           0 AS conversations,
           0 AS resolved,
           0 AS routed,
           0 AS closed,
           0 AS open,
           count(*) FILTER (WHERE type = 'link_clicked') AS link_clicks,
           count(*) FILTER (WHERE type = 'added_to_cart') AS cart_adds,
           CAST(0 AS DECIMAL(38, 24)) AS credits,
           CAST(0 AS DECIMAL(28, 4)) AS sales,
           0 AS other_currency_orders
    FROM happened
    WHERE counts AND {day}
    GROUP BY date, channel
    UNION ALL
    SELECT ordered_on AS date,
           CAST(channel AS VARCHAR) AS channel,
           '' AS before,
           0 AS conversations,
           0 AS resolved,
           0 AS routed,
           0 AS closed,
           0 AS open,
           0 AS link_clicks,
           0 AS cart_adds,
           sum(exact_credit(units)) AS credits,
           CAST(sum(attributed_value) AS DECIMAL(28, 4)) AS sales,
           0 AS other_currency_orders
    FROM attributed
    WHERE in_account_currency AND {ordered}
    GROUP BY ordered_on, channel
    UNION ALL
    SELECT date,
           channel,
           before,
           0 AS conversations,
           0 AS resolved,
           0 AS routed,
           0 AS closed,
           0 AS open,
           0 AS link_clicks,
           0 AS cart_adds,
           CAST(0 AS DECIMAL(38, 24)) AS credits,
           CAST(0 AS DECIMAL(28, 4)) AS sales,
           count(*) AS other_currency_orders
    FROM foreign_counted
    GROUP BY date, channel, before
),
summed AS (
    SELECT date,
           channel,
           before,
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
    GROUP BY date, channel, before
),
-- The rows of other days stay as they are.
rows AS (
    SELECT *
    FROM summed
    UNION ALL
    SELECT date,
           CAST(channel AS VARCHAR) AS channel,
           array_to_string(counted_before, ',') AS before,
           conversations,
           resolved,
           routed,
           closed,
           open,
           link_clicks,
           cart_adds,
           credits,
           sales,
           other_currency_orders
    FROM replaced
    WHERE NOT {day}
)
SELECT date,
       channel,
       array_remove_all(string_to_array(before, ','), '') AS counted_before,
       conversations,
       resolved,
       routed,
       closed,
       open,
       link_clicks,
       cart_adds,
       credits,
       sales,
       other_currency_orders
FROM rows
ORDER BY date, channel, before
