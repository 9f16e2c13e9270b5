-- Rejected lines (E3), whole; operators only.
SELECT landed_at,
       source,
       line,
       reason,
       raw
FROM stored.rejected_events
