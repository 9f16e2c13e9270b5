-- The three raw tables as Parquet by account and day, duplicates and all.
COPY (
    SELECT account_id, CAST(occurred_at AS DATE) AS event_date, event_id, occurred_at, type, conversation_id, profile_id, channel,
           mode, sender, first_message, text, procedure, tag, tags, product_id, product_ids, quantity, url, is_bot, reason,
           category, page
    FROM events
    WHERE type NOT IN ('order_placed', 'order_refunded', 'order_cancelled', 'touch')
) TO '{out}/conversation_events' (FORMAT parquet, PARTITION_BY (account_id, event_date));

COPY (
    SELECT account_id, CAST(occurred_at AS DATE) AS event_date, event_id, occurred_at, type, order_id, profile_id,
           conversation_id, value, currency
    FROM events
    WHERE type IN ('order_placed', 'order_refunded', 'order_cancelled')
) TO '{out}/order_events' (FORMAT parquet, PARTITION_BY (account_id, event_date));

COPY (
    SELECT account_id, CAST(occurred_at AS DATE) AS event_date, event_id, occurred_at, profile_id, channel, kind, message_id,
           conversation_id, source, is_bot, is_machine_open, is_transactional
    FROM events
    WHERE type = 'touch'
) TO '{out}/touch_events' (FORMAT parquet, PARTITION_BY (account_id, event_date));
