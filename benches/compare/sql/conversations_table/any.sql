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
       last_updated,
       resolved_at,
       escalated_at,
       escalation_reason
FROM conversations
WHERE account_id = {account} AND started_on BETWEEN DATE {from} AND DATE {to}
ORDER BY last_updated DESC, conversation_id
LIMIT 50
