-- How fresh each account's numbers are: the instant of its newest event, the number of events waiting to be derived, and the
-- first day that may still change. One row for each visible account.
-- column account_id : the account
-- column as_of : the current instant, for which the row holds
-- column newest_event_at : the instant of the newest landed event; null if none has landed
-- column landed_at : the instant at which the newest event landed; null if none has
-- column derived_at : the instant at which its events were last derived; null if never
-- column waiting_events : the number of landed events that are not derived yet; all of them where deriving the account
--   failed
-- column window_days : the longest attribution window in force, in days, rounded up (A1, section 3)
-- column open_conversations : the number of open conversations (C3)
-- column oldest_open_on : the day on which the oldest of them started; null if there is none
-- column idle_timeout : the time without events after which an open conversation counts as closed (C3, rule 4); null for never
-- column changes_from : the first day whose sales may still change because of attribution windows: the first of the last
--   window_days days, today included
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
