-- The conversations of a range (M1), with the columns of the page's list, sorted by latest last_updated, then by conversation_id.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- param status list of open, closed, resolved, routed = null : statuses to list; null for all
-- param search text = null : lists those with this text, in any letter case, in the first question, a tag, the
--   conversation_id or the profile_id; null for all
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
-- column last_updated : the instant of its latest event (C7)
-- column resolved_at : the instant of the resolution, if it is resolved (C8)
-- column escalated_at : the instant of its first escalation (C8)
-- column escalation_reason : the reason of its first escalation (C8)
SELECT account_id,
       conversation_id,
       profile_id,
       channel,
       status,
       first_question,
       procedures,
       tags,
       messages,
       link_clicks,
       cart_adds,
       started_at,
       last_updated,
       resolved_at,
       escalated_at,
       escalation_reason
FROM conversations_page($from, $to, $channel, $status, $search, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                        'last_updated', false, NULL, NULL)
