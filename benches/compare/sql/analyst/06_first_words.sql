-- shop: text search: conversations whose first question speaks of sizes or returns, by status
SELECT status, count(*) AS conversations, avg(messages) AS mean_messages
FROM conversations
WHERE lower(first_question) LIKE '%size%' OR lower(first_question) LIKE '%return%'
GROUP BY status
ORDER BY status
