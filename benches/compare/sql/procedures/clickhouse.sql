WITH (
    SELECT count()
    FROM conversations
    WHERE account_id = {account} AND started_on BETWEEN {from} AND {to}
) AS total
SELECT {account} AS account_id,
       nullIf(arrayJoin(if(empty(procedures), [''], procedures)), '') AS procedure,
       count() AS conversations,
       count() / total AS share,
       countIf(status = 'resolved') AS resolved,
       resolved / conversations AS resolution_rate,
       countIf(escalated_at IS NOT NULL AND (procedure IS NULL OR procedure = escalation_procedure)) AS escalated,
       escalated / conversations AS escalation_rate
FROM conversations
WHERE conversations.account_id = {account} AND started_on BETWEEN {from} AND {to}
GROUP BY procedure
ORDER BY conversations DESC, procedure NULLS LAST
