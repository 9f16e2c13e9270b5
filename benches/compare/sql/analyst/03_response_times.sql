-- shop: window: how long shoppers waited for the agent's next message, by hour of the day
WITH messages AS (
    SELECT conversation_id,
           sender,
           occurred_at,
           lead(sender) OVER (PARTITION BY conversation_id ORDER BY occurred_at, event_id) AS next_sender,
           lead(occurred_at) OVER (PARTITION BY conversation_id ORDER BY occurred_at, event_id) AS next_at
    FROM raw.conversation_events
    WHERE type = 'message_sent'
)
SELECT CAST(extract(hour FROM occurred_at) AS BIGINT) AS hour,
       count(*) AS answered,
       round(CAST(avg(extract(epoch FROM next_at - occurred_at)) AS NUMERIC(18, 6)), 3) AS mean_seconds,
       round(CAST(max(extract(epoch FROM next_at - occurred_at)) AS NUMERIC(18, 6)), 3) AS longest_seconds
FROM messages
WHERE sender = 'shopper' AND next_sender = 'agent'
GROUP BY 1
ORDER BY 1
