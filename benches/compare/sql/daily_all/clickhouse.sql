WITH idle AS (
    SELECT account_id, started_on AS date, channel, count() AS became_idle
    FROM conversations
    WHERE idle_at <= parseDateTime64BestEffort({now}, 6, 'UTC')
    GROUP BY account_id, started_on, channel
)
SELECT m.account_id, m.date, m.channel, conversations, resolved, routed,
       closed + became_idle AS closed,
       open - became_idle AS open,
       link_clicks, cart_adds, round(credits, 9) AS attributed_orders, sales, other_currency_orders
FROM daily_metrics AS m
LEFT JOIN idle AS i USING (account_id, date, channel)
