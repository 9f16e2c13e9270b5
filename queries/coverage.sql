-- Which kinds of events each account has ever sent: a row for each account and type with a landed event, whether anything is
-- derived from it or not. A metric whose kind is not here has no value yet, rather than 0.
-- column account_id : the account
-- column type : the type (section 2); touch for touches
-- column events : how many have landed
-- column first_at : when the earliest of them happened
-- column last_at : when the latest of them happened
SELECT account_id,
       type,
       count(*) AS events,
       min(occurred_at) AS first_at,
       max(occurred_at) AS last_at
FROM (
    SELECT account_id, type, occurred_at FROM raw.conversation_events
    UNION ALL
    SELECT account_id, type, occurred_at FROM raw.order_events
    UNION ALL
    SELECT account_id, 'touch', occurred_at FROM raw.touch_events
)
GROUP BY account_id, type
ORDER BY account_id, type
