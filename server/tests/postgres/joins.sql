-- Joins.

-- an inner join
SELECT o.order_id, o.value, c.channel, c.status FROM attributed_orders o JOIN conversations c ON c.account_id = o.account_id AND c.conversation_id = o.conversation_id ORDER BY o.account_id, o.order_id, o.conversation_id LIMIT 30;

-- using
SELECT account_id, conversation_id, count(*) FROM conversations JOIN link_clicks USING (account_id, conversation_id) GROUP BY account_id, conversation_id ORDER BY 3 DESC, 1, 2 LIMIT 20;

-- a natural join
SELECT count(*) FROM accounts NATURAL JOIN (SELECT account_id, order_id FROM orders) AS o;

-- all columns of a join with using
-- differs: the columns of USING stand where their table has them, not first
SELECT * FROM (SELECT account_id, order_id, value FROM orders) AS o JOIN (SELECT account_id, timezone FROM accounts) AS a USING (account_id) ORDER BY account_id, order_id LIMIT 10;

-- a left join
SELECT c.conversation_id, o.order_id FROM conversations c LEFT JOIN attributed_orders o USING (account_id, conversation_id) ORDER BY c.account_id, c.conversation_id, o.order_id LIMIT 30;

-- a right join
SELECT count(*), count(o.order_id) FROM attributed_orders o RIGHT JOIN conversations c USING (account_id, conversation_id);

-- a full join
SELECT count(*), count(l.event_id), count(a.event_id) FROM link_clicks l FULL JOIN cart_adds a ON a.account_id = l.account_id AND a.conversation_id = l.conversation_id;

-- a full join with using
SELECT day, coalesce(c.n, 0) AS conversations, coalesce(o.n, 0) AS orders FROM (SELECT started_on AS day, count(*) AS n FROM conversations GROUP BY 1) AS c FULL JOIN (SELECT ordered_on AS day, count(*) AS n FROM orders GROUP BY 1) AS o USING (day) ORDER BY day;

-- a cross join
SELECT a.account_id, c.channel FROM accounts a CROSS JOIN (VALUES ('sms'), ('email')) AS c (channel) ORDER BY 1, 2;

-- a join on an inequality
SELECT count(*) FROM orders a JOIN orders b ON a.account_id = b.account_id AND a.profile_id = b.profile_id AND a.ordered_at < b.ordered_at;

-- a join on a range of time
SELECT count(*), count(DISTINCT o.order_id) FROM orders o JOIN conversations c ON c.account_id = o.account_id AND c.profile_id = o.profile_id AND o.ordered_at BETWEEN c.started_at AND c.started_at + interval '5 days';

-- a table with itself
SELECT a.conversation_id, b.conversation_id AS next FROM conversations a JOIN conversations b ON a.account_id = b.account_id AND a.profile_id = b.profile_id AND a.started_at < b.started_at ORDER BY a.account_id, 1, 2 LIMIT 20;

-- three tables
SELECT a.name, c.channel, count(DISTINCT c.conversation_id) AS conversations, count(o.order_id) AS orders FROM accounts a JOIN conversations c USING (account_id) LEFT JOIN attributed_orders o ON o.account_id = c.account_id AND o.conversation_id = c.conversation_id GROUP BY a.account_id, a.name, c.channel ORDER BY a.name, c.channel;

-- commas and conditions
SELECT count(*) FROM conversations c, conversation_procedures p WHERE p.account_id = c.account_id AND p.conversation_id = c.conversation_id AND p.procedure IS NOT NULL;

-- the same names in both
SELECT c.channel, p.channel, c.status AS status, p.status AS status FROM conversations c JOIN conversation_procedures p USING (account_id, conversation_id) ORDER BY c.account_id, c.conversation_id, p.procedure LIMIT 10;

-- lateral to the latest
-- differs: a lateral subquery with a limit is not supported
SELECT a.account_id, l.order_id, l.value FROM accounts a CROSS JOIN LATERAL (SELECT o.order_id, o.value FROM orders o WHERE o.account_id = a.account_id ORDER BY o.ordered_at DESC, o.order_id LIMIT 2) AS l ORDER BY 1, 2;

