WITH started AS (
    SELECT count() AS conversations, countIf(status = 'resolved') AS resolved
    FROM conversations
    WHERE account_id = {account} AND started_on BETWEEN {from} AND {to}
),
sold AS (
    SELECT sumIf(attributed_value, in_account_currency) AS sales,
           sumIf(1.0 / units, in_account_currency) AS credits,
           uniqExactIf(order_id, NOT in_account_currency) AS other_currency_orders
    FROM attributed_orders
    WHERE account_id = {account} AND ordered_on BETWEEN {from} AND {to}
),
happened AS (
    SELECT countIf(type = 'added_to_cart') AS cart_adds, countIf(type = 'link_clicked') AS link_clicks
    FROM counted_events
    WHERE account_id = {account} AND happened_on BETWEEN {from} AND {to}
)
SELECT {account} AS account_id,
       conversations,
       resolved,
       resolved / nullIf(conversations, 0) AS resolved_rate,
       sales,
       round(credits, 9) AS attributed_orders,
       round(toFloat64(sales) / nullIf(credits, 0), 4) AS avg_order_value,
       cart_adds,
       link_clicks,
       other_currency_orders
FROM started, sold, happened
