-- MergeTree tables ordered by account and day; dictionaries where there are few values, nulls only where there may be some.
CREATE TABLE conversations (
    account_id LowCardinality(String),
    conversation_id String,
    profile_id Nullable(String),
    channel LowCardinality(String),
    status LowCardinality(String),
    first_question Nullable(String),
    procedures Array(LowCardinality(String)),
    tags Array(LowCardinality(String)),
    messages Int64,
    link_clicks Int64,
    cart_adds Int64,
    started_at DateTime64(6, 'UTC'),
    started_on Date32,
    last_updated DateTime64(6, 'UTC'),
    idle_at Nullable(DateTime64(6, 'UTC')),
    resolved_at Nullable(DateTime64(6, 'UTC')),
    escalated_at Nullable(DateTime64(6, 'UTC')),
    escalation_reason LowCardinality(Nullable(String)),
    escalation_category LowCardinality(Nullable(String)),
    escalation_procedure LowCardinality(Nullable(String)),
    reopened Bool
) ENGINE = MergeTree ORDER BY (account_id, started_on, started_at);

CREATE TABLE attributed_orders (
    account_id LowCardinality(String),
    order_id String,
    conversation_id String,
    channel LowCardinality(String),
    ordered_on Date32,
    units Int32,
    attributed_value Decimal(18, 4),
    in_account_currency Bool
) ENGINE = MergeTree ORDER BY (account_id, ordered_on);

CREATE TABLE counted_events (
    account_id LowCardinality(String),
    happened_on Date32,
    channel LowCardinality(String),
    type LowCardinality(String)
) ENGINE = MergeTree ORDER BY (account_id, happened_on);

CREATE TABLE daily_metrics (
    account_id LowCardinality(String),
    date Date32,
    channel LowCardinality(String),
    conversations Int64,
    resolved Int64,
    routed Int64,
    closed Int64,
    open Int64,
    link_clicks Int64,
    cart_adds Int64,
    credits Float64,
    sales Decimal(28, 4),
    other_currency_orders Int64,
    first_other_currency_orders Int64
) ENGINE = MergeTree ORDER BY (account_id, date, channel);
