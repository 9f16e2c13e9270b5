-- Why an order is credited as it is: each considered touch with its outcome and reason (A1 to A8), by the rules, settings and
-- events that attributed_orders was derived with (M7). The touches that won are the order's attributed rows. A touch is
-- considered if it is before the order by at most the longest window of any class, or 7 days if that is longer. The winner
-- comes first, then the touches that lost, then those left out, each latest first.
-- param order text = null : the order_id; null gives no rows
-- column account_id : the account
-- column order_id : the order
-- column ordered_at : the instant at which it was placed
-- column profile_id : the profile of the order, if known
-- column value : its value, in its currency
-- column currency : its currency
-- column model : last_touch or linear
-- column by : agent or marketing, whose touch it is
-- column conversation_id : the conversation, of the agent's touches
-- column channel : web_chat, email, sms, whatsapp or push
-- column kind : delivered, opened or clicked; message in web_chat
-- column touch_class : its class (A1)
-- column source : campaign, flow and so on, of a touch event that gives it
-- column message_id : the message, of touch events
-- column event_id : the event
-- column touched_at : the instant of the touch
-- column seconds_to_order : whole seconds from the touch to the order
-- column window_seconds : the window of its class; null if the class has none
-- column outcome : won, lost or left_out
-- column reason : won: latest, web_chat_holds (against a later marketing touch), shares (one of the units of a split).
--   lost: earlier (a later touch counts in its place), later_marketing, later_web_chat, web_chat_won (a marketing touch
--   later than the web chat touch that won), marketing (a marketing touch that takes the order, or a part of it).
--   left_out: outside_window, no_window, bot, machine_open, transactional
-- column credit : the credit of its unit, above 0 up to 1, on the unit's latest touch; in a split also of marketing units
-- column attributed_value : its unit's part of the order's value
WITH placed AS (
    SELECT o.account_id,
           o.order_id,
           o.ordered_at,
           o.profile_id,
           o.conversation_id,
           o.value,
           o.currency,
           s.attribution_model AS model,
           s.windows,
           s.exclude_bot_clicks,
           s.exclude_machine_opens,
           s.exclude_transactional,
           greatest(longest_window(s.windows), 7 * 86400) AS reach
    FROM stored.orders AS o
    JOIN stored.applied_accounts AS s ON s.account_id = o.account_id
    WHERE o.order_id = $order
),
-- One row per day on which a touch can be, so that files of other days are skipped. No event is before 2000 (E3), so the
-- limit is never reached: it only tells the planner that the days are few.
days AS (
    SELECT unnest(generate_series(first, last, INTERVAL '1 day')) AS day
    FROM (
        SELECT min(greatest(CAST(arrow_cast(CAST(ordered_at AS BIGINT) - reach * 1000000,
                                            'Timestamp(Microsecond, Some("UTC"))') AS DATE),
                            DATE '2000-01-01')) AS first,
               max(CAST(ordered_at AS DATE)) AS last
        FROM placed
    )
    LIMIT 20000
),
-- The live conversations of the order's profile, and the one that it names (A1, A4).
conversations AS (
    SELECT c.account_id,
           c.conversation_id,
           CAST(c.channel AS VARCHAR) AS channel
    FROM placed AS p
    JOIN stored.conversations AS c ON c.account_id = p.account_id
    WHERE c.mode = 'live' AND (c.profile_id = p.profile_id OR c.conversation_id = p.conversation_id)
),
landed_touches AS (
    SELECT t.account_id,
           t.conversation_id,
           t.profile_id,
           CAST(t.channel AS VARCHAR) AS channel,
           CAST(t.kind AS VARCHAR) AS kind,
           t.source,
           t.message_id,
           t.event_id,
           t.occurred_at,
           t.is_bot,
           t.is_machine_open,
           t.is_transactional
    FROM days AS d
    JOIN stored.consumed_touch_events AS t ON t.event_date = d.day
),
touches AS (
    -- Agent touches: the agent's messages, clicks on its links, and touches of any profile that name the conversation.
    SELECT c.account_id,
           c.conversation_id,
           coalesce(t.channel, c.channel) AS channel,
           t.kind,
           t.source,
           t.message_id,
           t.event_id,
           t.occurred_at,
           t.is_bot,
           t.is_machine_open,
           t.is_transactional,
           true AS is_agent
    FROM conversations AS c
    JOIN (
        SELECT e.account_id,
               e.conversation_id,
               CAST(NULL AS VARCHAR) AS channel,
               touch_kind(e.type, e.sender) AS kind,
               CAST(NULL AS VARCHAR) AS source,
               CAST(NULL AS VARCHAR) AS message_id,
               e.event_id,
               e.occurred_at,
               e.is_bot,
               false AS is_machine_open,
               false AS is_transactional
        FROM days AS d
        JOIN stored.consumed_conversation_events AS e ON e.event_date = d.day
        UNION ALL
        SELECT account_id, conversation_id, channel, kind, source, message_id, event_id, occurred_at, is_bot,
               is_machine_open, is_transactional
        FROM landed_touches
    ) AS t ON t.account_id = c.account_id AND t.conversation_id = c.conversation_id
    UNION ALL
    -- Marketing touches: the profile's other touches, except those that name a live conversation.
    SELECT t.account_id, NULL, t.channel, t.kind, t.source, t.message_id, t.event_id, t.occurred_at, t.is_bot,
           t.is_machine_open, t.is_transactional, false
    FROM placed AS p
    JOIN landed_touches AS t ON t.account_id = p.account_id AND t.profile_id = p.profile_id
    LEFT JOIN (
        SELECT account_id, conversation_id FROM stored.conversations WHERE mode = 'live'
    ) AS live ON live.account_id = t.account_id AND live.conversation_id = t.conversation_id
    WHERE live.conversation_id IS NULL
),
considered AS (
    SELECT p.account_id,
           p.order_id,
           p.ordered_at,
           p.profile_id,
           p.value,
           p.currency,
           p.model,
           p.windows,
           t.is_agent,
           t.conversation_id,
           t.channel,
           t.kind,
           touch_class(t.channel, t.kind) AS touch_class,
           t.source,
           t.message_id,
           t.event_id,
           t.occurred_at AS touched_at,
           (CAST(p.ordered_at AS BIGINT) - CAST(t.occurred_at AS BIGINT)) / 1000000 AS seconds_to_order,
           touch_exclusion(t.kind, t.is_bot, t.is_machine_open, t.is_transactional, p.exclude_bot_clicks,
                           p.exclude_machine_opens, p.exclude_transactional) AS left_out
    FROM placed AS p
    JOIN touches AS t ON t.account_id = p.account_id
    WHERE t.occurred_at <= p.ordered_at
      AND (CAST(p.ordered_at AS BIGINT) - CAST(t.occurred_at AS BIGINT)) / 1000000 <= p.reach
),
decided AS (
    SELECT *,
           touch_outcome(model, windows, ordered_at, value, touched_at, event_id, touch_class,
                         CASE WHEN is_agent THEN conversation_id ELSE message_id END, is_agent, left_out)
               OVER (PARTITION BY account_id, order_id) AS decision
    FROM considered
    WHERE touch_class IS NOT NULL
)
SELECT account_id,
       order_id,
       ordered_at,
       profile_id,
       value,
       currency,
       model,
       CASE WHEN is_agent THEN 'agent' ELSE 'marketing' END AS by,
       conversation_id,
       channel,
       CASE WHEN channel = 'web_chat' THEN 'message' ELSE kind END AS kind,
       touch_class,
       source,
       message_id,
       event_id,
       touched_at,
       seconds_to_order,
       decision['window_seconds'] AS window_seconds,
       decision['outcome'] AS outcome,
       decision['reason'] AS reason,
       round_credit(exact_credit(decision['units'])) AS credit,
       decision['attributed_value'] AS attributed_value
FROM decided
ORDER BY account_id,
         CASE decision['outcome'] WHEN 'won' THEN 1 WHEN 'lost' THEN 2 ELSE 3 END,
         touched_at DESC,
         event_id DESC
