-- Attributed orders (section 5): touches with a window, those that are eligible for each order, then the model's choice. Ties are
-- as in `1_conversations.sql`.
CREATE TEMP TABLE live AS
SELECT account_id, conversation_id, profile_id, channel
FROM conversations
WHERE mode = 'live';

CREATE TEMP TABLE touches AS
SELECT t.account_id, t.profile_id, t.moment, t.unit, t.touch_class, t.is_agent, w.lasts
FROM (
    -- A1: the agent's messages and the clicks on its links
    SELECT account_id, l.profile_id, e.occurred_at AS moment, conversation_id AS unit, true AS is_agent,
           CASE WHEN type = 'link_clicked' THEN l.channel || '_clicked'
                WHEN l.channel = 'web_chat' THEN 'web_chat'
                ELSE l.channel || '_delivered' END AS touch_class
    FROM conversation_events e
    JOIN live l USING (account_id, conversation_id)
    JOIN accounts a USING (account_id)
    WHERE (type = 'message_sent' AND sender = 'agent')
       OR (type = 'link_clicked' AND NOT (a.exclude_bot_clicks AND coalesce(is_bot, false)))
    UNION ALL
    -- A1: touches that name a live conversation are the agent's, the others marketing's
    SELECT account_id,
           CASE WHEN l.conversation_id IS NULL THEN t.profile_id ELSE l.profile_id END,
           t.occurred_at,
           coalesce(l.conversation_id, t.message_id),
           l.conversation_id IS NOT NULL,
           t.channel || '_' || t.kind
    FROM touch_events t
    JOIN accounts a USING (account_id)
    LEFT JOIN live l USING (account_id, conversation_id)
    WHERE NOT (kind = 'clicked' AND exclude_bot_clicks AND coalesce(is_bot, false))
      AND NOT (kind = 'opened' AND exclude_machine_opens AND coalesce(is_machine_open, false))
      AND NOT (exclude_transactional AND coalesce(is_transactional, false))
) t
JOIN windows w USING (account_id, touch_class);

-- A3, A4: a row for each order and touch that may have brought it
CREATE TEMP TABLE eligible AS
SELECT o.account_id, o.order_id, t.moment, t.unit, t.touch_class, t.is_agent
FROM orders o
JOIN touches t ON t.account_id = o.account_id AND t.profile_id = o.profile_id
WHERE t.moment <= o.ordered_at AND o.ordered_at <= t.moment + t.lasts
UNION ALL
SELECT o.account_id, o.order_id, t.moment, t.unit, t.touch_class, t.is_agent
FROM orders o
JOIN touches t ON t.account_id = o.account_id AND t.unit = o.conversation_id AND t.is_agent
WHERE (o.profile_id IS NULL OR o.profile_id IS DISTINCT FROM t.profile_id)
  AND t.moment <= o.ordered_at AND o.ordered_at <= t.moment + t.lasts;

CREATE TEMP TABLE chosen AS
WITH latest AS (
    SELECT account_id,
           order_id,
           arg_max({'at': moment, 'unit': unit, 'touch_class': touch_class}, moment) FILTER (touch_class = 'web_chat') AS web,
           arg_max({'at': moment, 'unit': unit, 'touch_class': touch_class, 'is_agent': is_agent}, moment)
               FILTER (touch_class <> 'web_chat') AS other,
           max(moment) FILTER (touch_class <> 'web_chat' AND is_agent) AS other_agent
    FROM eligible
    GROUP BY account_id, order_id
),
modelled AS (
    SELECT *
    FROM latest
    JOIN (SELECT account_id, attribution_model AS model FROM accounts) USING (account_id)
),
-- A7: the units of an order that is split, with the latest touch of each
units AS (
    SELECT account_id, order_id, unit, is_agent, arg_max({'at': moment, 'touch_class': touch_class}, moment) AS touch
    FROM eligible e
    JOIN modelled m USING (account_id, order_id)
    WHERE model = 'linear' AND (web IS NULL OR coalesce(other_agent > web.at, false))
      AND e.touch_class <> 'web_chat'
    GROUP BY account_id, order_id, unit, is_agent
),
ranked AS (
    SELECT *,
           count(*) OVER (PARTITION BY account_id, order_id) AS n,
           row_number() OVER (PARTITION BY account_id, order_id ORDER BY touch.at DESC) AS place
    FROM units
)
SELECT account_id, order_id, web.unit AS unit, web.touch_class AS touch_class, web.at AS touched_at, 1 AS n, 1 AS place
FROM modelled
WHERE web IS NOT NULL
  AND CASE WHEN model = 'linear' THEN other_agent IS NULL OR other_agent <= web.at
           ELSE other IS NULL OR NOT other.is_agent OR other.at <= web.at END
UNION ALL
SELECT account_id, order_id, other.unit, other.touch_class, other.at, 1, 1
FROM modelled
WHERE model = 'last_touch' AND other.is_agent AND (web IS NULL OR other.at > web.at)
UNION ALL
SELECT account_id, order_id, unit, touch.touch_class, touch.at, n, place
FROM ranked
WHERE is_agent;

CREATE TEMP TABLE attributed_orders AS
SELECT account_id,
       o.order_id,
       l.conversation_id,
       l.channel,
       o.profile_id,
       o.ordered_at,
       o.ordered_on,
       o.value,
       o.currency,
       c.touch_class,
       c.touched_at,
       (epoch_us(o.ordered_at) - epoch_us(c.touched_at)) // 1000000 AS seconds_to_order,
       round(1.0 / n, 9) AS credit,
       -- The value in steps of 0.0001, of which those left over go to the latest units (A7)
       CAST(CAST(steps // n + CASE WHEN place <= steps % n THEN 1 ELSE 0 END AS DECIMAL(18, 0)) * 0.0001 AS DECIMAL(18, 4))
           AS attributed_value,
       CAST(round(CAST(steps // n + CASE WHEN place <= steps % n THEN 1 ELSE 0 END AS DOUBLE) / 10000
                  - CAST(o.refunded_value AS DOUBLE) / n, 4) AS DECIMAL(18, 4)) AS net_value,
       o.currency = a.currency AS in_account_currency,
       n AS units
FROM chosen c
JOIN (SELECT *, CAST(value * 10000 AS BIGINT) AS steps FROM orders) o USING (account_id, order_id)
JOIN live l ON l.account_id = c.account_id AND l.conversation_id = c.unit
JOIN accounts a USING (account_id);
