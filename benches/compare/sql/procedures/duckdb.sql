WITH ranged AS (
    SELECT procedures, status, escalated_at, escalation_procedure
    FROM conversations
    WHERE account_id = {account} AND started_on BETWEEN DATE {from} AND DATE {to}
)
SELECT {account} AS account_id,
       procedure,
       count(*) AS conversations,
       count(*)::DOUBLE / (SELECT count(*) FROM ranged) AS share,
       count(*) FILTER (status = 'resolved') AS resolved,
       count(*) FILTER (status = 'resolved')::DOUBLE / count(*) AS resolution_rate,
       count(*) FILTER (escalated_at IS NOT NULL AND (procedure IS NULL OR procedure = escalation_procedure)) AS escalated,
       count(*) FILTER (escalated_at IS NOT NULL AND (procedure IS NULL OR procedure = escalation_procedure))::DOUBLE
           / count(*) AS escalation_rate
FROM (
    SELECT unnest(CASE WHEN len(procedures) = 0 THEN [NULL] ELSE procedures END) AS procedure,
           status, escalated_at, escalation_procedure
    FROM ranged
)
GROUP BY procedure
ORDER BY conversations DESC, procedure NULLS LAST
