-- shop: top n: the shoppers who bought most, with their conversations and the share that AI resolved
SELECT o.profile_id, o.orders, o.value, c.conversations, c.resolved
FROM (
    SELECT profile_id, count(*) AS orders, sum(value) AS value
    FROM orders
    WHERE profile_id IS NOT NULL AND NOT cancelled
    GROUP BY profile_id
) AS o
JOIN (
    SELECT profile_id, count(*) AS conversations, count(CASE WHEN status = 'resolved' THEN 1 END) AS resolved
    FROM conversations
    GROUP BY profile_id
) AS c ON c.profile_id = o.profile_id
ORDER BY o.value DESC, o.profile_id
LIMIT 100
