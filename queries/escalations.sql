-- The escalated conversations of a range (M1) by reason, category and procedure of their first escalation (C8); most first.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column reason : the reason; null if none was given
-- column category : the category; null if none was given
-- column procedure : the procedure that escalated; null if none
-- column conversations : escalated conversations
-- column share : conversations / all escalated conversations of the range, 0 to 1
-- column escalation_rate : conversations / all conversations of the range, 0 to 1
-- column last_escalated_at : the instant of the latest escalation
SELECT e.account_id,
       e.reason,
       e.category,
       e.procedure,
       e.conversations,
       CAST(e.conversations AS DOUBLE) / sum(e.conversations) OVER (PARTITION BY e.account_id) AS share,
       CAST(e.conversations AS DOUBLE) / total.conversations AS escalation_rate,
       e.last_escalated_at
FROM (
    SELECT account_id,
           escalation_reason AS reason,
           escalation_category AS category,
           escalation_procedure AS procedure,
           count(*) AS conversations,
           max(escalated_at) AS last_escalated_at
    FROM conversations
    WHERE escalated_at IS NOT NULL
      AND started_on BETWEEN $from AND $to
      AND ($channel IS NULL OR array_has($channel, channel))
    GROUP BY account_id, escalation_reason, escalation_category, escalation_procedure
) AS e
JOIN (
    SELECT account_id, sum(conversations) AS conversations
    FROM channel_days($from, $to, $channel)
    GROUP BY account_id
) AS total ON total.account_id = e.account_id
ORDER BY e.conversations DESC,
         e.reason ASC NULLS LAST,
         e.category ASC NULLS LAST,
         e.procedure ASC NULLS LAST,
         e.account_id
