-- One row an order (A9, A10), folded from `events`; those without a start too, with the number of their events.
SELECT order_id,
       f['profile_id'] AS profile_id,
       f['conversation_id'] AS conversation_id,
       f['ordered_at'] AS ordered_at,
       local_date(f['ordered_at'], {zone}) AS ordered_on,
       f['value'] AS value,
       coalesce(f['currency'], {currency}) AS currency,
       f['refunded_value'] AS refunded_value,
       f['cancelled'] AS cancelled,
       f['first_event_at'] AS first_event_at,
       f['last_event_at'] AS last_event_at,
       f['product_ids'] AS product_ids,
       landed_events
FROM (
    SELECT order_id,
           count(*) AS landed_events,
           order_fold(type, occurred_at, event_id, profile_id, conversation_id, value, currency, product_ids) AS f
    FROM events
    GROUP BY order_id
)
