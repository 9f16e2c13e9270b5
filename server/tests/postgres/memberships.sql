-- IN, NOT IN and quantifiers over subqueries: true, false and unknown.

-- a constant among nulls
SELECT id FROM (VALUES (1), (2)) t (id) WHERE 9 NOT IN (SELECT x FROM (VALUES (4), (NULL)) u (x));

-- not among nulls, or something else
SELECT id FROM (VALUES (4), (5), (6)) t (id) WHERE id NOT IN (SELECT x FROM (VALUES (4), (NULL)) u (x)) OR id = 6 ORDER BY 1;

-- unknown is what is neither
SELECT id, id IN (SELECT x FROM (VALUES (4), (NULL)) u (x)) AS known, (id IN (SELECT x FROM (VALUES (4), (NULL)) u (x))) IS NULL AS unknown FROM (VALUES (4), (5)) t (id) ORDER BY 1;

-- unknown as a condition
SELECT id FROM (VALUES (4), (5)) t (id) WHERE (id IN (SELECT x FROM (VALUES (4), (NULL)) u (x))) IS NULL;

-- a choice by what is not among nulls
SELECT id FROM (VALUES (4), (5)) t (id) WHERE CASE WHEN id NOT IN (SELECT x FROM (VALUES (4), (NULL)) u (x)) THEN 1 ELSE 0 END = 1;

-- no orders have no profile
SELECT count(*) FROM conversations WHERE CASE WHEN profile_id NOT IN (SELECT profile_id FROM orders) THEN 1 END = 1;

-- tied by an inequality
SELECT id FROM (VALUES (1, 5), (2, 50)) t (id, z) WHERE id NOT IN (SELECT x FROM (VALUES (9, 10), (NULL, 20)) u (x, z) WHERE u.z < t.z) ORDER BY 1;

-- a constant tied by an equality
SELECT id FROM (VALUES (1, 1), (2, 2)) t (id, g) WHERE 3 NOT IN (SELECT x FROM (VALUES (1, 1), (NULL, 2)) u (x, g) WHERE u.g = t.g) ORDER BY 1;

-- tied by an equality
SELECT id FROM (VALUES (1, 1), (2, 2), (3, 3)) t (id, g) WHERE id NOT IN (SELECT x FROM (VALUES (5, 1), (NULL, 2)) u (x, g) WHERE u.g = t.g) ORDER BY 1;

-- tied, as a value
SELECT id, id IN (SELECT x FROM (VALUES (1, 1), (5, 1), (NULL, 2)) u (x, g) WHERE u.g = t.g) AS found FROM (VALUES (1, 1), (2, 2), (3, 3), (NULL, 1), (NULL, 3)) t (id, g) ORDER BY 1, 2;

-- a value that may be null
SELECT count(*) FROM (VALUES ('EUR'), ('USD')) t (c) WHERE NULLIF(c, 'USD') NOT IN (SELECT c FROM (VALUES ('GBP')) u (c));

-- null among nothing
SELECT NULL::int IN (SELECT x FROM (VALUES (1)) u (x) WHERE false) AS among, NULL::int NOT IN (SELECT x FROM (VALUES (1)) u (x) WHERE false) AS not_among, NULL::int IN (SELECT 1) AS unknown;

-- computed values
SELECT id FROM (VALUES (2), (3)) t (id) WHERE (id IN (SELECT x + 1 FROM (VALUES (1), (NULL)) u (x))) IS NOT TRUE ORDER BY 1;

-- computed values, tied
SELECT id FROM (VALUES (2, 1), (3, 2)) t (id, g) WHERE (id NOT IN (SELECT x + 1 FROM (VALUES (1, 1), (NULL, 2), (7, 2)) u (x, g) WHERE u.g = t.g)) IS NULL ORDER BY 1;

-- among one aggregate
SELECT g, 0 IN (SELECT count(*) FROM (VALUES (1), (1)) u (x) WHERE u.x = t.g) AS none, g NOT IN (SELECT max(x) FROM (VALUES (1), (1)) u (x) WHERE u.x = t.g) AS another FROM (VALUES (1), (2)) t (g) ORDER BY 1;

-- among one aggregate, as a condition
SELECT g FROM (VALUES (1), (2)) t (g) WHERE 0 IN (SELECT count(*) FROM (VALUES (1), (1)) u (x) WHERE u.x = t.g);

