-- What null does: in comparisons, sets, orders, aggregates.

-- null is not equal to null
SELECT NULL = NULL, NULL <> 1, NULL IS NULL, 1 IS NOT NULL, NULL IS DISTINCT FROM NULL, 1 IS NOT DISTINCT FROM 1;

-- in lists with null
SELECT 1 IN (1, NULL), 2 IN (1, NULL), 2 NOT IN (1, NULL), 1 NOT IN (2, 3);

-- coalesce and nullif
SELECT coalesce(NULL, 'a', 'b'), coalesce(profile_id, '(none)'), nullif(messages, 0) FROM conversations ORDER BY account_id, conversation_id LIMIT 20;

-- nulls come last
SELECT DISTINCT escalation_reason FROM conversations ORDER BY escalation_reason;

-- nulls come first when it goes down
SELECT DISTINCT escalation_reason FROM conversations ORDER BY escalation_reason DESC;

-- nulls where they are wanted
SELECT DISTINCT escalation_reason FROM conversations ORDER BY escalation_reason NULLS FIRST;

-- nulls last when it goes down
SELECT DISTINCT escalation_category AS category FROM conversations ORDER BY category DESC NULLS LAST;

-- counts of nulls
SELECT count(*), count(profile_id), count(DISTINCT escalation_reason), count(*) - count(resolved_at) AS unresolved FROM conversations;

-- aggregates over nothing
SELECT count(*), sum(messages), avg(messages), min(started_at), max(channel), array_agg(channel), string_agg(channel, ','), bool_or(reopened) FROM conversations WHERE false;

-- groups of nothing
SELECT channel, count(*) FROM conversations WHERE false GROUP BY channel;

-- null is a group
SELECT escalation_reason, count(*) FROM conversations GROUP BY escalation_reason ORDER BY escalation_reason;

-- null joins nothing
SELECT count(*) FROM conversations a JOIN conversations b ON a.escalation_reason = b.escalation_reason AND a.account_id = b.account_id AND a.started_on = b.started_on;

-- null in logic
SELECT NULL AND false, NULL AND true, NULL OR true, NULL OR false, NOT NULL::bool;

-- unknown truth
SELECT (NULL::bool) IS UNKNOWN, true IS NOT TRUE, false IS FALSE, NULL::bool IS NOT FALSE, NULL::bool IS NOT UNKNOWN;

-- null in arithmetic and text
SELECT NULL + 1, 'a' || NULL, concat('a', NULL, 'b'), concat_ws('-', 'a', NULL, 'b'), length(NULL), upper(NULL);

-- null in a case
SELECT CASE NULL WHEN NULL THEN 'equal' ELSE 'unknown' END, CASE WHEN NULL THEN 1 ELSE 2 END;

-- not in a set with nulls
SELECT count(*) FROM conversations WHERE escalation_reason NOT IN (SELECT escalation_reason FROM conversations);

-- in a set with nulls
SELECT count(*) FROM conversations WHERE escalation_reason IN (SELECT escalation_reason FROM conversations);

-- greatest leaves null out
SELECT greatest(NULL, 1), least(NULL, NULL::int), greatest(resolved_at, escalated_at) FROM conversations ORDER BY account_id, conversation_id LIMIT 20;

-- distinct from
SELECT count(*) FROM conversations WHERE escalation_reason IS DISTINCT FROM 'shipping' AND status IS NOT DISTINCT FROM 'routed';

-- nulls in unions
SELECT profile_id FROM conversations WHERE profile_id IS NULL UNION SELECT NULL ORDER BY 1;

-- num_nulls
SELECT num_nulls(1, NULL, 'a'), num_nonnulls(1, NULL, 'a');

-- isnull and notnull
SELECT NULL ISNULL, 1 ISNULL, NULL NOTNULL, 1 NOTNULL, count(*) FILTER (WHERE profile_id ISNULL) FROM conversations;
