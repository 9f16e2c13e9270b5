WITH started AS (
    SELECT count(*) AS conversations, count(*) FILTER (status = 'resolved') AS resolved
    FROM conversations
    WHERE account_id = {account} AND started_on BETWEEN DATE {from} AND DATE {to}
),
sold AS (
    SELECT coalesce(sum(attributed_value) FILTER (in_account_currency), 0) AS sales,
           coalesce(sum(1.0::DOUBLE / units) FILTER (in_account_currency), 0) AS credits,
           count(DISTINCT order_id) FILTER (NOT in_account_currency) AS other_currency_orders
    FROM attributed_orders
    WHERE account_id = {account} AND ordered_on BETWEEN DATE {from} AND DATE {to}
),
happened AS (
    SELECT count(*) FILTER (type = 'added_to_cart') AS cart_adds, count(*) FILTER (type = 'link_clicked') AS link_clicks
    FROM counted_events
    WHERE account_id = {account} AND happened_on BETWEEN DATE {from} AND DATE {to}
)
SELECT {account} AS account_id,
       conversations,
       resolved,
       resolved / nullif(conversations, 0)::DOUBLE AS resolved_rate,
       sales,
       round(credits, 9) AS attributed_orders,
       round(sales::DOUBLE / nullif(credits, 0), 4) AS avg_order_value,
       cart_adds,
       link_clicks,
       other_currency_orders
FROM started, sold, happened
