-- Orders as they came, attributed or not; one that names a conversation which is not live keeps the name (C2).
SELECT account_id,
       order_id,
       profile_id,
       conversation_id,
       ordered_at,
       ordered_on,
       value,
       currency,
       refunded_value,
       cancelled,
       product_ids
FROM stored.orders
