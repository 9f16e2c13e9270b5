-- How well conversations were served (M8): one row for each visible account, also where nothing happened. Rates and
-- averages are null where there is nothing to divide by.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column conversations : conversations that started in the range (M1)
-- column contained : those that were not routed to people (C3)
-- column containment_rate : contained / conversations, 0 to 1
-- column resolved : those with status resolved (M2)
-- column resolved_rate : resolved / conversations, 0 to 1
-- column reopened : those whose shopper wrote again after the first resolution (C8)
-- column recontacted : those resolved whose shopper began another conversation, in any channel, in the 7 days after
-- column recontact_rate : recontacted / the resolved whose profile is known, 0 to 1
-- column rated : those with a rating (C11)
-- column satisfied : those rated 4 or 5
-- column csat : satisfied / rated, 0 to 1
-- column average_rating : the average of the ratings, 1 to 5
-- column median_seconds_to_resolution : the median of the seconds from the start to the resolution, of the resolved
-- column escalated : those with an escalation (C8)
-- column human_replied : the escalated to which a human wrote, and first after the escalation or at its instant (C11)
-- column median_seconds_to_human : the median of the seconds from the escalation to that reply
WITH recontacted AS (
    SELECT DISTINCT r.account_id, r.conversation_id
    FROM (
        SELECT account_id, conversation_id, profile_id, resolved_at
        FROM conversations
        WHERE started_on BETWEEN $from AND $to
          AND ($channel IS NULL OR array_has($channel, channel))
          AND status = 'resolved'
    ) AS r
    JOIN conversations AS next ON next.account_id = r.account_id AND next.profile_id = r.profile_id
    WHERE next.conversation_id <> r.conversation_id
      AND next.started_at > r.resolved_at
      AND CAST(next.started_at AS BIGINT) - CAST(r.resolved_at AS BIGINT) <= 604800000000
)
SELECT account_id,
       conversations,
       contained,
       CAST(contained AS DOUBLE) / nullif(conversations, 0) AS containment_rate,
       resolved,
       CAST(resolved AS DOUBLE) / nullif(conversations, 0) AS resolved_rate,
       reopened,
       recontacted,
       CAST(recontacted AS DOUBLE) / nullif(resolved_with_profile, 0) AS recontact_rate,
       rated,
       satisfied,
       CAST(satisfied AS DOUBLE) / nullif(rated, 0) AS csat,
       average_rating,
       median_seconds_to_resolution,
       escalated,
       human_replied,
       median_seconds_to_human
FROM (
    SELECT a.account_id,
           count(c.conversation_id) AS conversations,
           count(*) FILTER (WHERE c.status <> 'routed') AS contained,
           count(*) FILTER (WHERE c.status = 'resolved') AS resolved,
           count(*) FILTER (WHERE c.status = 'resolved' AND c.profile_id IS NOT NULL) AS resolved_with_profile,
           count(*) FILTER (WHERE c.reopened) AS reopened,
           count(c.recontacted) AS recontacted,
           count(c.rating) AS rated,
           count(*) FILTER (WHERE c.rating >= 4) AS satisfied,
           avg(c.rating) AS average_rating,
           median(c.seconds_to_resolution) AS median_seconds_to_resolution,
           count(c.escalated_at) AS escalated,
           count(c.seconds_to_human) AS human_replied,
           median(c.seconds_to_human) AS median_seconds_to_human
    FROM accounts AS a
    LEFT JOIN (
        SELECT c.account_id,
               c.conversation_id,
               c.profile_id,
               c.status,
               c.reopened,
               c.rating,
               c.escalated_at,
               r.conversation_id AS recontacted,
               CASE WHEN c.resolved_at > c.started_at
                    THEN CAST(CAST(c.resolved_at AS BIGINT) - CAST(c.started_at AS BIGINT) AS DOUBLE) / 1000000
                    WHEN c.resolved_at IS NOT NULL THEN 0
               END AS seconds_to_resolution,
               CASE WHEN c.human_replied_at >= c.escalated_at
                    THEN CAST(CAST(c.human_replied_at AS BIGINT) - CAST(c.escalated_at AS BIGINT) AS DOUBLE) / 1000000
               END AS seconds_to_human
        FROM conversations AS c
        LEFT JOIN recontacted AS r ON r.account_id = c.account_id AND r.conversation_id = c.conversation_id
        WHERE c.started_on BETWEEN $from AND $to
          AND ($channel IS NULL OR array_has($channel, c.channel))
    ) AS c ON c.account_id = a.account_id
    GROUP BY a.account_id
)
ORDER BY account_id
