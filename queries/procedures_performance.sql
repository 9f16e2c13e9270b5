-- How each procedure performs (M6): a conversation counts once for each of its procedures, and under null ("Unassigned")
-- if it has none, so the rows may sum to more than the total. Most conversations first, then by name, null last.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column procedure : the procedure; null for conversations that have none
-- column conversations : conversations of the range with that procedure
-- column share : conversations / all conversations of the range, 0 to 1
-- column resolved : those with status resolved
-- column resolution_rate : resolved / conversations, 0 to 1
-- column escalated : those that this procedure escalated; under null, those that escalated without one (M6)
-- column escalation_rate : escalated / conversations, 0 to 1
SELECT p.account_id,
       p.procedure,
       p.conversations,
       CAST(p.conversations AS DOUBLE) / total.conversations AS share,
       p.resolved,
       CAST(p.resolved AS DOUBLE) / p.conversations AS resolution_rate,
       p.escalated,
       CAST(p.escalated AS DOUBLE) / p.conversations AS escalation_rate
FROM (
    SELECT account_id,
           counts['procedure'] AS procedure,
           sum(counts['conversations']) AS conversations,
           sum(counts['resolved']) AS resolved,
           sum(counts['escalated']) AS escalated
    FROM (SELECT account_id, unnest(procedures) AS counts FROM channel_days($from, $to, $channel))
    GROUP BY account_id, counts['procedure']
) AS p
JOIN (
    SELECT account_id, sum(conversations) AS conversations
    FROM channel_days($from, $to, $channel)
    GROUP BY account_id
) AS total ON total.account_id = p.account_id
ORDER BY p.conversations DESC, p.procedure ASC NULLS LAST, p.account_id
