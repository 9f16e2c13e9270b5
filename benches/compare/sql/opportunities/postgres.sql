WITH ranged AS MATERIALIZED (
    SELECT procedures, status, escalated_at, escalation_procedure
    FROM conversations
    WHERE account_id = {account} AND started_on BETWEEN DATE {from} AND DATE {to}
),
performance AS (
    SELECT procedure,
           count(*) AS conversations,
           count(*)::float8 / (SELECT count(*) FROM ranged) AS share,
           count(*) FILTER (WHERE status = 'resolved')::float8 / count(*) AS resolution_rate,
           count(*) FILTER (WHERE escalated_at IS NOT NULL AND procedure = escalation_procedure)::float8 / count(*) AS escalation_rate
    FROM (
        SELECT procedure, status, escalated_at, escalation_procedure
        FROM ranged
        CROSS JOIN LATERAL unnest(procedures) AS procedure
    ) AS each_procedure
    WHERE procedure IS NOT NULL
    GROUP BY procedure
),
channels AS (
    SELECT channel,
           sum(conversations)::BIGINT AS conversations,
           sum(link_clicks)::float8 AS link_clicks,
           sum(credits) AS orders
    FROM daily_metrics
    WHERE account_id = {account} AND date BETWEEN DATE {from} AND DATE {to}
    GROUP BY channel
    HAVING sum(conversations) >= 50
)
SELECT {account} AS account_id,
       opportunity,
       procedure,
       NULL AS channel,
       conversations,
       CASE opportunity WHEN 'low_resolution' THEN resolution_rate
                        WHEN 'rarely_picked' THEN share
                        ELSE escalation_rate END AS measured,
       CASE opportunity WHEN 'low_resolution' THEN 0.5 WHEN 'rarely_picked' THEN 0.01 ELSE 0.3 END AS threshold
FROM (SELECT *, unnest(ARRAY['low_resolution', 'rarely_picked', 'escalating_often']) AS opportunity FROM performance) AS tried
WHERE CASE opportunity WHEN 'low_resolution' THEN conversations >= 10 AND share >= 0.1 AND resolution_rate < 0.5
                       WHEN 'rarely_picked' THEN share < 0.01 AND conversations / share >= 199.5
                       ELSE conversations >= 10 AND escalation_rate >= 0.3 END
UNION ALL
SELECT {account},
       opportunity,
       NULL,
       channel,
       conversations,
       CASE opportunity WHEN 'low_link_clicks' THEN link_clicks / conversations ELSE orders / conversations END,
       CASE opportunity WHEN 'low_link_clicks' THEN 0.05 ELSE 0.01 END
FROM (SELECT *, unnest(ARRAY['low_link_clicks', 'low_sales']) AS opportunity FROM channels) AS tried
WHERE CASE opportunity WHEN 'low_link_clicks' THEN link_clicks / conversations < 0.05 ELSE orders / conversations < 0.01 END
ORDER BY conversations DESC, opportunity, procedure, channel
