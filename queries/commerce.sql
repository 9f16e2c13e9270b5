-- What conversations brought (M9): one row for each visible account, also where nothing happened.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column conversations : conversations that started in the range (M1)
-- column converted : those that have credit for an order of any day and currency (A8)
-- column conversion_rate : converted / conversations, 0 to 1; null where there are none
-- column sales : attributed sales of the range in the account's currency, gross (M4, A9, A10)
-- column net_sales : the same, net of refunds (A9)
-- column attributed_orders : sum of the credits of the orders in the account's currency (M4)
-- column avg_order_value : sales / attributed_orders; null where there are none (M4)
-- column revenue_per_conversation : sales / conversations; null where there are none
-- column median_seconds_to_order : the median of the seconds from touch to order of the range's attributed rows
-- column all_orders : all orders of the range in the account's currency, whoever brought them
-- column all_sales : the value of all these orders, gross
-- column sales_share : sales / all_sales, 0 to 1; null where there are none
SELECT account_id,
       conversations,
       converted,
       CAST(converted AS DOUBLE) / nullif(conversations, 0) AS conversion_rate,
       sales,
       net_sales,
       round_credit(credits) AS attributed_orders,
       average_order_value(sales, credits) AS avg_order_value,
       average_order_value(sales, CAST(conversations AS DECIMAL(38, 24))) AS revenue_per_conversation,
       median_seconds_to_order,
       all_orders,
       all_sales,
       CAST(sales AS DOUBLE) / nullif(CAST(all_sales AS DOUBLE), 0) AS sales_share
FROM (
    SELECT account_id,
           sum(conversations) AS conversations,
           sum(converted) AS converted,
           CAST(sum(sales) AS DECIMAL(28, 4)) AS sales,
           CAST(sum(net_sales) AS DECIMAL(28, 4)) AS net_sales,
           sum(credits) AS credits,
           max(median_seconds) AS median_seconds_to_order,
           sum(all_orders) AS all_orders,
           CAST(sum(all_sales) AS DECIMAL(28, 4)) AS all_sales
    FROM (
        -- A row of nothing for each account, so that accounts where nothing happened get a row.
        SELECT account_id,
               0 AS conversations,
               0 AS converted,
               CAST(0 AS DECIMAL(28, 4)) AS sales,
               CAST(0 AS DECIMAL(28, 4)) AS net_sales,
               CAST(0 AS DECIMAL(38, 24)) AS credits,
               CAST(NULL AS DOUBLE) AS median_seconds,
               0 AS all_orders,
               CAST(0 AS DECIMAL(28, 4)) AS all_sales
        FROM accounts
        UNION ALL
        SELECT c.account_id, count(*), count(a.conversation_id), NULL, NULL, NULL, NULL, NULL, NULL
        FROM conversations AS c
        LEFT JOIN (
            SELECT DISTINCT account_id, conversation_id FROM attributed_orders
        ) AS a ON a.account_id = c.account_id AND a.conversation_id = c.conversation_id
        WHERE c.started_on BETWEEN $from AND $to
          AND ($channel IS NULL OR array_has($channel, c.channel))
        GROUP BY c.account_id
        UNION ALL
        SELECT account_id, NULL, NULL, sales, net_sales, credits, NULL, NULL, NULL
        FROM currency_sales($from, $to, $channel)
        WHERE in_account_currency
        UNION ALL
        SELECT account_id, NULL, NULL, NULL, NULL, NULL, median(CAST(seconds_to_order AS DOUBLE)), NULL, NULL
        FROM attributed_orders
        WHERE ordered_on BETWEEN $from AND $to
          AND ($channel IS NULL OR array_has($channel, channel))
        GROUP BY account_id
        UNION ALL
        SELECT o.account_id, NULL, NULL, NULL, NULL, NULL, NULL, count(*), CAST(sum(o.value) AS DECIMAL(28, 4))
        FROM orders AS o
        JOIN stored.applied_accounts AS s ON s.account_id = o.account_id AND s.currency = o.currency
        WHERE o.ordered_on BETWEEN $from AND $to
        GROUP BY o.account_id
    )
    GROUP BY account_id
)
ORDER BY account_id
