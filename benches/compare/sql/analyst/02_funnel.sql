-- shop: funnel: conversations by channel with a recommendation, then a click, then a cart addition, then an order
WITH steps AS (
    SELECT conversation_id,
           min(CASE WHEN type = 'conversation_started' THEN occurred_at END) AS started,
           min(CASE WHEN type = 'product_recommended' THEN occurred_at END) AS recommended,
           min(CASE WHEN type = 'link_clicked' THEN occurred_at END) AS clicked,
           min(CASE WHEN type = 'added_to_cart' THEN occurred_at END) AS carted
    FROM raw.conversation_events
    GROUP BY conversation_id
),
ordered AS (
    SELECT conversation_id, min(ordered_at) AS ordered
    FROM orders
    WHERE conversation_id IS NOT NULL
    GROUP BY conversation_id
)
SELECT c.channel,
       count(*) AS conversations,
       count(s.recommended) AS recommended,
       count(CASE WHEN s.clicked >= s.recommended THEN 1 END) AS clicked,
       count(CASE WHEN s.carted >= s.clicked AND s.clicked >= s.recommended THEN 1 END) AS carted,
       count(o.ordered) AS ordered
FROM conversations c
JOIN steps s ON s.conversation_id = c.conversation_id
LEFT JOIN ordered o ON o.conversation_id = c.conversation_id
GROUP BY c.channel
ORDER BY c.channel
