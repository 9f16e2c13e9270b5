-- A conversation under each of its procedures, or under null if it has none (M6). `escalated`: its escalation's
-- procedure is this one; under null, it escalated.
SELECT account_id,
       conversation_id,
       procedure,
       channel,
       status,
       started_on,
       CASE WHEN escalated_at IS NULL THEN false
            WHEN procedure IS NULL THEN true
            ELSE coalesce(escalation_procedure = procedure, false) END AS escalated
FROM (
    SELECT account_id,
           conversation_id,
           unnest(list_or_null(procedures)) AS procedure,
           channel,
           status,
           started_on,
           escalated_at,
           escalation_procedure
    FROM public.conversations
)
