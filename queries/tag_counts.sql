-- The tags of the conversations of a range (M1, C6) with their counts, to choose a filter from: most conversations first,
-- then bytewise. A conversation counts once for each of its tags.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column tag : the tag
-- column conversations : the number of conversations with the tag
SELECT account_id, counts['tag'] AS tag, sum(counts['conversations']) AS conversations
FROM (SELECT account_id, unnest(tags) AS counts FROM channel_days($from, $to, $channel))
GROUP BY account_id, counts['tag']
ORDER BY conversations DESC, tag, account_id
