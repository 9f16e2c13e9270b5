-- What the resolved conversations of a range saved: one row for each visible account, by what one conversation costs.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- param human_cost number = null : the cost of a conversation that a human holds; null if it is not known
-- param ai_cost number = null : the cost of a conversation that the agent holds; null if it is not known
-- param human_minutes number = null : the minutes that a conversation takes a human; null if they are not known
-- column account_id : the account
-- column resolved : conversations of the range with status resolved (M2)
-- column cost_saved : resolved x (human_cost - ai_cost); null where one of the two is not known
-- column hours_saved : resolved x human_minutes / 60; null where human_minutes is not known
SELECT account_id,
       resolved,
       CAST(resolved * (CAST($human_cost AS DECIMAL(18, 8)) - CAST($ai_cost AS DECIMAL(18, 8))) AS DECIMAL(28, 4))
           AS cost_saved,
       resolved * $human_minutes / 60 AS hours_saved
FROM status_counts($from, $to, $channel)
ORDER BY account_id
