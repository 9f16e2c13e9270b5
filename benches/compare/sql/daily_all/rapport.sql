SELECT account_id, date, channel, conversations, resolved, routed, closed, open, link_clicks, cart_adds,
       attributed_orders, sales, other_currency_orders
FROM daily_metrics
