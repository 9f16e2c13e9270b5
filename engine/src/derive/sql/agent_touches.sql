-- The agent's touches (A1): its own messages, the clicks on its links, and touches that name a live conversation. Those
-- that could attribute nothing, for want of a window (A2), are left out.
SELECT profile_id, occurred_at, event_id, conversation_id, touch_class
FROM (
    SELECT l.profile_id AS profile_id,
           e.occurred_at AS occurred_at,
           e.event_id AS event_id,
           l.conversation_id AS conversation_id,
           touch_class(l.channel, e.kind) AS touch_class
    FROM (SELECT *, touch_kind(type, sender) AS kind FROM events) e
    JOIN live l ON l.conversation_id = e.conversation_id
    WHERE e.kind IS NOT NULL AND {event_counts}
    UNION ALL
    SELECT l.profile_id AS profile_id,
           t.occurred_at AS occurred_at,
           t.event_id AS event_id,
           l.conversation_id AS conversation_id,
           touch_class(t.channel, t.kind) AS touch_class
    FROM touches t
    JOIN live l ON l.conversation_id = t.conversation_id
    WHERE {touch_counts}
)
WHERE touch_class IN ({classes})
