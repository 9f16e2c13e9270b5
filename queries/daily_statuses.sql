-- The number of conversations by status (C3) and day (M1): one row for each day of the range and each visible account, also
-- for days without conversations.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column date : the day, in the account's time zone (T2)
-- column conversations : conversations that started on that day
-- column resolved : those with status resolved
-- column routed : those with status routed
-- column closed : those with status closed, including idle ones (C3, rule 4)
-- column open : those with status open
SELECT account_id,
       date,
       sum(conversations) AS conversations,
       sum(resolved) AS resolved,
       sum(routed) AS routed,
       sum(closed) AS closed,
       sum(open) AS open
FROM (
    SELECT account_id, date, conversations, resolved, routed, closed, open
    FROM daily_metrics
    WHERE date BETWEEN $from AND $to
      AND ($channel IS NULL OR array_has($channel, channel))
    UNION ALL
    -- An empty row for each account and day, so that days without conversations get a row.
    SELECT account_id, date, 0, 0, 0, 0, 0
    FROM accounts
    CROSS JOIN (SELECT unnest(generate_series($from, $to, INTERVAL '1 day')) AS date)
)
GROUP BY account_id, date
ORDER BY account_id, date
