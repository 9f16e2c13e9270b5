-- Read once, for three tables are written of it.
CREATE TEMP TABLE events AS
SELECT *
FROM read_json('{events}/*.ndjson', format = 'newline_delimited', columns = {
    event_id: 'VARCHAR', account_id: 'VARCHAR', type: 'VARCHAR', occurred_at: 'TIMESTAMPTZ', conversation_id: 'VARCHAR',
    channel: 'VARCHAR', profile_id: 'VARCHAR', first_message: 'VARCHAR', mode: 'VARCHAR', sender: 'VARCHAR', text: 'VARCHAR',
    procedure: 'VARCHAR', product_ids: 'VARCHAR[]', url: 'VARCHAR', is_bot: 'BOOLEAN', product_id: 'VARCHAR',
    quantity: 'BIGINT', tag: 'VARCHAR', tags: 'VARCHAR[]', reason: 'VARCHAR', category: 'VARCHAR', order_id: 'VARCHAR',
    value: 'DECIMAL(18, 4)', currency: 'VARCHAR', kind: 'VARCHAR', message_id: 'VARCHAR', source: 'VARCHAR',
    is_machine_open: 'BOOLEAN', is_transactional: 'BOOLEAN', page: 'VARCHAR'
})
WHERE type IS NOT NULL;