-- lateral over an array
SELECT c.conversation_id, t.tag FROM conversations c CROSS JOIN LATERAL unnest(c.tags) AS t (tag) ORDER BY c.account_id, c.conversation_id, t.tag LIMIT 30;

-- left lateral
SELECT a.account_id, x.n FROM accounts a LEFT JOIN LATERAL (SELECT count(*) AS n FROM orders o WHERE o.account_id = a.account_id AND o.cancelled) AS x ON true ORDER BY 1;

-- nested joins
SELECT count(*) FROM accounts a LEFT JOIN (orders o JOIN attributed_orders t USING (account_id, order_id)) ON o.account_id = a.account_id;

-- columns of a table with a star
SELECT o.*, a.timezone FROM orders o JOIN accounts a USING (account_id) ORDER BY o.account_id, o.order_id LIMIT 5;

-- a join with a condition on one side
SELECT a.account_id, count(o.order_id) FROM accounts a LEFT JOIN orders o ON o.account_id = a.account_id AND o.value > 200 GROUP BY a.account_id ORDER BY a.account_id;

-- on true
SELECT count(*) FROM accounts a JOIN accounts b ON true;

-- the column of a right join with using
SELECT id, x, y FROM (VALUES (1, 'a'), (2, 'b')) AS l (id, x) RIGHT JOIN (VALUES (2, 'c'), (3, 'd')) AS r (id, y) USING (id) ORDER BY id;

-- the column of a full join with using
SELECT id, x, y FROM (VALUES (1, 'a'), (2, 'b')) AS l (id, x) FULL JOIN (VALUES (2, 'c'), (3, 'd')) AS r (id, y) USING (id) ORDER BY id;

-- all columns of a full join with using
SELECT * FROM (VALUES ('a', 1), ('b', 2)) AS l (x, id) FULL JOIN (VALUES ('c', 2), ('d', 3)) AS r (y, id) USING (id) ORDER BY id;

-- full joins with using after one another
SELECT id, x, y, z FROM (VALUES (1, 'a'), (2, 'b')) AS l (id, x) FULL JOIN (VALUES (2, 'c'), (3, 'd')) AS r (id, y) USING (id) FULL JOIN (VALUES (3, 'e'), (4, 'f')) AS t (id, z) USING (id) ORDER BY id;

-- a left join after a full one
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS l (id, x) FULL JOIN (VALUES (2, 'c'), (3, 'd')) AS r (id, y) USING (id) LEFT JOIN (VALUES (3, 'e'), (4, 'f')) AS t (id, z) USING (id) WHERE id > 1 ORDER BY id;

-- groups by the column of a full join
SELECT id, count(*) FROM (VALUES (1), (2)) AS l (id) FULL JOIN (VALUES (2), (3)) AS r (id) USING (id) GROUP BY id HAVING id > 1 ORDER BY id;

-- a natural full join
-- differs: it is refused
SELECT id FROM (VALUES (1), (2)) AS l (id) NATURAL FULL JOIN (VALUES (2), (3)) AS r (id) ORDER BY 1;

-- a series with its places
SELECT * FROM generate_series(10, 12) WITH ORDINALITY AS t (x, n);

-- lateral values
SELECT o.order_id, v.name, v.amount FROM orders o CROSS JOIN LATERAL (VALUES ('value', o.value), ('twice', o.value * 2)) AS v (name, amount) ORDER BY 1, 2 LIMIT 10;

-- names for some columns
SELECT t.account, t.currency FROM (SELECT account_id, currency FROM accounts) AS t (account) ORDER BY 1;

-- a lateral array
SELECT o.order_id, l.pair FROM orders o CROSS JOIN LATERAL (SELECT ARRAY[o.order_id, o.account_id] AS pair) AS l ORDER BY 1 LIMIT 5;
