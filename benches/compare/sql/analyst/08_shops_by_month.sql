-- operator: all shops: conversations, resolution and messages by account and month
SELECT account_id,
       date_trunc('month', started_on) AS month,
       count(*) AS conversations,
       count(CASE WHEN status = 'resolved' THEN 1 END) AS resolved,
       sum(messages) AS messages,
       sum(link_clicks) AS clicks
FROM conversations
GROUP BY 1, 2
ORDER BY 1, 2
