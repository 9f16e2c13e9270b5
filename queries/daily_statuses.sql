-- How the conversations of each day ended (M1, C3): a row for each day of the range and each account in sight, days with
-- nothing too.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, itself included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column date : the day, in the account's time zone (T2)
-- column conversations : conversations that started on it
-- column resolved : those of them with status resolved
-- column routed : those with status routed
-- column closed : those with status closed, the idle ones too (C3, rule 4)
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
    -- A row of nothing for each account and day, so that both will be there.
    SELECT account_id, date, 0, 0, 0, 0, 0
    FROM accounts
    CROSS JOIN (SELECT unnest(generate_series($from, $to, INTERVAL '1 day')) AS date)
)
GROUP BY account_id, date
ORDER BY account_id, date
