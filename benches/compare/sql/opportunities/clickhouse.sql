WITH (
    SELECT count()
    FROM conversations
    WHERE account_id = {account} AND started_on BETWEEN {from} AND {to}
) AS total,
performance AS (
    SELECT arrayJoin(procedures) AS procedure,
           count() AS conversations,
           count() / total AS share,
           countIf(status = 'resolved') / count() AS resolution_rate,
           countIf(escalated_at IS NOT NULL AND procedure = escalation_procedure) / count() AS escalation_rate
    FROM conversations
    WHERE account_id = {account} AND started_on BETWEEN {from} AND {to}
    GROUP BY procedure
),
channels AS (
    SELECT channel, sum(m.conversations) AS conversations, sum(m.link_clicks) AS link_clicks, sum(m.credits) AS orders
    FROM daily_metrics AS m
    WHERE account_id = {account} AND date BETWEEN {from} AND {to}
    GROUP BY channel
    HAVING conversations >= 50
)
SELECT *
FROM (
    SELECT {account} AS account_id,
           opportunity,
           CAST(procedure, 'Nullable(String)') AS procedure,
           CAST(NULL, 'Nullable(String)') AS channel,
           toInt64(conversations) AS conversations,
           multiIf(opportunity = 'low_resolution', resolution_rate, opportunity = 'rarely_picked', share, escalation_rate) AS measured,
           multiIf(opportunity = 'low_resolution', 0.5, opportunity = 'rarely_picked', 0.01, 0.3) AS threshold
    FROM performance
    ARRAY JOIN ['low_resolution', 'rarely_picked', 'escalating_often'] AS opportunity
    WHERE multiIf(opportunity = 'low_resolution', conversations >= 10 AND share >= 0.1 AND resolution_rate < 0.5,
                  opportunity = 'rarely_picked', share < 0.01 AND conversations / share >= 199.5,
                  conversations >= 10 AND escalation_rate >= 0.3)
    UNION ALL
    SELECT {account},
           opportunity,
           NULL,
           CAST(channel, 'Nullable(String)'),
           toInt64(conversations),
           if(opportunity = 'low_link_clicks', link_clicks, orders) / conversations,
           if(opportunity = 'low_link_clicks', 0.05, 0.01)
    FROM channels
    ARRAY JOIN ['low_link_clicks', 'low_sales'] AS opportunity
    WHERE if(opportunity = 'low_link_clicks', link_clicks / conversations < 0.05, orders / conversations < 0.01)
)
ORDER BY conversations DESC, opportunity, procedure, channel
