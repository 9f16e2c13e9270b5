-- The first and the last day with conversations: one row for each visible account, nulls where it has none. The page uses it
-- to point from an empty range to one with data.
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column first_on : the first day on which a conversation started (M1)
-- column last_on : the last such day
-- column last_updated : the instant of the latest event of any conversation (C7)
SELECT account_id,
       min(first_on) AS first_on,
       max(last_on) AS last_on,
       max(last_updated) AS last_updated
FROM (
    SELECT account_id, min(started_on) AS first_on, max(started_on) AS last_on, max(last_updated) AS last_updated
    FROM conversations
    WHERE $channel IS NULL OR array_has($channel, channel)
    GROUP BY account_id
    UNION ALL
    -- An empty row for each account, so that accounts without conversations get a row.
    SELECT account_id, NULL, NULL, NULL
    FROM accounts
)
GROUP BY account_id
ORDER BY account_id
