-- Subqueries, common tables, sets.

-- a scalar in the list
SELECT account_id, (SELECT count(*) FROM orders o WHERE o.account_id = a.account_id) AS orders FROM accounts a ORDER BY account_id;

-- a correlated value
SELECT o.order_id, (SELECT c.status FROM conversations c WHERE c.account_id = o.account_id AND c.conversation_id = o.conversation_id) AS status FROM attributed_orders o ORDER BY o.account_id, o.order_id, o.conversation_id LIMIT 20;

-- the latest before
SELECT o.order_id, (SELECT max(c.started_at) FROM conversations c WHERE c.account_id = o.account_id AND c.profile_id = o.profile_id AND c.started_at <= o.ordered_at) AS before FROM orders o ORDER BY o.account_id, o.order_id LIMIT 20;

-- the first of a sorted one
SELECT a.account_id, (SELECT o.order_id FROM orders o WHERE o.account_id = a.account_id ORDER BY o.value DESC, o.order_id LIMIT 1) AS best FROM accounts a ORDER BY 1;

-- a scalar in a condition
SELECT order_id, value FROM orders WHERE value > (SELECT avg(value) * 3 FROM orders) ORDER BY account_id, order_id;

-- above the average of its account
SELECT account_id, count(*) FROM orders o WHERE value > (SELECT avg(value) FROM orders i WHERE i.account_id = o.account_id) GROUP BY account_id ORDER BY account_id;

-- exists
SELECT count(*) FROM conversations c WHERE EXISTS (SELECT 1 FROM attributed_orders o WHERE o.account_id = c.account_id AND o.conversation_id = c.conversation_id);

-- not exists
SELECT count(*) FROM conversations c WHERE NOT EXISTS (SELECT * FROM link_clicks l WHERE l.account_id = c.account_id AND l.conversation_id = c.conversation_id AND l.clicked_at > c.started_at);

-- exists as a value
SELECT account_id, EXISTS (SELECT 1 FROM orders o WHERE o.account_id = a.account_id AND o.cancelled) AS any_cancelled FROM accounts a ORDER BY 1;

-- in
SELECT count(*) FROM orders WHERE (account_id, order_id) IN (SELECT account_id, order_id FROM attributed_orders);

-- not in
SELECT count(*) FROM conversations WHERE conversation_id NOT IN (SELECT conversation_id FROM attributed_orders);

-- any and all
SELECT count(*) FROM orders WHERE value >= ALL (SELECT value FROM orders);

-- equal to any
SELECT count(*) FROM conversations WHERE channel = ANY (SELECT channel FROM attributed_orders);

-- more than any
SELECT count(*) FROM orders WHERE value < ANY (SELECT value FROM orders WHERE cancelled);

-- a common table
WITH daily AS (SELECT started_on AS day, count(*) AS n FROM conversations GROUP BY 1) SELECT max(n), min(n), sum(n) FROM daily;

-- common tables that build on one another
WITH c AS (SELECT * FROM conversations WHERE channel = 'email'), d AS (SELECT started_on, count(*) AS n FROM c GROUP BY started_on) SELECT d.started_on, d.n FROM d WHERE n = (SELECT max(n) FROM d) ORDER BY 1;

-- a materialized common table
WITH t AS MATERIALIZED (SELECT account_id, sum(value) AS v FROM orders GROUP BY account_id) SELECT * FROM t ORDER BY 1;

-- a recursive common table
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT i, i * i AS square FROM n ORDER BY i;

-- recursive days
WITH RECURSIVE d (day) AS (SELECT date '2026-01-01' UNION ALL SELECT day + 1 FROM d WHERE day < date '2026-01-07') SELECT day FROM d ORDER BY day;

-- a derived table
SELECT channel, avg(n)::numeric(10, 2) FROM (SELECT channel, started_on, count(*) AS n FROM conversations GROUP BY 1, 2) AS per_day GROUP BY channel ORDER BY channel;

-- union
SELECT channel FROM conversations UNION SELECT channel FROM link_clicks ORDER BY channel;

-- union all
SELECT 'conversations' AS what, count(*) FROM conversations UNION ALL SELECT 'orders', count(*) FROM orders UNION ALL SELECT 'clicks', count(*) FROM link_clicks ORDER BY what;

