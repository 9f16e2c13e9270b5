-- operator: all shops: orders, their value and the part that the agent brought, by account and currency
SELECT o.account_id,
       o.currency,
       count(*) AS orders,
       sum(o.value) AS value,
       sum(a.credit) AS attributed,
       sum(a.attributed_value) AS sales
FROM orders o
LEFT JOIN attributed_orders a ON a.account_id = o.account_id AND a.order_id = o.order_id
GROUP BY o.account_id, o.currency
ORDER BY o.account_id, o.currency
