-- What could be improved, with the evidence and a query that shows it. Each row is one finding over the range:
--   low_resolution: a procedure in at least 10 conversations and 10 % of all, of which AI resolves less than half.
--   rarely_picked: a procedure in less than 1 % of at least 200 conversations.
--   escalating_often: a procedure in at least 10 conversations that escalates 30 % of them or more.
--   low_link_clicks: a channel with at least 50 conversations and less than 5 counted clicks per 100 of them.
--   low_sales: a channel with at least 50 conversations and less than 1 attributed order per 100 of them.
-- The thresholds are the same for all accounts. Fewer conversations than these minimums would only show chance. Findings with
-- the most conversations come first.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column opportunity : low_resolution, rarely_picked, escalating_often, low_link_clicks or low_sales
-- column procedure : the procedure it is about; null if it is about a channel
-- column channel : the channel it is about; null if it is about a procedure
-- column conversations : the number of conversations that the finding rests on
-- column measured : the rate found, 0 to 1 (clicks and orders per conversation may be more)
-- column threshold : the rate that it is compared with
-- column evidence : the numbers in words
-- column look_at : a query that shows the conversations
WITH findings AS (
    SELECT account_id,
           opportunity,
           procedure,
           CAST(NULL AS VARCHAR) AS channel,
           conversations,
           CASE opportunity WHEN 'low_resolution' THEN resolution_rate
                            WHEN 'rarely_picked' THEN share
                            ELSE escalation_rate END AS measured,
           CASE opportunity WHEN 'low_resolution' THEN 0.5
                            WHEN 'rarely_picked' THEN 0.01
                            ELSE 0.3 END AS threshold,
           CASE opportunity WHEN 'low_resolution'
                            THEN concat('AI resolved ', resolved, ' of ', conversations, ' conversations')
                            WHEN 'rarely_picked'
                            THEN concat('used in ', conversations, ' of ', CAST(round(conversations / share) AS BIGINT), ' conversations')
                            ELSE concat('escalated ', escalated, ' of ', conversations, ' conversations') END AS evidence
    FROM (
        SELECT *, unnest(make_array('low_resolution', 'rarely_picked', 'escalating_often')) AS opportunity
        FROM procedures_performance($from, $to, $channel)
        WHERE procedure IS NOT NULL
    )
    WHERE CASE opportunity WHEN 'low_resolution'
                           THEN conversations >= 10 AND share >= 0.1 AND resolution_rate < 0.5
                           WHEN 'rarely_picked'
                           THEN share < 0.01 AND conversations / share >= 199.5
                           ELSE conversations >= 10 AND escalation_rate >= 0.3 END
    UNION ALL
    SELECT account_id,
           opportunity,
           CAST(NULL AS VARCHAR),
           channel,
           conversations,
           CASE opportunity WHEN 'low_link_clicks' THEN link_clicks / conversations
                            ELSE orders / conversations END,
           CASE opportunity WHEN 'low_link_clicks' THEN 0.05
                            ELSE 0.01 END,
           CASE opportunity WHEN 'low_link_clicks'
                            THEN concat(CAST(link_clicks AS BIGINT), ' link clicks in ', conversations, ' conversations')
                            ELSE concat(orders, ' attributed orders in ', conversations, ' conversations') END
    FROM (
        SELECT *, unnest(make_array('low_link_clicks', 'low_sales')) AS opportunity
        FROM (
            SELECT account_id,
                   channel,
                   sum(conversations) AS conversations,
                   CAST(sum(link_clicks) AS DOUBLE) AS link_clicks,
                   round_credit(sum(credits)) AS orders
            FROM channel_days($from, $to, $channel)
            GROUP BY account_id, channel
        )
        WHERE conversations >= 50
    )
    WHERE CASE opportunity WHEN 'low_link_clicks' THEN link_clicks / conversations < 0.05
                           ELSE orders / conversations < 0.01 END
)
SELECT account_id,
       opportunity,
       procedure,
       channel,
       conversations,
       measured,
       threshold,
       evidence,
       concat('SELECT * FROM conversations WHERE account_id = ''', account_id,
              ''' AND started_on BETWEEN ''', $from, ''' AND ''', $to, ''' AND ',
              CASE WHEN procedure IS NULL THEN concat('channel = ''', channel, '''')
                   ELSE concat('array_has(procedures, ''', replace(procedure, '''', ''''''), ''')') END,
              CASE opportunity WHEN 'low_resolution' THEN ' AND status <> ''resolved'''
                               WHEN 'escalating_often' THEN ' AND escalated_at IS NOT NULL'
                               WHEN 'low_link_clicks' THEN ' AND link_clicks = 0'
                               ELSE '' END) AS look_at
FROM findings
ORDER BY conversations DESC, account_id, opportunity, procedure, channel
