-- Attributed rows (A8), of every currency (A10).
SELECT account_id,
       order_id,
       conversation_id,
       CAST(channel AS VARCHAR) AS channel,
       profile_id,
       ordered_at,
       ordered_on,
       value,
       currency,
       touch_class,
       touched_at,
       seconds_to_order,
       credit,
       attributed_value,
       net_value
FROM stored.attributed_orders
