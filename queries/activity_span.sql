-- From when to when there are conversations, so that who sees an empty range can be told where there are some: one row for
-- each account in sight, nulls where there are none.
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column first_on : the first day on which a conversation started (M1)
-- column last_on : the last such day
-- column last_updated : when anything last happened in a conversation (C7)
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
    -- A row of nothing for each account, so that it will be there.
    SELECT account_id, NULL, NULL, NULL
    FROM accounts
)
GROUP BY account_id
ORDER BY account_id
