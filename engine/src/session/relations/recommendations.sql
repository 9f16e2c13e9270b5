-- Recommendations in live conversations (C2); `product_ids` may be null.
SELECT e.account_id,
       e.event_id,
       e.conversation_id,
       c.channel,
       c.profile_id,
       e.occurred_at AS recommended_at,
       local_date(e.occurred_at, s.timezone) AS recommended_on,
       e.product_ids
FROM stored.consumed_conversation_events AS e
JOIN public.conversations AS c ON c.account_id = e.account_id AND c.conversation_id = e.conversation_id
JOIN stored.applied_accounts AS s ON s.account_id = e.account_id
WHERE e.type = 'product_recommended'
