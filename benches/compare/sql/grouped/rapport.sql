SELECT account_id, started_on, channel, count(*) AS conversations,
       count(*) FILTER (WHERE status = 'resolved') AS resolved,
       count(*) FILTER (WHERE status = 'closed') AS closed,
       sum(messages) AS messages
FROM conversations
GROUP BY account_id, started_on, channel
