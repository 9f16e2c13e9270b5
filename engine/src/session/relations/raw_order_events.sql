-- Order events as they landed (section 2).
SELECT account_id,
       event_id,
       CAST(type AS VARCHAR) AS type,
       occurred_at,
       order_id,
       profile_id,
       conversation_id,
       value,
       currency,
       product_ids,
       properties,
       event_date
FROM stored.order_events
