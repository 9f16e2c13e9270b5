-- The number of conversations of a range (M1) by channel: one row for each visible account and each of the four channels,
-- with 0 where there are none, in the order web_chat, email, sms, whatsapp.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- column account_id : the account
-- column channel : web_chat, email, sms or whatsapp
-- column conversations : conversations that started in the range
SELECT account_id, channel, sum(conversations) AS conversations
FROM (
    SELECT account_id, channel, conversations
    FROM channel_days($from, $to, NULL)
    UNION ALL
    -- An empty row for each account and channel, so that those without conversations get a row.
    SELECT account_id, unnest(make_array('web_chat', 'email', 'sms', 'whatsapp')), 0
    FROM accounts
)
GROUP BY account_id, channel
ORDER BY account_id, array_position(make_array('web_chat', 'email', 'sms', 'whatsapp'), channel)
