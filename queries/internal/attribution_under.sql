-- The attributed rows (A8) that the orders of a range in their account's currency would have under another preset or model,
-- all other settings as they are, by the events that attributed_orders was derived from (M7, M11).
-- private
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param preset one of current, legacy = null : the preset whose windows are in place of the account's; null for the account's
-- param model one of last_touch, linear = null : the model; null for the account's
WITH rules AS (
    SELECT account_id,
           currency,
           coalesce($model, attribution_model) AS model,
           CASE $preset WHEN 'current' THEN current_windows WHEN 'legacy' THEN legacy_windows ELSE windows END AS windows,
           exclude_bot_clicks,
           exclude_machine_opens,
           exclude_transactional
    FROM stored.applied_accounts
),
placed AS (
    SELECT o.account_id, o.order_id, o.profile_id, o.conversation_id, o.ordered_at, o.value
    FROM stored.orders AS o
    JOIN stored.applied_accounts AS s ON s.account_id = o.account_id AND s.currency = o.currency
    WHERE o.ordered_on BETWEEN $from AND $to
),
-- One row per day on which a touch can be, so that files of other days are skipped. No event is before 2000 (E3), so the
-- limit is never reached: it only tells the planner that the days are few.
days AS (
    SELECT unnest(generate_series(first, $to + 1, INTERVAL '1 day')) AS day
    FROM (
        SELECT greatest($from - 2 - least(max(longest_window(windows)) / 86400, 20000), DATE '2000-01-01') AS first
        FROM rules
    )
    LIMIT 20000
),
-- Which orders the touches of a live conversation are for: those of its profile (A1), and those of others that name it (A4).
reach AS (
    SELECT account_id,
           conversation_id,
           CAST(channel AS VARCHAR) AS channel,
           profile_id,
           CAST(NULL AS VARCHAR) AS order_id
    FROM stored.conversations
    WHERE mode = 'live'
    UNION ALL
    SELECT c.account_id, c.conversation_id, CAST(c.channel AS VARCHAR), o.profile_id, o.order_id
    FROM placed AS o
    JOIN stored.conversations AS c ON c.account_id = o.account_id AND c.conversation_id = o.conversation_id
    WHERE c.mode = 'live' AND (o.profile_id IS NULL OR o.profile_id IS DISTINCT FROM c.profile_id)
),
happened AS (
    SELECT e.account_id,
           e.conversation_id,
           CAST(NULL AS VARCHAR) AS channel,
           touch_kind(e.type, e.sender) AS kind,
           CAST(NULL AS VARCHAR) AS profile_id,
           CAST(NULL AS VARCHAR) AS message_id,
           e.event_id,
           e.occurred_at,
           e.is_bot,
           false AS is_machine_open,
           false AS is_transactional
    FROM days AS d
    JOIN stored.consumed_conversation_events AS e ON e.event_date = d.day
    WHERE touch_kind(e.type, e.sender) IS NOT NULL
    UNION ALL
    SELECT t.account_id, t.conversation_id, CAST(t.channel AS VARCHAR), CAST(t.kind AS VARCHAR), t.profile_id, t.message_id,
           t.event_id, t.occurred_at, t.is_bot, t.is_machine_open, t.is_transactional
    FROM days AS d
    JOIN stored.consumed_touch_events AS t ON t.event_date = d.day
),
-- A touch that names no live conversation is a marketing touch of its own profile (A1).
touches AS (
    SELECT h.account_id,
           CASE WHEN r.conversation_id IS NULL THEN h.profile_id ELSE r.profile_id END AS profile_id,
           r.order_id,
           h.occurred_at,
           h.event_id,
           touch_class(coalesce(h.channel, r.channel), h.kind) AS touch_class,
           coalesce(r.conversation_id, h.message_id) AS unit,
           r.conversation_id IS NOT NULL AS is_agent
    FROM happened AS h
    JOIN rules AS s ON s.account_id = h.account_id
    LEFT JOIN reach AS r ON r.account_id = h.account_id AND r.conversation_id = h.conversation_id
    WHERE touch_exclusion(h.kind, h.is_bot, h.is_machine_open, h.is_transactional, s.exclude_bot_clicks,
                          s.exclude_machine_opens, s.exclude_transactional) IS NULL
      AND (r.conversation_id IS NOT NULL OR h.message_id IS NOT NULL)
),
-- Orders and touches of one shopper meet in one group. An order without a profile is a group of its own (A4).
shoppers AS (
    SELECT account_id,
           profile_id,
           order_id,
           ordered_at AS occurred_at,
           CAST(NULL AS VARCHAR) AS event_id,
           value,
           CAST(NULL AS VARCHAR) AS touch_class,
           CAST(NULL AS VARCHAR) AS unit,
           false AS is_agent
    FROM placed
    WHERE profile_id IS NOT NULL OR conversation_id IS NOT NULL
    UNION ALL
    SELECT t.account_id, t.profile_id, t.order_id, t.occurred_at, t.event_id, NULL, t.touch_class, t.unit, t.is_agent
    FROM touches AS t
    -- Only shoppers with an order matter.
    LEFT JOIN (
        SELECT DISTINCT account_id, profile_id FROM placed
    ) AS buyers ON buyers.account_id = t.account_id AND buyers.profile_id = t.profile_id
    WHERE t.touch_class IS NOT NULL AND (t.order_id IS NOT NULL OR buyers.profile_id IS NOT NULL)
),
brought AS (
    SELECT p.account_id,
           unnest(attribute(s.model, s.windows, p.order_id, p.occurred_at, p.event_id, p.value, p.touch_class, p.unit,
                            p.is_agent)) AS a
    FROM shoppers AS p
    JOIN rules AS s ON s.account_id = p.account_id
    GROUP BY p.account_id, p.profile_id, CASE WHEN p.profile_id IS NULL THEN p.order_id END
)
SELECT b.account_id,
       b.a['order_id'] AS order_id,
       c.conversation_id,
       CAST(c.channel AS VARCHAR) AS channel,
       exact_credit(b.a['units']) AS credit,
       b.a['attributed_value'] AS attributed_value
FROM brought AS b
JOIN stored.conversations AS c ON c.account_id = b.account_id AND c.conversation_id = b.a['unit']
