SELECT account_id, started_on, channel, count() AS conversations,
       countIf(status = 'resolved') AS resolved,
       countIf(status = 'closed' OR idle_at <= parseDateTime64BestEffort({now}, 6, 'UTC')) AS closed,
       sum(messages) AS messages
FROM conversations
GROUP BY account_id, started_on, channel
