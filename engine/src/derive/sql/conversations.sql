-- One row a conversation (C1 to C11), folded from `events`; those without a start too, with the number of their events.
SELECT conversation_id,
       f['profile_id'] AS profile_id,
       arrow_cast(f['channel'], 'Utf8View') AS channel,
       arrow_cast(f['mode'], 'Utf8View') AS mode,
       arrow_cast(f['status'], 'Utf8View') AS status,
       f['first_question'] AS first_question,
       f['procedures'] AS procedures,
       f['tags'] AS tags,
       f['messages'] AS messages,
       f['{link_clicks}'] AS link_clicks,
       f['cart_adds'] AS cart_adds,
       f['started_at'] AS started_at,
       local_date(f['started_at'], {zone}) AS started_on,
       f['first_event_at'] AS first_event_at,
       f['last_event_at'] AS last_event_at,
       f['last_updated'] AS last_updated,
       {idle_at} AS idle_at,
       f['resolved_at'] AS resolved_at,
       f['escalated_at'] AS escalated_at,
       f['escalation_reason'] AS escalation_reason,
       f['escalation_category'] AS escalation_category,
       f['escalation_procedure'] AS escalation_procedure,
       f['reopened'] AS reopened,
       f['rating'] AS rating,
       f['rated_at'] AS rated_at,
       f['human_replied_at'] AS human_replied_at,
       landed_events
FROM (
    SELECT conversation_id,
           count(*) AS landed_events,
           conversation_fold(type, occurred_at, event_id, profile_id, channel, mode, sender, first_message, text,
                             procedure, tag, tags, reason, category, is_bot, rating) AS f
    FROM events
    GROUP BY conversation_id
)
