-- The keys of an entity that the `changed` events name, with what its `derived` row and its orphans' row say, in
-- microseconds.
WITH
fresh AS (
    SELECT {key} AS key,
           min(occurred_at) AS first_at,
           max(occurred_at) AS last_at,
           count(*) AS events,
           min(occurred_at) FILTER (WHERE type = '{start}') AS start_at
    FROM changed
    GROUP BY {key}
)
SELECT f.key AS key,
       CAST(f.first_at AS BIGINT) AS fresh_first,
       CAST(f.last_at AS BIGINT) AS fresh_last,
       f.events AS fresh_events,
       CAST(f.start_at AS BIGINT) AS fresh_start,
       CAST(d.{started_at} AS BIGINT) AS known_start,
       CAST(d.first_event_at AS BIGINT) AS known_first,
       CAST(d.last_event_at AS BIGINT) AS known_last,
       CAST(o.first_at AS BIGINT) AS waiting_first,
       CAST(o.last_at AS BIGINT) AS waiting_last,
       o.events AS waiting_events
FROM fresh f
LEFT JOIN derived d ON d.{key} = f.key
LEFT JOIN ({waiting}) o ON o.key = f.key
