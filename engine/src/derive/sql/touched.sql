-- The touches that count (A2) and whose class has a window, each with the live conversation that it names, if any.
SELECT t.profile_id AS profile_id,
       t.occurred_at AS occurred_at,
       t.event_id AS event_id,
       t.message_id AS message_id,
       touch_class(t.channel, t.kind) AS touch_class,
       l.conversation_id AS conversation_id,
       l.profile_id AS conversation_profile
FROM touches t
LEFT JOIN live l ON l.conversation_id = t.conversation_id
WHERE {touch_counts} AND touch_class(t.channel, t.kind) IN ({classes})
