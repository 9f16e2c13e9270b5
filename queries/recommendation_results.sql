-- What came of the products that the agent recommended (M10): the most recommended first, then by product bytewise.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column product_id : the product
-- column recommended : the recommendations of the range that list it (M3)
-- column conversations : the conversations in which it was recommended
-- column bought : the orders with it that one of these conversations has credit for, placed after it was recommended there
-- column bought_conversations : the conversations that have such an order
-- column purchase_rate : bought_conversations / conversations, 0 to 1
WITH recommended AS (
    SELECT account_id, conversation_id, product_id, count(*) AS events, min(recommended_at) AS first_at
    FROM (
        SELECT account_id, conversation_id, recommended_at, unnest(array_distinct(product_ids)) AS product_id
        FROM recommendations
        WHERE recommended_on BETWEEN $from AND $to
          AND ($channel IS NULL OR array_has($channel, channel))
          -- A day begins and ends less than a day from where it does in UTC; so files of other days are skipped.
          AND recommended_at >= arrow_cast($from - 1, 'Timestamp(Microsecond, Some("UTC"))')
          AND recommended_at < arrow_cast($to + 2, 'Timestamp(Microsecond, Some("UTC"))')
    )
    GROUP BY account_id, conversation_id, product_id
),
bought AS (
    SELECT a.account_id, a.conversation_id, a.order_id, a.ordered_at, unnest(array_distinct(o.product_ids)) AS product_id
    FROM attributed_orders AS a
    JOIN orders AS o ON o.account_id = a.account_id AND o.order_id = a.order_id
    WHERE a.ordered_on >= $from AND o.ordered_on >= $from
)
SELECT account_id,
       product_id,
       sum(events) AS recommended,
       count(DISTINCT conversation_id) AS conversations,
       count(DISTINCT order_id) AS bought,
       count(DISTINCT bought_conversation) AS bought_conversations,
       CAST(count(DISTINCT bought_conversation) AS DOUBLE) / count(DISTINCT conversation_id) AS purchase_rate
FROM (
    SELECT r.account_id,
           r.product_id,
           r.conversation_id,
           b.order_id,
           b.conversation_id AS bought_conversation,
           -- Counted once, however many orders the conversation has.
           CASE WHEN row_number() OVER (PARTITION BY r.account_id, r.conversation_id, r.product_id ORDER BY b.order_id) = 1
                THEN r.events ELSE 0 END AS events
    FROM recommended AS r
    LEFT JOIN bought AS b ON b.account_id = r.account_id AND b.conversation_id = r.conversation_id
                         AND b.product_id = r.product_id AND b.ordered_at >= r.first_at
)
GROUP BY account_id, product_id
ORDER BY recommended DESC, product_id, account_id
