-- Touches as they landed (section 2).
SELECT account_id,
       event_id,
       occurred_at,
       profile_id,
       CAST(channel AS VARCHAR) AS channel,
       CAST(kind AS VARCHAR) AS kind,
       message_id,
       conversation_id,
       source,
       is_bot,
       is_machine_open,
       is_transactional,
       properties,
       event_date
FROM stored.touch_events
