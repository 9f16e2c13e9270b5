WITH idle AS (
    SELECT account_id, started_on AS date, channel, count(*) AS conversations
    FROM conversations
    WHERE idle_at <= TIMESTAMPTZ {now}
    GROUP BY account_id, started_on, channel
)
SELECT account_id, date, channel, m.conversations, resolved, routed,
       closed + coalesce(i.conversations, 0) AS closed,
       open - coalesce(i.conversations, 0) AS open,
       link_clicks, cart_adds, round(credits::numeric, 9) AS attributed_orders, sales, other_currency_orders
FROM daily_metrics m
LEFT JOIN idle i USING (account_id, date, channel)
