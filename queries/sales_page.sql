-- The attributed orders of a range (M3), each with the conversation that it is credited to (A8), for a list that is read
-- page by page, as conversations_page is: newest first, then by row_id, or with `ascending` exactly the reverse.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, itself included
-- param channel list of web_chat, email, sms, whatsapp = null : channels of the conversations; null for all
-- param ascending boolean = false : true for the oldest first
-- param after_key integer = null : lists the rows that come after this key; null for those from the first on
-- param after_id text = null : with after_key, among the rows of that key those that come after this row_id; null for none
--   of them
-- column account_id : the account
-- column order_id : the order
-- column conversation_id : the conversation that it is credited to
-- column first_question : what the shopper asked first in it (C4)
-- column channel : web_chat, email, sms or whatsapp: the conversation's
-- column profile_id : whose order it is, if known
-- column ordered_at : when it was placed
-- column value : the order's value
-- column currency : the order's currency
-- column in_account_currency : whether it is the account's, which the headline counts (A10)
-- column touch_class : the class of the touch that won it (A1)
-- column touched_at : when that touch was (A8)
-- column seconds_to_order : from the touch to the order, in whole seconds (A8)
-- column credit : the conversation's part of the order, 0 to 1 (A7)
-- column attributed_value : the conversation's part of the order's value, gross (A9)
-- column net_value : the same less its part of what was refunded or cancelled (A9)
-- column refunded_value : what was refunded of the order (A9)
-- column cancelled : whether the order was cancelled
-- column key : what the row is sorted by: microseconds since 1970 of ordered_at
-- column row_id : what is this row's alone: the order's and the conversation's id, and how long the former is
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
-- Of the orders those days alone are read; two more for a change of zone that not everything has been derived with yet.
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
