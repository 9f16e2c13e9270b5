-- What is wrong is wrong in the same way: compared by SQLSTATE.

-- no such table
SELECT * FROM no_such_table;

-- no such schema
SELECT * FROM no_such_schema.orders;

-- no such column
SELECT no_such_column FROM orders;

-- no such column of a table
SELECT o.no_such_column FROM orders o;

-- no such table in a condition
SELECT 1 FROM orders WHERE x.value > 1;

-- no such function
SELECT no_such_function(1);

-- wrong arguments
SELECT upper(1, 2, 3);

-- an ambiguous column
SELECT account_id FROM orders, accounts;

-- a syntax error
SELEC 1;

-- a syntax error at the end
SELECT count(* FROM orders;

-- nothing to select
-- differs: a keyword can be the name of a table
SELECT FROM WHERE;

-- an unterminated text
SELECT 'abc;

-- division by zero
SELECT 1 / 0;

-- division of numerics by zero
SELECT 1.5 / 0;

-- division of floats by zero
SELECT 1::float8 / 0;

-- rest of a division by zero
SELECT 5 % 0;

-- division of a column by zero
SELECT value / (value - value) FROM orders;

-- not a number
SELECT 'abc'::int;

-- not a numeric
SELECT 'abc'::numeric;

-- not a float
SELECT 'abc'::float8;

-- not a truth
SELECT 'maybe'::bool;

-- not a date
SELECT 'not a date'::date;

-- no such day
SELECT '2026-02-30'::date;

-- not an instant
SELECT 'nonsense'::timestamptz;

-- not an interval
SELECT 'nonsense'::interval;

-- not a column's number
SELECT count(*) FROM conversations WHERE messages = 'many';

-- not a column's date
SELECT count(*) FROM orders WHERE ordered_on = 'soon';

-- too large for an integer
SELECT 2147483647 + 1;

-- too large for a bigint
SELECT 9223372036854775807 + 1;

-- a product too large
SELECT 100000 * 100000;

-- too large to cast
SELECT 3000000000::int;

-- too large for a column's precision
SELECT 12345.67::numeric(5, 2);

-- not grouped
SELECT channel, count(*) FROM conversations;

-- not grouped in part
SELECT channel, status, count(*) FROM conversations GROUP BY channel;

-- an aggregate in a condition
SELECT channel FROM conversations WHERE count(*) > 1 GROUP BY channel;

-- an aggregate of an aggregate
SELECT sum(count(*)) FROM conversations;

-- a window in a condition
SELECT 1 FROM orders WHERE row_number() OVER () = 1;

-- columns that do not match
SELECT 1 UNION SELECT 1, 2;

-- types that do not match
SELECT 1 UNION SELECT 'a'::text;

-- types that cannot be compared
SELECT count(*) FROM orders WHERE ordered_on = 5;

-- texts are no numbers
SELECT 'a'::text + 1;

-- truth of a number
SELECT 1 FROM orders WHERE 5;

-- more than one row
SELECT (SELECT order_id FROM orders);

-- more than one column
SELECT (SELECT 1, 2);

-- no such position
SELECT channel FROM conversations ORDER BY 5;

-- a limit below zero
SELECT 1 LIMIT -1;

-- no such zone
SELECT now() AT TIME ZONE 'Mars/Olympus';

-- no such zone to set
SET timezone = 'Mars/Olympus';

-- no such setting
SHOW no_such_setting;

-- no such part
SELECT extract(nonsense FROM now());

-- no such unit
SELECT date_trunc('nonsense', now());

-- no such type
SELECT 1::no_such_type;

-- no such cast
SELECT now()::int;

-- a date that does not follow its pattern
SELECT to_date('abc', 'YYYY-MM-DD');

-- a month out of range
SELECT to_date('2026-13-01', 'YYYY-MM-DD');

-- a wrong regular expression
SELECT 'a' ~ '(';

-- a root below zero
SELECT sqrt(-1::float8);

-- a logarithm of zero
SELECT ln(0::float8);

-- a broken array
SELECT '{a,b'::text[];

-- a table named twice
SELECT 1 FROM orders, orders;

-- a using that is not there
SELECT 1 FROM orders JOIN accounts USING (nothing);

-- no such relation by name
SELECT 'nothing'::regclass;

-- missing from
SELECT orders.value;

-- an alias in a condition
SELECT value AS v FROM orders WHERE v > 1;

-- distinct on that does not match
SELECT DISTINCT ON (channel) channel FROM conversations ORDER BY status;

-- a with that recurs without saying so
WITH a AS (SELECT * FROM a) SELECT * FROM a;

-- a window that is not there
SELECT sum(messages) OVER w FROM conversations;

-- grouped by a column that is not there
SELECT channel FROM conversations GROUP BY 2;

-- ordered by what is not selected
SELECT DISTINCT channel FROM conversations ORDER BY messages;

-- all of a table that is not there
SELECT o.* FROM orders;

-- days added
SELECT started_on + started_on FROM conversations;

-- the negative of a text
SELECT -channel FROM conversations;

-- not of a number
SELECT NOT 5;

-- a rank of nothing
SELECT rank() FROM conversations;

-- too large a text for its type
SELECT '99999999999'::int;

-- a month that there is not, as a literal
SELECT count(*) FROM conversations WHERE started_on = '2026-13-01';

-- a day made of no month
SELECT make_date(2026, 13, 1);

-- a negative length
SELECT substring('abc', 1, -1);

-- an encoding that there is not
SELECT encode('abc', 'foo');

-- ntile of nothing
SELECT ntile(0) OVER () FROM conversations;

-- a series of days without a step
SELECT generate_series(date '2026-01-01', date '2026-01-02');

-- lists of values of other lengths
VALUES (1), (2, 3);

-- no such window
SELECT sum(value) OVER w FROM orders;

-- a window that has a partition already
SELECT sum(value) OVER (w PARTITION BY account_id) FROM orders WINDOW w AS (ORDER BY order_id);

-- a window that has an order already
SELECT sum(value) OVER (w ORDER BY value) FROM orders WINDOW w AS (ORDER BY order_id);

-- a window whose frame is not copied
SELECT sum(value) OVER (w) FROM orders WINDOW w AS (ORDER BY order_id ROWS 1 PRECEDING);

-- a window that is there twice
SELECT sum(value) OVER w FROM orders WINDOW w AS (ORDER BY order_id), w AS (ORDER BY order_id);

-- a join without a condition
SELECT count(*) FROM orders JOIN accounts;

-- an operator of other languages
SELECT 1 FROM orders WHERE order_id == 'x';

-- over after a function
SELECT upper(status) OVER () FROM conversations;

-- a filter after a function
SELECT round(value) FILTER (WHERE true) FROM orders;

-- a window function without over
SELECT rank() FROM orders;

-- a union of a day and a number
SELECT started_on FROM conversations UNION SELECT messages FROM conversations;

-- a union of a text and a number
SELECT status FROM conversations UNION SELECT messages FROM conversations;

-- a case of a day and a number
SELECT CASE WHEN true THEN started_on ELSE messages END FROM conversations;

-- a coalesce of a text and a number
SELECT coalesce(status, messages) FROM conversations;

-- a sum of a date and a literal
SELECT date '2026-01-01' + '1 day';

-- a sum of two literals
SELECT '5' + '3';

-- a literal that is no whole number
SELECT '5.5' + 3;

-- more names than columns
SELECT * FROM (VALUES (1, 2, 3)) AS t (a, b, c, d);

-- a name of WITH that is given twice
WITH t AS (SELECT 1 AS x), t AS (SELECT 2 AS x) SELECT * FROM t;
