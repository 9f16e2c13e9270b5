SELECT account_id,
       conversation_id,
       profile_id,
       channel,
       CASE WHEN idle_at <= TIMESTAMPTZ {now} THEN 'closed' ELSE status END AS status,
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
       reopened
FROM conversations
WHERE account_id = {account} AND status = 'routed'
ORDER BY last_updated DESC
LIMIT 50
