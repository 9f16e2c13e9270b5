-- Literals in quotes after LIMIT, functions in FROM, columns of the system, styles of intervals, and clauses that are refused.

-- a limit in quotes
SELECT count(*) FROM (SELECT 1 FROM orders LIMIT '5' OFFSET '2') AS o;

-- fetch in quotes
SELECT n FROM generate_series(1, 5) n ORDER BY n OFFSET ' 1 ' ROWS FETCH NEXT '2' ROWS ONLY;

-- a limit in quotes that is no number
SELECT 1 LIMIT 'two';

-- a limit in quotes below zero
SELECT 1 LIMIT '-1';

-- no limit in quotes
SELECT 1 LIMIT '2.5';

-- a value in from
SELECT s FROM string_to_array('a,b', ',') s;

-- a value in from and its name
SELECT upper, t.c, n FROM upper('a'), abs(-2) AS t (c), length('abc') WITH ORDINALITY AS l (n, place) WHERE place = 1;

-- a value in from beside a series
SELECT i, trim(s[i]) AS entry FROM generate_series(1, array_length(string_to_array('"$user", public', ','), 1)) AS i, string_to_array('"$user", public', ',') s ORDER BY i;

-- a value in from of what stands before it
SELECT c.channel, u FROM (SELECT DISTINCT channel FROM conversations) c, upper(c.channel) AS u ORDER BY 1;

-- a value in from joined
SELECT a.x, b.y FROM (VALUES (1), (2)) a (x) LEFT JOIN LATERAL abs(-2) AS b (y) ON b.y = a.x ORDER BY 1;

-- an aggregate in from
SELECT * FROM count(1);

-- no such function in from
SELECT * FROM no_such_function(1);

-- the table of a row
SELECT tableoid::regclass::text, count(*) FROM orders GROUP BY 1;

-- the table of a row of each
SELECT o.tableoid::regclass::text AS o, a.tableoid::regclass::text AS a, count(*) FROM orders o LEFT JOIN accounts a USING (account_id) GROUP BY 1, 2;

-- no table of no row
SELECT count(*), count(o.tableoid) FROM accounts a LEFT JOIN orders o ON o.order_id = 'none' AND o.account_id = a.account_id;

-- wildcards have no column of the system
SELECT * FROM (SELECT o.*, o.tableoid::regclass::text AS stored FROM orders o) AS t ORDER BY account_id, order_id LIMIT 3;

-- the tables of the catalog
SELECT DISTINCT c.tableoid::regclass::text, pg_catalog.pg_class.tableoid = 1259 AS same FROM pg_class c, pg_catalog.pg_class WHERE c.relname = 'orders' AND c.oid = pg_catalog.pg_class.oid;

-- transactions of the catalog
SELECT count(*) > 0 AS some FROM pg_class WHERE xmin::text::bigint >= 0 AND xmax::text = '0' AND cmin::text = cmax::text;

-- of which table
SELECT tableoid FROM orders, accounts;

-- a subquery has none
SELECT tableoid FROM (SELECT 1 AS x) AS t;

-- a view has none
SELECT tableoid FROM pg_tables;

-- in a subquery of its own
SELECT count(*) FROM accounts a WHERE EXISTS (SELECT 1 FROM orders WHERE tableoid = 'orders'::regclass AND account_id = a.account_id) AND a.tableoid <> 'orders'::regclass;

-- a column that is named so
SELECT min(value) AS xmin, max(value) AS xmax FROM orders ORDER BY xmin;

-- intervals by iso 8601
-- set: intervalstyle = 'iso_8601'
SELECT interval '1 day 2 hours' AS days, interval '-1 year -2 mons 3 days 04:05:06.7' AS mixed, interval '0' AS none, (interval '90 minutes')::text AS text, array_agg(interval '1 mon') AS list;

-- intervals with words
-- set: intervalstyle = 'postgres_verbose'
SELECT interval '1 day 2 hours' AS days, interval '-1 year -2 mons 3 days 04:05:06.7' AS mixed, interval '0' AS none, interval '-90 minutes' AS before, interval '1 sec' AS second;

-- intervals of the standard
-- set: intervalstyle = 'sql_standard'
SELECT interval '1 day 2 hours' AS days, interval '-1 year -2 mons 3 days 04:05:06.7' AS mixed, interval '0' AS none, interval '14 mons' AS months, interval '-90 minutes' AS before, interval '-1 day 2:03' AS one_sign, interval '-1 day +2:03' AS two_signs;

-- intervals of postgresql
SELECT interval '-1 day 2:03' AS mixed, -interval '-1 day' AS day;

-- a procedure by its arguments
SELECT 'array_in(cstring,oid,integer)'::regprocedure IS NOT NULL AS known, 'array_in(cstring,oid,integer)'::regprocedure::oid = 750 AS same, 'array_in(cstring,oid,integer)'::regprocedure::text AS name;

-- no procedure of such arguments
SELECT 'array_in(cstring)'::regprocedure;

-- what ActiveRecord asks of types
SELECT count(*) > 0 AS some FROM pg_type AS t LEFT JOIN pg_range AS r ON oid = rngtypid WHERE t.typname IN ('int2', 'int4') OR t.typtype IN ('r', 'e', 'd') OR t.typinput = 'array_in(cstring,oid,integer)'::regprocedure OR t.typelem != 0;

-- what the catalog can be asked of writing
SELECT pg_is_other_temp_schema(0) AS other;

-- samples
-- differs: TABLESAMPLE is not supported
SELECT count(*) >= 0 FROM orders TABLESAMPLE BERNOULLI (10);

-- samples of a system
-- differs: TABLESAMPLE is not supported
SELECT count(*) FROM orders TABLESAMPLE SYSTEM (0) REPEATABLE (3);

-- a member of a namespace as a value
SELECT nspname::text, 2200 IN (SELECT oid FROM pg_namespace) AS is_there FROM pg_namespace n WHERE nspname = 'public';

-- access lists
SELECT count(*) FROM (SELECT (aclexplode(relacl)).grantee FROM pg_class WHERE relname = 'orders') AS x;

-- access lists as rows
SELECT (d).grantee::int8, (d).privilege_type FROM (SELECT aclexplode(relacl) AS d FROM pg_class WHERE relname = 'orders') AS x;

-- locks
SELECT pg_blocking_pids(0) AS waiting, (SELECT count(*) FROM pg_locks WHERE page > 0) AS pages, (SELECT count(*) > 10 FROM pg_show_all_settings()) AS settings;
