-- The conversations of a range (M1), as the page lists them: newest last_updated first, then by conversation_id.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, itself included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- param status list of open, closed, resolved, routed = null : statuses to list; null for all
-- param search text = null : lists those that have this text, in whatever case, in the first question, a tag, the
--   conversation_id or the profile_id; null for all
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
-- column last_updated : when anything last happened in it (C7)
-- column resolved_at : when it was resolved, where it is (C8)
-- column escalated_at : when it first escalated (C8)
-- column escalation_reason : why it first escalated (C8)
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
