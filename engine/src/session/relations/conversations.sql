-- Live conversations (C1, C2). What is stored does not depend on now; only the idle rule does (C3, rule 4), and is
-- applied here: `idle_at` is set only where a conversation is open and its account has an idle timeout. It is compared
-- in microseconds, for an instant centuries away does not fit nanoseconds.
SELECT account_id,
       conversation_id,
       profile_id,
       CAST(channel AS VARCHAR) AS channel,
       CASE WHEN idle_at <= arrow_cast(now(), 'Timestamp(Microsecond, Some("UTC"))') THEN 'closed'
            ELSE CAST(status AS VARCHAR) END AS status,
       first_question,
       procedures,
       tags,
       messages,
       link_clicks,
       cart_adds,
       started_at,
       started_on,
       last_updated,
       resolved_at,
       escalated_at,
       escalation_reason,
       escalation_category,
       escalation_procedure,
       reopened,
       rating,
       rated_at,
       human_replied_at
FROM stored.conversations
WHERE mode = 'live'
