-- Counted clicks of live conversations (C2, C9, M3), from the events and with the settings that the stored conversations
-- were made from (M7).
SELECT e.account_id,
       e.event_id,
       e.conversation_id,
       c.channel,
       c.profile_id,
       e.occurred_at AS clicked_at,
       local_date(e.occurred_at, s.timezone) AS clicked_on,
       e.url
FROM stored.consumed_conversation_events AS e
JOIN public.conversations AS c ON c.account_id = e.account_id AND c.conversation_id = e.conversation_id
JOIN stored.applied_accounts AS s ON s.account_id = e.account_id
WHERE e.type = 'link_clicked'
  AND NOT (s.exclude_bot_clicks AND coalesce(e.is_bot, false))
