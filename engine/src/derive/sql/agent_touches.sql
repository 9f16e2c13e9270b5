-- The agent's touches (A1): its own messages, the clicks on its links, and touches that name a live conversation. Those
-- that could attribute nothing, for want of a window (A2), are left out.
SELECT l.profile_id AS profile_id,
       e.occurred_at AS occurred_at,
       e.event_id AS event_id,
       l.conversation_id AS conversation_id,
       touch_class(l.channel, e.kind) AS touch_class
FROM (SELECT *, touch_kind(type, sender) AS kind FROM events) e
JOIN live l ON l.conversation_id = e.conversation_id
WHERE e.kind IS NOT NULL AND {event_counts} AND touch_class(l.channel, e.kind) IN ({classes})
UNION ALL
SELECT conversation_profile AS profile_id,
       occurred_at,
       event_id,
       conversation_id,
       touch_class
FROM touched
WHERE conversation_id IS NOT NULL
