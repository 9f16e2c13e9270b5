-- The keys of an entity that have events and no start (C1), of all that has landed.
SELECT '{kind}' AS kind,
       e.{key} AS key,
       min(e.occurred_at) AS first_at,
       max(e.occurred_at) AS last_at,
       count(*) AS events
FROM events e
WHERE NOT EXISTS (SELECT 1 FROM derived d WHERE d.{key} = e.{key})
GROUP BY e.{key}
