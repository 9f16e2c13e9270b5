-- One row an attributed order and conversation (A8), of `orders`, the touches `touched`, the live conversations `live` and
-- the touches of the `agent`.
WITH
-- Orders and touches of one shopper meet in one group. An order without a profile is a group of its own (A4).
shoppers AS (
    SELECT profile_id,
           CASE WHEN profile_id IS NULL THEN order_id END AS lone_order,
           order_id,
           ordered_at AS occurred_at,
           CAST(NULL AS VARCHAR) AS event_id,
           value,
           CAST(NULL AS VARCHAR) AS touch_class,
           CAST(NULL AS VARCHAR) AS unit,
           false AS is_agent
    FROM orders
    WHERE profile_id IS NOT NULL OR conversation_id IS NOT NULL
    UNION ALL
    SELECT profile_id,
           NULL AS lone_order,
           NULL AS order_id,
           occurred_at,
           event_id,
           NULL AS value,
           touch_class,
           conversation_id AS unit,
           true AS is_agent
    FROM agent
    WHERE profile_id IS NOT NULL
    UNION ALL
    SELECT profile_id,
           NULL AS lone_order,
           NULL AS order_id,
           occurred_at,
           event_id,
           NULL AS value,
           touch_class,
           message_id AS unit,
           false AS is_agent
    FROM touched
    WHERE conversation_id IS NULL
    UNION ALL
    -- A4: the touches of the conversation that an order names, where its profile does not bring them anyway
    SELECT o.profile_id AS profile_id,
           CASE WHEN o.profile_id IS NULL THEN o.order_id END AS lone_order,
           o.order_id AS order_id,
           a.occurred_at AS occurred_at,
           a.event_id AS event_id,
           NULL AS value,
           a.touch_class AS touch_class,
           a.conversation_id AS unit,
           true AS is_agent
    FROM agent a
    JOIN orders o ON o.conversation_id = a.conversation_id
    WHERE (o.profile_id IS NULL OR o.profile_id IS DISTINCT FROM a.profile_id)
),
brought AS (
    SELECT unnest(attribute({model}, {windows}, order_id, occurred_at, event_id, value, touch_class, unit, is_agent)) AS a
    FROM shoppers
    GROUP BY profile_id, lone_order
)
SELECT o.order_id AS order_id,
       l.conversation_id AS conversation_id,
       l.channel AS channel,
       o.profile_id AS profile_id,
       o.ordered_at AS ordered_at,
       o.ordered_on AS ordered_on,
       o.value AS value,
       o.currency AS currency,
       b.a['touch_class'] AS touch_class,
       b.a['touched_at'] AS touched_at,
       (CAST(o.ordered_at AS BIGINT) - CAST(b.a['touched_at'] AS BIGINT)) / 1000000 AS seconds_to_order,
       b.a['units'] AS units,
       round_credit(exact_credit(b.a['units'])) AS credit,
       b.a['attributed_value'] AS attributed_value,
       net_value(b.a['attributed_value'], o.refunded_value, b.a['units']) AS net_value,
       o.currency = {currency} AS in_account_currency
FROM brought b
JOIN orders o ON o.order_id = b.a['order_id']
JOIN live l ON l.conversation_id = b.a['unit']
ORDER BY ordered_at, order_id, conversation_id
