-- operator: all shops: raw events of a week by type and day
SELECT type, event_date, count(*) AS events, count(DISTINCT account_id) AS accounts
FROM raw.conversation_events
WHERE event_date BETWEEN {week_from} AND {to}
GROUP BY type, event_date
ORDER BY type, event_date
