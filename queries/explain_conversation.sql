-- Why a conversation has its status: its row of relation conversations, with the rule of C3 that gave the status and the
-- event that decided it. No row for a conversation that is not live or does not exist (C1, C2).
-- param conversation text = null : the conversation_id; null gives no rows
-- column account_id : the account
-- column conversation_id : the conversation
-- column profile_id : the shopper's profile, if known (C5)
-- column channel : web_chat, email, sms or whatsapp
-- column status : open, closed, resolved or routed (C3)
-- column first_question : the shopper's first question (C4)
-- column procedures : procedures in order of first use (C6)
-- column tags : tags, sorted (C6)
-- column messages : the number of messages by any sender (C7)
-- column link_clicks : the number of counted link clicks (C9)
-- column cart_adds : the number of cart additions (C9)
-- column started_at : the instant at which it started
-- column started_on : the day of that instant, in the account's time zone (T2)
-- column last_updated : the instant of its latest event (C7)
-- column resolved_at : the instant of the resolution, if it is resolved (C8)
-- column escalated_at : the instant of its first escalation (C8)
-- column escalation_reason : the reason of its first escalation (C8)
-- column escalation_category : the category of its first escalation
-- column escalation_procedure : the procedure of its first escalation
-- column reopened : whether the shopper wrote after its first resolution (C8)
-- column rating : 1 to 5, of its latest rating (C11)
-- column rated_at : the instant of that rating (C11)
-- column human_replied_at : the instant of the earliest message by a human (C11)
-- column rule : the rule of C3 that gave the status: 1 routed, 2 resolved, 3 closed, 4 closed because idle, 5 open
-- column decided_by : the event that decided it: the earliest escalation or message by a human, the latest resolution, or the
--   latest close; null for rules 4 and 5
-- column decided_at : the instant of that event; for rule 4, the instant at which it became idle; null for rule 5
-- column last_shopper_at : the instant of the shopper's latest message, which rules 2 and 3 compare with
-- column last_shopper_event : the event_id of that message
-- column bot_clicks : the number of clicks left out because a bot clicked (C9)
-- column idle_timeout : the account's idle timeout; null if none
SELECT c.*,
       CASE WHEN c.status = 'closed' AND e.ruling['rule'] = 5 THEN 4 ELSE e.ruling['rule'] END AS rule,
       e.ruling['event_id'] AS decided_by,
       -- Rule 4 holds only where no event decides, and only once the instant of becoming idle has passed.
       CASE WHEN c.status = 'closed' AND e.ruling['rule'] = 5 THEN i.idle_at ELSE e.ruling['occurred_at'] END AS decided_at,
       e.ruling['shopper_at'] AS last_shopper_at,
       e.ruling['shopper_event_id'] AS last_shopper_event,
       e.bot_clicks,
       s.idle_timeout
FROM (
    SELECT *
    FROM conversations
    WHERE conversation_id = $conversation
) AS c
JOIN (
    SELECT account_id, idle_at
    FROM stored.conversations
    WHERE conversation_id = $conversation
) AS i ON i.account_id = c.account_id
JOIN (
    SELECT account_id,
           conversation_ruling(type, sender, occurred_at, event_id) AS ruling,
           count(*) FILTER (WHERE NOT counted) AS bot_clicks
    FROM conversation_events($conversation)
    GROUP BY account_id
) AS e ON e.account_id = c.account_id
JOIN stored.applied_accounts AS s ON s.account_id = c.account_id
ORDER BY c.account_id
