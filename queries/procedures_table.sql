-- How each procedure performs (M6), with confidence bounds: the rows of procedures_performance in the same order, each with
-- the 95 % confidence interval of its resolution rate (Wilson's score interval).
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
-- column resolution_low : the lower bound of resolution_rate
-- column resolution_high : the upper bound of resolution_rate
SELECT account_id,
       procedure,
       conversations,
       share,
       resolved,
       resolution_rate,
       escalated,
       escalation_rate,
       wilson_low(resolved, conversations) AS resolution_low,
       wilson_high(resolved, conversations) AS resolution_high
FROM procedures_performance($from, $to, $channel)
