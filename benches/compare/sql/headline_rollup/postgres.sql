SELECT {account} AS account_id,
       coalesce(sum(conversations), 0) AS conversations,
       coalesce(sum(resolved), 0) AS resolved,
       sum(resolved) / nullif(sum(conversations), 0)::float8 AS resolved_rate,
       coalesce(sum(sales), 0) AS sales,
       coalesce(round(sum(credits)::numeric, 9), 0) AS attributed_orders,
       round((sum(sales)::float8 / nullif(sum(credits), 0))::numeric, 4) AS avg_order_value,
       coalesce(sum(cart_adds), 0) AS cart_adds,
       coalesce(sum(link_clicks), 0) AS link_clicks,
       coalesce(sum(first_other_currency_orders), 0) AS other_currency_orders
FROM daily_metrics
WHERE account_id = {account} AND date BETWEEN DATE {from} AND DATE {to}
