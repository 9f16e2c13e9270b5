-- The event types that each account has ever sent: one row for each account and type with a landed event, derived or not. A
-- metric whose event type is missing here has no value yet, rather than 0.
-- column account_id : the account
-- column type : the type (section 2); touch for touches
-- column events : the number of landed events
-- column first_at : the instant of the earliest
-- column last_at : the instant of the latest
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
