-- The lake's Parquet by the names of the relations: what is stored, with the idle rule (C3) where a relation applies it.
CREATE VIEW conversations AS
SELECT account_id, conversation_id, profile_id, channel,
       CASE WHEN idle_at <= TIMESTAMPTZ {now} THEN 'closed' ELSE status END AS status, first_question, procedures, tags, messages, link_clicks,
       cart_adds, started_at, started_on, last_updated, idle_at, resolved_at, escalated_at, escalation_reason,
       escalation_category, escalation_procedure, reopened
FROM {conversations}
WHERE mode = 'live';

CREATE VIEW orders AS SELECT * FROM {orders};

CREATE VIEW attributed_orders AS SELECT * FROM {attributed_orders};

-- A day and channel has more rows where orders in another currency count in several channels (A10).
CREATE VIEW daily_metrics AS
SELECT account_id, date, channel, sum(conversations) AS conversations, sum(resolved) AS resolved, sum(routed) AS routed,
       sum(closed) AS closed, sum(open) AS open, sum(link_clicks) AS link_clicks, sum(cart_adds) AS cart_adds,
       sum(credits)::DOUBLE AS credits, sum(sales) AS sales, sum(other_currency_orders) AS other_currency_orders,
       coalesce(sum(other_currency_orders) FILTER (len(counted_before) = 0), 0) AS first_other_currency_orders
FROM {daily_metrics}
GROUP BY account_id, date, channel;

CREATE VIEW counted_events AS
SELECT e.account_id, CAST(e.occurred_at AT TIME ZONE a.timezone AS DATE) AS happened_on, c.channel, e.type
FROM {conversation_events} AS e
JOIN conversations AS c USING (account_id, conversation_id)
JOIN accounts AS a USING (account_id)
WHERE e.type = 'added_to_cart'
   OR (e.type = 'link_clicked' AND NOT (a.exclude_bot_clicks AND coalesce(e.is_bot, false)));

CREATE SCHEMA raw;
CREATE VIEW raw.conversation_events AS SELECT * FROM {conversation_events};
CREATE VIEW raw.order_events AS SELECT * FROM {order_events};
CREATE VIEW raw.touch_events AS SELECT * FROM {touch_events};
