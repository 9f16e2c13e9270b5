-- The attributed orders of a range (M3), one row for each conversation that an order is credited to (A8), for a paged list
-- that is read like conversations_page: newest first, then by row_id, or with `ascending` exactly the reverse order.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels of the conversations; null for all
-- param ascending boolean = false : true for ascending order, the oldest first
-- param after_key integer = null : lists the rows after this key; null for the first page
-- param after_id text = null : with after_key, also lists the rows of that very key after this row_id; null for none of them
-- column account_id : the account
-- column order_id : the order
-- column conversation_id : the conversation that it is credited to
-- column first_question : the shopper's first question in it (C4)
-- column channel : the conversation's channel: web_chat, email, sms or whatsapp
-- column profile_id : the profile of the order, if known
-- column ordered_at : the instant at which it was placed
-- column value : the order's value
-- column currency : the order's currency
-- column in_account_currency : whether that is the account's currency, which the headline counts (A10)
-- column touch_class : the class of the touch that won it (A1)
-- column touched_at : the instant of that touch (A8)
-- column seconds_to_order : from the touch to the order, in whole seconds (A8)
-- column credit : the conversation's credit for the order, above 0 up to 1 (A7)
-- column attributed_value : the conversation's part of the order's value, gross (A9)
-- column net_value : the same, less its part of refunds and cancellations (A9)
-- column refunded_value : the refunded part of the order's value (A9)
-- column cancelled : whether the order was cancelled
-- column key : the sort key: ordered_at in microseconds since 1970
-- column row_id : an id unique to this row, made of the order's and the conversation's id, and the length of the former
SELECT a.account_id,
       a.order_id,
       a.conversation_id,
       c.first_question,
       CAST(a.channel AS VARCHAR) AS channel,
       a.profile_id,
       a.ordered_at,
       a.value,
       a.currency,
       a.in_account_currency,
       a.touch_class,
       a.touched_at,
       a.seconds_to_order,
       a.credit,
       a.attributed_value,
       a.net_value,
       o.refunded_value,
       o.cancelled,
       a.key,
       a.row_id
FROM (
    SELECT *,
           CAST(ordered_at AS BIGINT) AS key,
           concat(order_id, '~', conversation_id, '~', character_length(order_id)) AS row_id
    FROM stored.attributed_orders
    WHERE ordered_on BETWEEN $from AND $to
      AND ($channel IS NULL OR array_has($channel, CAST(channel AS VARCHAR)))
) AS a
JOIN stored.conversations AS c ON c.account_id = a.account_id AND c.conversation_id = a.conversation_id
-- Reads only the orders of those days, and of two more days in case a change of the zone is not fully derived yet.
JOIN stored.orders AS o ON o.account_id = a.account_id AND o.order_id = a.order_id
     AND o.ordered_on BETWEEN $from - 2 AND $to + 2
WHERE $after_key IS NULL
   OR CASE WHEN $ascending
           THEN a.key >= $after_key AND (a.key > $after_key OR a.row_id < $after_id)
           ELSE a.key <= $after_key AND (a.key < $after_key OR a.row_id > $after_id) END
ORDER BY CASE WHEN NOT $ascending THEN a.ordered_at END DESC,
         CASE WHEN $ascending THEN a.ordered_at END,
         CASE WHEN NOT $ascending THEN a.row_id END,
         CASE WHEN $ascending THEN a.row_id END DESC,
         CASE WHEN NOT $ascending THEN a.account_id END,
         CASE WHEN $ascending THEN a.account_id END DESC
