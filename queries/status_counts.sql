-- The number of conversations of a range (M1) by status (C3): one row for each visible account, also where nothing happened.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column conversations : conversations that started in the range
-- column resolved : those with status resolved
-- column routed : those with status routed
-- column closed : those with status closed, including idle ones (C3, rule 4)
-- column open : those with status open
SELECT account_id,
       sum(conversations) AS conversations,
       sum(resolved) AS resolved,
       sum(routed) AS routed,
       sum(closed) AS closed,
       sum(open) AS open
FROM (
    SELECT account_id, conversations, resolved, routed, closed, open
    FROM daily_metrics
    WHERE date BETWEEN $from AND $to
      AND ($channel IS NULL OR array_has($channel, channel))
    UNION ALL
    -- An empty row for each account, so that accounts without conversations get a row.
    SELECT account_id, 0, 0, 0, 0, 0
    FROM accounts
)
GROUP BY account_id
ORDER BY account_id
