-- One row a day and channel (M1 to M6), of the conversation `events`, `conversations` and `attributed` orders, and those of
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
-- M6: a conversation counts once for each of its procedures, and under null if it has none
procedure_counts AS (
    SELECT started_on AS date,
           CAST(channel AS VARCHAR) AS channel,
           procedure,
           count(*) AS conversations,
           count(*) FILTER (WHERE status = 'resolved') AS resolved,
           count(escalated_at) FILTER (WHERE procedure IS NULL OR procedure = escalation_procedure) AS escalated
    FROM (
        SELECT started_on, channel, status, escalated_at, escalation_procedure, unnest(list_or_null(procedures)) AS procedure
        FROM conversations
        WHERE mode = 'live' AND {started}
    )
    GROUP BY started_on, channel, procedure
),
procedure_lists AS (
    SELECT date,
           channel,
           array_sort(array_agg(named_struct('procedure', procedure, 'conversations', conversations,
                                             'resolved', resolved, 'escalated', escalated))) AS procedures
    FROM procedure_counts
    GROUP BY date, channel
),
-- C6: and once for each of its tags
tag_counts AS (
    SELECT started_on AS date, CAST(channel AS VARCHAR) AS channel, tag, count(*) AS conversations
    FROM (SELECT started_on, channel, unnest(tags) AS tag FROM conversations WHERE mode = 'live' AND {started})
    GROUP BY started_on, channel, tag
),
tag_lists AS (
    SELECT date, channel, array_sort(array_agg(named_struct('tag', tag, 'conversations', conversations))) AS tags
    FROM tag_counts
    GROUP BY date, channel
),
-- The rows of other days stay as they are.
rows AS (
    SELECT s.*, p.procedures, t.tags
    FROM summed s
    LEFT JOIN procedure_lists p ON p.date = s.date AND p.channel = s.channel AND s.before = ''
    LEFT JOIN tag_lists t ON t.date = s.date AND t.channel = s.channel AND s.before = ''
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
           other_currency_orders,
           procedures,
           tags
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
       other_currency_orders,
       procedures,
       tags
FROM rows
ORDER BY date, channel, before
