-- What the other engines load: the derived tables as an analyst would have them, sorted by account, then time. Live
-- conversations alone, and the events that metrics count (C9, M5) with the day and the channel that they count in (M3).
COPY (
    SELECT account_id, conversation_id, profile_id, channel, status, first_question, procedures, tags, messages, link_clicks,
           cart_adds, started_at, started_on, last_updated, idle_at, resolved_at, escalated_at, escalation_reason,
           escalation_category, escalation_procedure, reopened
    FROM {conversations}
    WHERE mode = 'live'
    ORDER BY account_id, started_at
) TO '{out}/conversations.parquet';

COPY (
    SELECT account_id, order_id, conversation_id, channel, ordered_on, units, attributed_value, in_account_currency
    FROM {attributed_orders}
    ORDER BY account_id, ordered_on
) TO '{out}/attributed_orders.parquet';

COPY (
    SELECT e.account_id, CAST(e.occurred_at AT TIME ZONE a.timezone AS DATE) AS happened_on, c.channel, e.type
    FROM {conversation_events} AS e
    JOIN (
        SELECT account_id, conversation_id, channel
        FROM {conversations}
        WHERE mode = 'live'
    ) AS c USING (account_id, conversation_id)
    JOIN accounts AS a USING (account_id)
    WHERE e.type = 'added_to_cart'
       OR (e.type = 'link_clicked' AND NOT (a.exclude_bot_clicks AND coalesce(e.is_bot, false)))
    ORDER BY account_id, happened_on
) TO '{out}/counted_events.parquet';

-- `first_other_currency_orders` counts an order once however many channels it has (A10).
COPY (
    SELECT account_id, date, channel,
           sum(conversations)::BIGINT AS conversations, sum(resolved)::BIGINT AS resolved, sum(routed)::BIGINT AS routed,
           sum(closed)::BIGINT AS closed, sum(open)::BIGINT AS open, sum(link_clicks)::BIGINT AS link_clicks,
           sum(cart_adds)::BIGINT AS cart_adds, sum(credits)::DOUBLE AS credits, sum(sales)::DECIMAL(28, 4) AS sales,
           sum(other_currency_orders)::BIGINT AS other_currency_orders,
           coalesce(sum(other_currency_orders) FILTER (len(counted_before) = 0), 0)::BIGINT AS first_other_currency_orders
    FROM {daily_metrics} AS daily_metrics
    GROUP BY account_id, date, channel
    HAVING sum(daily_metrics.conversations) + sum(daily_metrics.link_clicks) + sum(daily_metrics.cart_adds)
           + sum(daily_metrics.other_currency_orders) > 0 OR sum(daily_metrics.credits) > 0
    ORDER BY account_id, date, channel
) TO '{out}/daily_metrics.parquet';
