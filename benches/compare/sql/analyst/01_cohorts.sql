-- shop: cohorts: shoppers by the week of their first conversation, and how many came back in each week after
WITH firsts AS (
    SELECT profile_id, min(started_at) AS first_at
    FROM conversations
    WHERE profile_id IS NOT NULL
    GROUP BY profile_id
)
SELECT date_trunc('week', f.first_at) AS cohort,
       CAST(floor(extract(epoch FROM c.started_at - f.first_at) / 604800) AS BIGINT) AS weeks_later,
       count(DISTINCT c.profile_id) AS shoppers
FROM conversations c
JOIN firsts f ON f.profile_id = c.profile_id
GROUP BY 1, 2
ORDER BY 1, 2
