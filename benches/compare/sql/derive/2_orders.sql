-- Orders (A8 to A10) from raw events.
CREATE TEMP TABLE orders AS
SELECT account_id,
       order_id,
       placed.profile_id AS profile_id,
       placed.conversation_id AS conversation_id,
       placed.at AS ordered_at,
       CAST(placed.at AT TIME ZONE timezone AS DATE) AS ordered_on,
       placed.value AS value,
       coalesce(placed.currency, a.currency) AS currency,
       CAST(CASE WHEN cancelled THEN placed.value ELSE least(placed.value, coalesce(refunded, 0)) END AS DECIMAL(18, 4))
           AS refunded_value,
       cancelled
FROM (
    SELECT account_id,
           order_id,
           arg_min({'at': occurred_at, 'profile_id': profile_id, 'conversation_id': conversation_id, 'value': value,
                    'currency': currency}, occurred_at) FILTER (type = 'order_placed') AS placed,
           sum(value) FILTER (type = 'order_refunded') AS refunded,
           count(*) FILTER (type = 'order_cancelled') > 0 AS cancelled
    FROM order_events
    GROUP BY account_id, order_id
)
JOIN accounts a USING (account_id)
WHERE placed IS NOT NULL;
