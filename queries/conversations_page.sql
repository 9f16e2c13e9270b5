-- The conversations of a range (M1) for a paged list: filtered, sorted, and starting after the previous page. Sorted by
-- latest last_updated, then by conversation_id, unless `sort` and `ascending` say otherwise; ascending is exactly the
-- reverse order. Put a LIMIT around the call; for the next page, pass `key` and `conversation_id` of the last row as
-- after_key and after_id. No row is repeated or skipped while events land, and no page costs more than the first. A session
-- that sees several accounts must select one, by a WHERE around the call.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- param status list of open, closed, resolved, routed = null : statuses to list; null for all
-- param search text = null : lists those with this text, in any letter case, in the first question, a tag, the
--   conversation_id or the profile_id; null for all
-- param procedure text = null : lists those with this procedure; null for all
-- param unassigned boolean = null : true for those without any procedure, false for those with one; null for all
-- param tag text = null : lists those with this tag; null for all
-- param escalated boolean = null : true for those that escalated, and where a procedure is given that this procedure
--   escalated (M6); false for the others; null for all
-- param reason text = null : lists those whose first escalation had this reason, '' for those without one; null for all
-- param category text = null : the same for the category of the first escalation
-- param escalated_by text = null : the same for the procedure of the first escalation
-- param clicked boolean = null : true for those with counted link clicks, false for those without; null for all
-- param sort one of last_updated, started_at, messages = 'last_updated' : the column to sort by
-- param ascending boolean = false : true for ascending order
-- param after_key integer = null : lists the rows after this key; null for the first page
-- param after_id text = null : with after_key, also lists the rows of that very key after this conversation_id; null for
--   none of them
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
-- column key : the sort key: messages, or last_updated or started_at in microseconds since 1970
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
       escalation_reason,
       key
FROM (
    SELECT *,
           CASE WHEN $sort = 'messages' THEN messages
                WHEN $sort = 'started_at' THEN CAST(started_at AS BIGINT)
                ELSE CAST(last_updated AS BIGINT) END AS key
    FROM conversations
)
WHERE started_on BETWEEN $from AND $to
  AND ($channel IS NULL OR array_has($channel, channel))
  AND ($status IS NULL OR array_has($status, status))
  AND ($search IS NULL
       OR contains(lower(first_question), lower($search))
       OR contains(lower(array_to_string(tags, chr(10))), lower($search))
       OR contains(lower(conversation_id), lower($search))
       OR contains(lower(profile_id), lower($search)))
  AND ($procedure IS NULL OR array_has(procedures, $procedure))
  AND ($unassigned IS NULL OR $unassigned = (cardinality(procedures) = 0))
  AND ($tag IS NULL OR array_has(tags, $tag))
  AND ($escalated IS NULL
       OR $escalated = (escalated_at IS NOT NULL
                        AND ($procedure IS NULL OR coalesce(escalation_procedure = $procedure, false))))
  AND ($reason IS NULL OR (escalated_at IS NOT NULL AND coalesce(escalation_reason, '') = $reason))
  AND ($category IS NULL OR (escalated_at IS NOT NULL AND coalesce(escalation_category, '') = $category))
  AND ($escalated_by IS NULL OR (escalated_at IS NOT NULL AND coalesce(escalation_procedure, '') = $escalated_by))
  AND ($clicked IS NULL OR $clicked = (link_clicks > 0))
  -- Only the first comparison of each branch can prune files.
  AND ($after_key IS NULL
       OR CASE WHEN $ascending
               THEN key >= $after_key AND (key > $after_key OR conversation_id < $after_id)
               ELSE key <= $after_key AND (key < $after_key OR conversation_id > $after_id) END)
-- The planner drops the terms that are NULL for all rows, so that rows are sorted by plain columns.
ORDER BY CASE WHEN $sort = 'last_updated' AND NOT $ascending THEN last_updated END DESC,
         CASE WHEN $sort = 'last_updated' AND $ascending THEN last_updated END,
         CASE WHEN $sort = 'started_at' AND NOT $ascending THEN started_at END DESC,
         CASE WHEN $sort = 'started_at' AND $ascending THEN started_at END,
         CASE WHEN $sort = 'messages' AND NOT $ascending THEN messages END DESC,
         CASE WHEN $sort = 'messages' AND $ascending THEN messages END,
         CASE WHEN NOT $ascending THEN conversation_id END,
         CASE WHEN $ascending THEN conversation_id END DESC,
         CASE WHEN NOT $ascending THEN account_id END,
         CASE WHEN $ascending THEN account_id END DESC
