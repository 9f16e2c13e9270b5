WITH ranged AS MATERIALIZED (
    SELECT procedures, status, escalated_at, escalation_procedure
    FROM conversations
    WHERE account_id = {account} AND started_on BETWEEN DATE {from} AND DATE {to}
)
SELECT {account} AS account_id,
       procedure,
       count(*) AS conversations,
       count(*)::float8 / (SELECT count(*) FROM ranged) AS share,
       count(*) FILTER (WHERE status = 'resolved') AS resolved,
       count(*) FILTER (WHERE status = 'resolved')::float8 / count(*) AS resolution_rate,
       count(*) FILTER (WHERE escalated_at IS NOT NULL AND (procedure IS NULL OR procedure = escalation_procedure)) AS escalated,
       count(*) FILTER (WHERE escalated_at IS NOT NULL AND (procedure IS NULL OR procedure = escalation_procedure))::float8
           / count(*) AS escalation_rate
FROM ranged
LEFT JOIN LATERAL unnest(procedures) AS procedure ON true
GROUP BY procedure
ORDER BY conversations DESC, procedure COLLATE "C" NULLS LAST
