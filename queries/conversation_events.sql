-- The events of a conversation in the order of E2: those that its row in conversations was derived from (M7). No rows for a
-- conversation that is not live or does not exist (C1, C2).
-- param conversation text = null : the conversation_id; null gives no rows
-- column account_id : the account
-- column event_id : the event
-- column type : conversation_started, message_sent and so on (section 2)
-- column occurred_at : the instant of the event
-- column channel : the channel, of conversation_started
-- column mode : live, of conversation_started; null where none was given, which means live
-- column profile_id : the profile, of conversation_started and profile_linked
-- column sender : shopper, agent or human, of message_sent
-- column text : the text of a message; of conversation_started, its first_message
-- column procedure : the procedure, of procedure_started, conversation_resolved and conversation_escalated
-- column tag : the tag, of tag_added
-- column tags : the tags, of conversation_resolved and conversation_escalated
-- column product_id : the product, of added_to_cart
-- column product_ids : the products, of product_recommended
-- column quantity : the number of units, of added_to_cart
-- column url : the link, of link_clicked
-- column is_bot : whether a bot clicked, of link_clicked; null where none was given, which means no
-- column counted : whether the click is counted (C9); null for other events
-- column reason : the reason, of conversation_escalated and conversation_closed
-- column category : the category, of conversation_escalated
-- column rating : the rating, 1 to 5, of conversation_rated
-- column comment : what the shopper wrote with it, of conversation_rated
SELECT e.account_id,
       e.event_id,
       CAST(e.type AS VARCHAR) AS type,
       e.occurred_at,
       CAST(e.channel AS VARCHAR) AS channel,
       CAST(e.mode AS VARCHAR) AS mode,
       e.profile_id,
       CAST(e.sender AS VARCHAR) AS sender,
       CASE WHEN e.type = 'conversation_started' THEN e.first_message ELSE e.text END AS text,
       e.procedure,
       e.tag,
       e.tags,
       e.product_id,
       e.product_ids,
       e.quantity,
       e.url,
       e.is_bot,
       CASE WHEN e.type = 'link_clicked' THEN NOT (s.exclude_bot_clicks AND coalesce(e.is_bot, false)) END AS counted,
       e.reason,
       e.category,
       e.rating,
       e.comment
FROM (
    -- One row per day from its first to its last event, so that files of other days are skipped. No event is before 2000 (E3),
    -- so the limit is never reached: it only tells the planner that the days are few.
    SELECT unnest(generate_series(first, last, INTERVAL '1 day')) AS day
    FROM (
        SELECT CAST(min(first_event_at) AS DATE) AS first, CAST(max(last_event_at) AS DATE) AS last
        FROM stored.conversations
        WHERE conversation_id = $conversation AND mode = 'live'
    )
    LIMIT 20000
) AS d
JOIN stored.consumed_conversation_events AS e ON e.event_date = d.day
JOIN (
    SELECT account_id, conversation_id
    FROM stored.conversations
    WHERE conversation_id = $conversation AND mode = 'live'
) AS c ON c.account_id = e.account_id AND c.conversation_id = e.conversation_id
JOIN stored.applied_accounts AS s ON s.account_id = e.account_id
WHERE e.conversation_id = $conversation
ORDER BY e.account_id, e.occurred_at, e.event_id
