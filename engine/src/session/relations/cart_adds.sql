-- Additions to the cart in live conversations: events, not units (C2, C9, M5).
SELECT e.account_id,
       e.event_id,
       e.conversation_id,
       c.channel,
       c.profile_id,
       e.occurred_at AS added_at,
       local_date(e.occurred_at, s.timezone) AS added_on,
       e.product_id,
       e.quantity
FROM stored.consumed_conversation_events AS e
JOIN public.conversations AS c ON c.account_id = e.account_id AND c.conversation_id = e.conversation_id
JOIN stored.applied_accounts AS s ON s.account_id = e.account_id
WHERE e.type = 'added_to_cart'
