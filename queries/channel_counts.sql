-- The conversations of a range (M1) by channel: a row for each account in sight and each of the four channels, those with
-- nothing too, in the order web_chat, email, sms, whatsapp.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, itself included
-- column account_id : the account
-- column channel : web_chat, email, sms or whatsapp
-- column conversations : conversations that started in the range
SELECT account_id, channel, sum(conversations) AS conversations
FROM (
    SELECT account_id, channel, conversations
    FROM channel_days($from, $to, NULL)
    UNION ALL
    -- A row of nothing for each account and channel, so that both will be there.
    SELECT account_id, unnest(make_array('web_chat', 'email', 'sms', 'whatsapp')), 0
    FROM accounts
)
GROUP BY account_id, channel
ORDER BY account_id, array_position(make_array('web_chat', 'email', 'sms', 'whatsapp'), channel)