-- intersect
SELECT profile_id FROM orders INTERSECT SELECT profile_id FROM conversations ORDER BY profile_id LIMIT 20;

-- except
SELECT conversation_id FROM conversations EXCEPT SELECT conversation_id FROM link_clicks ORDER BY 1 LIMIT 20;

-- union of different numbers
-- digits: a column of numerics has one number of digits after the point
SELECT 1 AS n UNION ALL SELECT 2.5 UNION ALL SELECT 3::int8 ORDER BY n;

-- union with nulls and texts
SELECT NULL AS v UNION ALL SELECT 'x' ORDER BY v;

-- an array of rows
-- differs: an array of the rows of a correlated subquery with a limit is not supported
SELECT account_id, ARRAY(SELECT o.order_id FROM orders o WHERE o.account_id = a.account_id ORDER BY o.value DESC, o.order_id LIMIT 3) AS top FROM accounts a ORDER BY account_id;

-- an offset and a limit
SELECT order_id FROM orders ORDER BY account_id, order_id OFFSET 5 LIMIT 5;

-- fetch first
SELECT order_id FROM orders ORDER BY account_id, order_id FETCH FIRST 3 ROWS ONLY;

-- no limit
SELECT count(*) FROM (SELECT * FROM orders LIMIT ALL) AS o;

-- a table
TABLE accounts ORDER BY account_id;

-- a subquery in a join condition
SELECT count(*) FROM orders o JOIN accounts a ON a.account_id = o.account_id AND o.value > (SELECT avg(value) FROM orders);

-- a subquery in a case
SELECT CASE WHEN (SELECT count(*) FROM orders) > 10 THEN 'many' ELSE 'few' END;

-- a subquery in having
SELECT account_id, sum(value) FROM orders GROUP BY account_id HAVING sum(value) >= (SELECT avg(s) FROM (SELECT sum(value) AS s FROM orders GROUP BY account_id) AS t) ORDER BY 1;

-- a subquery in an order
-- differs: a correlated subquery in ORDER BY is not supported
SELECT account_id FROM accounts a ORDER BY (SELECT count(*) FROM orders o WHERE o.account_id = a.account_id) DESC, account_id;

-- a distinct table joined
SELECT count(*) FROM (SELECT DISTINCT account_id FROM conversations) AS c JOIN accounts USING (account_id);

-- rows compared
SELECT count(*) FROM conversations WHERE (channel, status) = ('email', 'resolved');

-- row in a list
SELECT count(*) FROM conversations WHERE (channel, status) IN (('email', 'resolved'), ('sms', 'routed'));

-- a constant of no row
SELECT (SELECT 1 WHERE false), coalesce((SELECT 1 FROM orders WHERE order_id = 'none'), 0);

-- a constant of no row in a condition
SELECT count(*) FROM orders WHERE value > (SELECT 5 WHERE false);

-- a sum of constants of no row
SELECT sum((SELECT 1 WHERE false)), count((SELECT 1 WHERE false)) FROM orders;

-- names of conditions
SELECT EXISTS (SELECT 1), NOT EXISTS (SELECT 1);

-- greater than all of each
SELECT order_id FROM orders o WHERE value > ALL (SELECT p.value FROM orders p WHERE p.account_id = o.account_id AND p.order_id <> o.order_id) ORDER BY 1;

-- less than any of each
SELECT order_id FROM orders o WHERE value < ANY (SELECT p.value FROM orders p WHERE p.account_id = o.account_id AND p.cancelled) ORDER BY 1 LIMIT 4;

-- quantifiers and nulls
SELECT 1 > ALL (SELECT x FROM (VALUES (0), (NULL)) t(x)), 1 > ALL (SELECT x FROM (VALUES (2), (NULL)) t(x)), 1 > ALL (SELECT 1 WHERE false), 1 < ANY (SELECT x FROM (VALUES (2), (NULL)) t(x)), 1 < ANY (SELECT x FROM (VALUES (0), (NULL)) t(x)), 1 < ANY (SELECT 1 WHERE false);

-- a name within a name
WITH t AS (SELECT 1 AS x) SELECT * FROM (WITH t AS (SELECT x + 1 AS x FROM t) SELECT t.x FROM t) AS u, t;

-- a name within a recursive name
WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT *, (WITH t AS (SELECT 9 AS n) SELECT n FROM t) FROM t ORDER BY 1;
