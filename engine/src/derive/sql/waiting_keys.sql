-- The orphans of a kind, with the events that they have yet to count.
SELECT key, min(first_at) AS first_at, max(last_at) AS last_at, sum(events) AS events
FROM (
    SELECT key, first_at, last_at, events
    FROM orphans
    WHERE kind = '{kind}'
    UNION ALL
    SELECT {key} AS key, min(occurred_at) AS first_at, max(occurred_at) AS last_at, count(*) AS events
    FROM uncounted
    GROUP BY {key}
)
GROUP BY key
