-- Why a conversation has its status: its row of relation conversations, with the rule of C3 that holds and the event that
-- decided it. No row for a conversation that is not live, or not there (C1, C2).
-- param conversation text = null : the conversation_id; null gives no rows
-- column account_id : the account
-- column conversation_id : the conversation
-- column profile_id : whose it is, if known (C5)
-- column channel : web_chat, email, sms or whatsapp
-- column status : open, closed, resolved or routed (C3)
-- column first_question : what the shopper asked first (C4)
-- column procedures : procedures in order of first use (C6)
-- column tags : tags, sorted (C6)
-- column messages : messages, whoever sent them (C7)
-- column link_clicks : counted link clicks (C9)
-- column cart_adds : additions to the cart (C9)
-- column started_at : when it started
-- column started_on : the day of that, in the account's time zone (T2)
-- column last_updated : when anything last happened in it (C7)
-- column resolved_at : when it was resolved, where it is (C8)
-- column escalated_at : when it first escalated (C8)
-- column escalation_reason : why it first escalated (C8)
-- column escalation_category : the category of that
-- column escalation_procedure : the procedure of that
-- column reopened : whether the shopper wrote after it was first resolved (C8)
-- column rule : the rule of C3 that holds: 1 routed, 2 resolved, 3 closed, 4 closed because idle, 5 open
-- column decided_by : the event that decided it: the earliest escalation or message by a human, the latest resolution, or the
--   latest close; null for rules 4 and 5
-- column decided_at : when that was; of rule 4 when it became idle; null for rule 5
-- column last_shopper_at : when the shopper last wrote, which rules 2 and 3 are held against
-- column last_shopper_event : the event of that
-- column bot_clicks : clicks that were left out as bots' (C9)
-- column idle_timeout : the account's, null if none
SELECT c.*,
       CASE WHEN c.status = 'closed' AND e.ruling['rule'] = 5 THEN 4 ELSE e.ruling['rule'] END AS rule,
       e.ruling['event_id'] AS decided_by,
       -- Only where no event decides is there an instant of becoming idle, and only once it is past does rule 4 hold.
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
