-- What to improve, with the evidence and where to look. Each row is one finding over the range:
--   low_resolution: a procedure in at least 10 conversations and 10 % of all, of which AI resolves less than half.
--   rarely_picked: a procedure in less than 1 % of at least 200 conversations.
--   escalating_often: a procedure in at least 10 conversations that escalates 30 % of them or more.
--   low_link_clicks: a channel with at least 50 conversations and less than 5 counted clicks per 100 of them.
--   low_sales: a channel with at least 50 conversations and less than 1 attributed order per 100 of them.
-- The thresholds are the same for all accounts; below the least numbers of conversations, chance would speak. Those with
-- most conversations behind them come first.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, itself included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column opportunity : low_resolution, rarely_picked, escalating_often, low_link_clicks or low_sales
-- column procedure : the procedure it is about; null if it is about a channel
-- column channel : the channel it is about; null if it is about a procedure
-- column conversations : conversations behind it
-- column measured : the rate found, 0 to 1 (clicks and orders per conversation may be more)
-- column threshold : the rate it was held against
-- column evidence : the numbers in words
-- column look_at : a query that shows the conversations
WITH findings AS (
    SELECT account_id, 'low_resolution' AS opportunity, procedure, CAST(NULL AS VARCHAR) AS channel, conversations,
           resolution_rate AS measured, 0.5 AS threshold,
           concat('AI resolved ', resolved, ' of ', conversations, ' conversations') AS evidence
    FROM procedures_performance($from, $to, $channel)
    WHERE procedure IS NOT NULL AND conversations >= 10 AND share >= 0.1 AND resolution_rate < 0.5
    UNION ALL
    SELECT account_id, 'rarely_picked', procedure, NULL, conversations, share, 0.01,
           concat('used in ', conversations, ' of ', CAST(round(conversations / share) AS BIGINT), ' conversations')
    FROM procedures_performance($from, $to, $channel)
    WHERE procedure IS NOT NULL AND share < 0.01 AND conversations / share >= 199.5
    UNION ALL
    SELECT account_id, 'escalating_often', procedure, NULL, conversations, escalation_rate, 0.3,
           concat('escalated ', escalated, ' of ', conversations, ' conversations')
    FROM procedures_performance($from, $to, $channel)
    WHERE procedure IS NOT NULL AND conversations >= 10 AND escalation_rate >= 0.3
    UNION ALL
    SELECT account_id, 'low_link_clicks', NULL, channel, conversations,
           CAST(link_clicks AS DOUBLE) / conversations, 0.05,
           concat(link_clicks, ' link clicks in ', conversations, ' conversations')
    FROM (
        SELECT account_id, channel, sum(conversations) AS conversations, sum(link_clicks) AS link_clicks
        FROM channel_days($from, $to, $channel)
        GROUP BY account_id, channel
    )
    WHERE conversations >= 50 AND CAST(link_clicks AS DOUBLE) / conversations < 0.05
    UNION ALL
    SELECT account_id, 'low_sales', NULL, channel, conversations,
           orders / conversations, 0.01,
           concat(orders, ' attributed orders in ', conversations, ' conversations')
    FROM (
        SELECT account_id, channel, sum(conversations) AS conversations, round_credit(sum(credits)) AS orders
        FROM channel_days($from, $to, $channel)
        GROUP BY account_id, channel
    )
    WHERE conversations >= 50 AND orders / conversations < 0.01
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
