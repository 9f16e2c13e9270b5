SELECT {account} AS account_id,
       sum(m.conversations) AS conversations,
       sum(m.resolved) AS resolved,
       resolved / nullIf(conversations, 0) AS resolved_rate,
       sum(m.sales) AS sales,
       round(sum(m.credits), 9) AS attributed_orders,
       round(toFloat64(sales) / nullIf(sum(m.credits), 0), 4) AS avg_order_value,
       sum(m.cart_adds) AS cart_adds,
       sum(m.link_clicks) AS link_clicks,
       sum(m.first_other_currency_orders) AS other_currency_orders
FROM daily_metrics AS m
WHERE m.account_id = {account} AND date BETWEEN {from} AND {to}
