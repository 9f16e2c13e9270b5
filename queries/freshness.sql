-- How far each account's numbers have come: when its newest events are of, how many wait to be derived, and what of the past
-- may still change. One row for each account in sight.
-- column account_id : the account
-- column as_of : the instant that the answer is of: now
-- column newest_event_at : when the newest landed event happened; null if none has landed
-- column landed_at : when the newest landed event landed; null if none has
-- column derived_at : when anything was last derived of its events; null if nothing was
-- column waiting_events : events that have landed and are not derived yet; all of them where the account could not be
--   derived
-- column window_days : the longest attribution window in force, in days, rounded up (A1, section 3)
-- column open_conversations : conversations that are open (C3)
-- column oldest_open_on : the day on which the oldest of them started; null if there is none
-- column idle_timeout : after how long without events an open conversation counts as closed (C3, rule 4); null for never
-- column changes_from : the first day whose numbers may still change for the windows: today's and as many days before it as
--   window_days, today among them
SELECT a.account_id,
       arrow_cast(now(), 'Timestamp(Microsecond, Some("UTC"))') AS as_of,
       p.newest_event_at,
       p.landed_at,
       p.derived_at,
       p.waiting_events,
       p.window_days,
       coalesce(d.open, 0) AS open_conversations,
       d.oldest_open_on,
       a.idle_timeout,
       local_date(now(), a.timezone) - CAST(p.window_days AS INT) + 1 AS changes_from
FROM accounts AS a
JOIN stored.progress AS p ON p.account_id = a.account_id
LEFT JOIN (
    SELECT account_id, sum(open) AS open, min(date) AS oldest_open_on
    FROM daily_metrics
    WHERE open > 0
    GROUP BY account_id
) AS d ON d.account_id = a.account_id
ORDER BY a.account_id
