-- Day and channel with anything that the columns count (M1 to M5). The stored rows of a day and channel are summed: an
-- order in another currency stands once for each of its channels, whatever other channels count it too (A10). Then the
-- open conversations that have become idle since they were stored move to the closed ones (C3, rule 4).
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
       round_credit(sum(credits)) AS attributed_orders,
       CAST(sum(sales) AS DECIMAL(28, 4)) AS sales,
       sum(other_currency_orders) AS other_currency_orders
FROM (
    SELECT account_id, date, CAST(channel AS VARCHAR) AS channel, conversations, resolved, routed, closed, open,
           link_clicks, cart_adds, credits, sales, other_currency_orders
    FROM stored.daily_metrics
    UNION ALL
    SELECT account_id, started_on, CAST(channel AS VARCHAR), 0, 0, 0, 1, -1,
           0, 0, CAST(0 AS DECIMAL(38, 24)), CAST(0 AS DECIMAL(28, 4)), 0
    FROM stored.conversations
    WHERE mode = 'live' AND idle_at <= arrow_cast(now(), 'Timestamp(Microsecond, Some("UTC"))')
) AS day
GROUP BY account_id, date, channel
HAVING sum(day.conversations) + sum(day.link_clicks) + sum(day.cart_adds) + sum(day.other_currency_orders) > 0
    OR sum(day.credits) > 0