-- among groups
SELECT id FROM (VALUES (1), (2), (5)) t (id) WHERE id NOT IN (SELECT max(x) FROM (VALUES (1, 1), (5, 2), (3, 2)) u (x, g) GROUP BY g) OR id = 1 ORDER BY 1;

-- among limited rows
SELECT id, id IN (SELECT x FROM (VALUES (3), (1), (2)) u (x) ORDER BY x LIMIT 2) AS first FROM (VALUES (1), (2), (3)) t (id) ORDER BY 1;

-- among distinct rows and unions
SELECT id, id IN (SELECT DISTINCT x FROM (VALUES (1), (1), (NULL)) u (x)) AS once, id IN (SELECT 1 UNION SELECT 2) AS united FROM (VALUES (1), (2), (3)) t (id) ORDER BY 1;

-- in an aggregate
SELECT count(*) FILTER (WHERE id NOT IN (SELECT x FROM (VALUES (4), (NULL)) u (x))) AS sure, count(*) FILTER (WHERE id IN (SELECT x FROM (VALUES (4), (NULL)) u (x))) AS found, sum(CASE WHEN id IN (SELECT 4) THEN 10 ELSE 1 END) AS weighed FROM (VALUES (4), (5)) t (id);

-- having
SELECT g, sum(x) FROM (VALUES (1, 2), (1, 3), (2, 7)) t (g, x) GROUP BY g HAVING sum(x) NOT IN (SELECT y FROM (VALUES (7), (8)) u (y)) OR g = 9 ORDER BY 1;

-- rows among rows
SELECT a, b, (a, b) IN (SELECT x, y FROM (VALUES (1, 2), (3, NULL)) u (x, y)) AS among FROM (VALUES (1, 2), (3, 4), (5, 6), (NULL, 2), (NULL, 9)) t (a, b) ORDER BY 1, 2;

-- rows that are not among rows
SELECT a, b FROM (VALUES (1, 2), (3, 4), (5, 6)) t (a, b) WHERE (a, b) NOT IN (SELECT x, y FROM (VALUES (1, 2), (3, NULL)) u (x, y)) ORDER BY 1;

-- rows tied to rows
SELECT a FROM (VALUES (1, 2, 1), (3, 4, 2)) t (a, b, g) WHERE ROW (a, b) NOT IN (SELECT x, y FROM (VALUES (1, 2, 1), (3, NULL, 3)) u (x, y, g) WHERE u.g = t.g) ORDER BY 1;

-- rows of orders
SELECT count(*) FROM orders WHERE (account_id, order_id) NOT IN (SELECT account_id, order_id FROM attributed_orders);

-- equal to any and to all
SELECT id, id = ANY (SELECT x FROM (VALUES (1), (NULL)) u (x)) AS one, id <> ALL (SELECT x FROM (VALUES (1), (NULL)) u (x)) AS no_one, id = ALL (SELECT x FROM (VALUES (1), (1)) u (x)) AS every_one, id <> ANY (SELECT x FROM (VALUES (1), (NULL)) u (x)) AS another FROM (VALUES (1), (2)) t (id) ORDER BY 1;

-- a subquery among a subquery
SELECT id FROM (VALUES (1), (2)) t (id) WHERE (SELECT max(y) FROM (VALUES (1), (2)) v (y) WHERE v.y <= t.id) NOT IN (SELECT x FROM (VALUES (1)) u (x)) ORDER BY 1;

-- a number among texts that are numbers
SELECT id FROM (VALUES (1), (2)) t (id) WHERE id NOT IN (SELECT x FROM (VALUES (1.0), (3.5)) u (x));

-- a day among instants
-- set: timezone = 'Europe/Berlin'
SELECT d, d NOT IN (SELECT x FROM (VALUES (timestamptz '2026-01-01 00:00:00+01')) u (x)) AS another FROM (VALUES (date '2026-01-01'), (date '2026-01-02')) t (d) ORDER BY 1;

-- in the condition of a join
-- differs: an IN of a subquery is not supported in the condition of a join
SELECT t.id FROM (VALUES (1), (2)) t (id) LEFT JOIN (VALUES (1), (2)) v (id) ON v.id = t.id AND t.id NOT IN (SELECT x FROM (VALUES (1), (NULL)) u (x)) ORDER BY 1;

-- values that hold values
SELECT id FROM (VALUES (1), (2)) t (id) WHERE id > ALL (SELECT count(*) FROM (VALUES (1)) u (x)) OR id IN (VALUES (1), (NULL)) ORDER BY 1;
