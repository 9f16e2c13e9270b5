-- Conversations (C1 to C9) from raw events: one fold, and one list each of procedures and tags. Events that tie on their instant
-- would be told apart by their id (E2), at twice the cost of the fold: the events of synth have no ties that decide anything,
-- and what is derived here is compared with what Rapport derives, so one would be found.
CREATE TEMP TABLE folded AS
SELECT account_id,
       conversation_id,
       min(occurred_at) FILTER (type = 'conversation_started') AS started_at,
       arg_min({'channel': channel, 'mode': coalesce(mode, 'live'), 'profile': profile_id, 'message': first_message}, occurred_at)
           FILTER (type = 'conversation_started') AS start,
       arg_max(profile_id, occurred_at) FILTER (type = 'profile_linked') AS linked_profile,
       max(occurred_at) FILTER (type = 'profile_linked') AS linked_at,
       arg_min(text, occurred_at) FILTER (type = 'message_sent' AND sender = 'shopper' AND text <> '') AS question,
       max(occurred_at) FILTER (type = 'message_sent' AND sender = 'shopper') AS asked,
       min(occurred_at) FILTER (type = 'conversation_resolved') AS first_resolved,
       max(occurred_at) FILTER (type = 'conversation_resolved') AS resolved,
       max(occurred_at) FILTER (type = 'conversation_closed') AS closed,
       arg_min({'at': occurred_at, 'reason': reason, 'category': category, 'procedure': procedure}, occurred_at)
           FILTER (type = 'conversation_escalated') AS escalation,
       count(*) FILTER (type = 'conversation_escalated' OR (type = 'message_sent' AND sender = 'human')) AS human,
       count(*) FILTER (type = 'message_sent') AS messages,
       count(*) FILTER (type = 'link_clicked') AS clicks,
       count(*) FILTER (type = 'link_clicked' AND NOT coalesce(is_bot, false)) AS shopper_clicks,
       count(*) FILTER (type = 'added_to_cart') AS cart_adds,
       max(occurred_at) FILTER (type <> 'conversation_started') AS last_other
FROM conversation_events
GROUP BY account_id, conversation_id
HAVING started_at IS NOT NULL;

CREATE TEMP TABLE facts AS
SELECT account_id,
       conversation_id,
       occurred_at,
       CASE WHEN type <> 'tag_added' THEN procedure END AS procedure,
       CASE WHEN type = 'tag_added' THEN [tag]
            WHEN type = 'procedure_started' THEN [procedure]
            WHEN type = 'conversation_resolved' THEN list_append(tags, procedure)
            ELSE list_append(list_append(tags, procedure), reason) END AS tags
FROM conversation_events
WHERE type IN ('tag_added', 'procedure_started', 'conversation_resolved', 'conversation_escalated');

CREATE TEMP TABLE procedure_lists AS
SELECT account_id, conversation_id, list(procedure ORDER BY first_used) AS procedures
FROM (
    SELECT account_id, conversation_id, procedure, min(occurred_at) AS first_used
    FROM facts
    WHERE procedure IS NOT NULL
    GROUP BY account_id, conversation_id, procedure
)
GROUP BY account_id, conversation_id;

CREATE TEMP TABLE tag_lists AS
SELECT account_id, conversation_id, list_sort(list_distinct(flatten(list(tags)))) AS tags
FROM facts
GROUP BY account_id, conversation_id;

CREATE TEMP TABLE conversations AS
SELECT f.account_id,
       f.conversation_id,
       CASE WHEN start.profile IS NULL OR linked_at > started_at THEN linked_profile ELSE start.profile END AS profile_id,
       start.channel AS channel,
       start.mode AS mode,
       CASE WHEN human > 0 THEN 'routed'
            WHEN resolved IS NOT NULL AND (asked IS NULL OR asked <= resolved) THEN 'resolved'
            WHEN closed IS NOT NULL AND (asked IS NULL OR asked <= closed) THEN 'closed'
            ELSE 'open' END AS status,
       coalesce(question, start.message) AS first_question,
       coalesce(procedures, []) AS procedures,
       coalesce(tags, []) AS tags,
       messages,
       CASE WHEN exclude_bot_clicks THEN shopper_clicks ELSE clicks END AS link_clicks,
       cart_adds,
       started_at,
       CAST(started_at AT TIME ZONE timezone AS DATE) AS started_on,
       -- Later starts are ignored by every rule (C1).
       greatest(started_at, last_other) AS last_updated,
       CASE WHEN status = 'open' AND idle_timeout IS NOT NULL THEN last_updated + idle_timeout END AS idle_at,
       CASE WHEN status = 'resolved' THEN resolved END AS resolved_at,
       escalation.at AS escalated_at,
       escalation.reason AS escalation_reason,
       escalation.category AS escalation_category,
       escalation.procedure AS escalation_procedure,
       coalesce(asked > first_resolved, false) AS reopened
FROM folded f
JOIN accounts USING (account_id)
LEFT JOIN procedure_lists USING (account_id, conversation_id)
LEFT JOIN tag_lists USING (account_id, conversation_id);

DROP TABLE folded;
DROP TABLE facts;
DROP TABLE procedure_lists;
DROP TABLE tag_lists;
