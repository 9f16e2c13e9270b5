-- shop: join of orders to conversations: orders of shoppers within a week of a conversation, by channel and status
SELECT c.channel,
       c.status,
       count(DISTINCT o.order_id) AS orders,
       count(*) AS pairs,
       sum(o.value) AS value
FROM orders o
JOIN conversations c ON c.profile_id = o.profile_id
WHERE o.ordered_at >= c.started_at AND o.ordered_at < c.started_at + INTERVAL '7 days'
GROUP BY c.channel, c.status
ORDER BY c.channel, c.status
