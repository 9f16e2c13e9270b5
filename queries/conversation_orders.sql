-- The orders that credit a conversation (A8) or name it (A4), sorted by ordered_at. No rows for a conversation that is not
-- live or does not exist (C1, C2).
-- param conversation text = null : the conversation_id; null gives no rows
-- column account_id : the account
-- column order_id : the order
-- column ordered_at : the instant at which it was placed
-- column ordered_on : the day of that instant, in the account's time zone (T2)
-- column value : its value, in its currency
-- column currency : its currency
-- column refunded_value : the refunded part of its value (A9)
-- column cancelled : whether it was cancelled
-- column profile_id : the profile of the order, if known
-- column credited : whether this conversation has credit for it
-- column touch_class : the class of the touch that has the credit; null, like all following columns, where not credited
-- column touched_at : the instant of that touch
-- column seconds_to_order : whole seconds from the touch to the order
-- column credit : the conversation's credit for the order, above 0 up to 1 (A6, A7)
-- column attributed_value : its part of the value, gross
-- column net_value : its part of the value, net of refunds (A9)
SELECT o.account_id,
       o.order_id,
       o.ordered_at,
       o.ordered_on,
       o.value,
       o.currency,
       o.refunded_value,
       o.cancelled,
       o.profile_id,
       a.order_id IS NOT NULL AS credited,
       a.touch_class,
       a.touched_at,
       a.seconds_to_order,
       a.credit,
       a.attributed_value,
       a.net_value
FROM (
    -- The ids of the orders, with their instants, so that files of other months are skipped.
    SELECT account_id, order_id, ordered_at FROM attributed_orders WHERE conversation_id = $conversation
    UNION
    SELECT named.account_id, named.order_id, named.ordered_at
    FROM (SELECT account_id FROM conversations WHERE conversation_id = $conversation) AS c
    JOIN (
        SELECT account_id, order_id, ordered_at FROM orders WHERE conversation_id = $conversation
    ) AS named ON named.account_id = c.account_id
) AS k
JOIN orders AS o ON o.account_id = k.account_id AND o.order_id = k.order_id AND o.ordered_at = k.ordered_at
LEFT JOIN (
    SELECT account_id, order_id, touch_class, touched_at, seconds_to_order, credit, attributed_value, net_value
    FROM attributed_orders
    WHERE conversation_id = $conversation
) AS a ON a.account_id = o.account_id AND a.order_id = o.order_id
ORDER BY o.account_id, o.ordered_at, o.order_id
