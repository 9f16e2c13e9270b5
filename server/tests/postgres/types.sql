-- Values of the types that the relations have, and what literals and casts give.

-- every column of conversations
SELECT * FROM conversations ORDER BY account_id, conversation_id LIMIT 50;

-- every column of orders
SELECT * FROM orders ORDER BY account_id, order_id LIMIT 50;

-- every column of attributed orders
SELECT * FROM attributed_orders ORDER BY account_id, order_id, conversation_id LIMIT 50;

-- every column of link clicks
SELECT * FROM link_clicks ORDER BY account_id, event_id LIMIT 20;

-- every column of cart adds
SELECT * FROM cart_adds ORDER BY account_id, event_id LIMIT 20;

-- every column of recommendations
SELECT * FROM recommendations ORDER BY account_id, event_id LIMIT 20;

-- every column of conversation procedures
SELECT * FROM conversation_procedures ORDER BY account_id, conversation_id, procedure LIMIT 20;

-- every column of daily metrics
SELECT * FROM daily_metrics ORDER BY account_id, date, channel LIMIT 50;

-- integer literals
SELECT 1 AS small, -7 AS negative, 2147483647 AS largest, 2147483648 AS large, -9223372036854775808 AS least;

-- numeric literals
SELECT 1.5 AS a, 0.10 AS b, -12.3400 AS c, 1e3 AS d;

-- truth literals
SELECT true, false, NULL::bool, NOT true, true AND NULL, true OR NULL;

-- texts
SELECT 'plain', 'it''s', E'tab\there', U&'\00e9', 'naïve – ☕', '';

-- unnamed columns
SELECT 1, 'a', true, NULL, 1.5, 'x'::text, 3::int8, current_date IS NOT NULL;

-- casts of texts
SELECT '12'::int, ' 12 '::int8, '1.50'::numeric, '1.505'::numeric(6,2), '1e3'::float8, 't'::bool, 'off'::bool, 'yes'::bool;

-- casts between numbers
SELECT 2.5::int, 3.5::int, -2.5::int, 2.5::float8::int, 3.5::float8::int, 7::numeric(6,2), 1.005::numeric(5,2);

-- casts to text
SELECT 1::text, 1.50::text, true::text, '2026-01-31'::date::text, 0.1::float8::text, 1e21::float8::text;

-- float8 spellings
SELECT 0.1::float8, 1e15::float8, 1e16::float8, 123456789.123::float8, 1e-5::float8, 'NaN'::float8, '-Infinity'::float8, 0.1::float8 + 0.2::float8;

-- float4 spellings
SELECT 0.1::real, 1e6::real, 16777216::real, 3.14159274::real;

-- smallint
SELECT 5::int2, 5::smallint + 1::smallint;

-- numeric keeps its digits
SELECT value, value * 2, value + 0.5, value - 1, -value, abs(value) FROM orders ORDER BY account_id, order_id LIMIT 10;

-- numeric products add their digits
SELECT 1.50 * 2.250, 0.1 * 0.1, 12 * 0.25, 1.10 + 2.2, 5 - 0.001;

-- whole numbers are divided to whole numbers
SELECT 7 / 2, -7 / 2, 7 % 3, -7 % 3, mod(7, 3), div(7, 2);

-- quotients of numerics
SELECT 10.0 / 4, 1 / 3.0, 100.0 / 7, 2.5 / 0.5, 1000000.0 / 3;

-- quotients of floats
SELECT 1::float8 / 3, 10 / 4::float8, 2 ^ 10, sqrt(2::float8), 5::float8 / 2;

-- rounding of numerics
SELECT round(2.5), round(-2.5), round(3.14159, 2), round(1234.5, -2), trunc(2.789, 1), ceil(2.1), floor(-2.1), ceiling(7.0);

-- rounding of floats
SELECT round(2.5::float8), round(3.5::float8), trunc(2.7::float8), ceil(2.1::float8), floor(-2.1::float8), sign(-3.0), sign(-3::float8);

-- roundings of columns
SELECT order_id, round(value), round(value, 1), trunc(value, 2), ceil(value), floor(value) FROM orders ORDER BY account_id, order_id LIMIT 10;

-- powers and logarithms
SELECT power(2::float8, 3), exp(0::float8), ln(1::float8), log(100::float8), pi(), degrees(pi()), mod(10, 4);

-- greatest and least
SELECT greatest(1, 5, 3), least(1, NULL, 3), greatest('a', 'b'), greatest(1, 2.5), least('2026-01-01'::date, '2025-12-31'::date);

-- bits
SELECT 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, 256 >> 2;

-- a date
SELECT date '2026-01-31', '2026-02-28'::date, DATE '0099-12-31', '1999-01-08'::date;

-- a timestamp
SELECT timestamp '2026-01-31 12:34:56.789', '2026-01-31'::timestamp, '2026-01-31T01:02:03'::timestamp;

-- an instant
SELECT timestamptz '2026-01-31 12:34:56+02', '2026-01-31 00:00:00Z'::timestamptz, '2026-06-01 10:00:00.123456-07'::timestamptz;

-- a time
SELECT time '12:34:56', '23:59:59.999999'::time, '2026-01-31 12:34:56'::timestamp::time;

-- an interval
SELECT interval '1 day', interval '1 year 2 mons 3 days 04:05:06.7', interval '-90 minutes', interval '1.5 hours', interval '2 weeks', interval '3' day;

-- bytes
SELECT '\xdeadbeef'::bytea, 'abc'::bytea;

-- arrays of texts
SELECT ARRAY['a', 'b c', 'q"\', NULL, ''], '{x,"y z",NULL}'::text[], ARRAY[]::text[];

-- arrays of numbers
-- digits: the numerics of a column have one number of digits after the point
SELECT ARRAY[1, 2, 3], ARRAY[1.5, 2], ARRAY[1::int8, 2], '{1,2}'::int[], ARRAY[true, false];

-- the type of a value
SELECT pg_typeof(1)::text, pg_typeof(1.5)::text, pg_typeof('a'::text)::text, pg_typeof(now())::text, pg_typeof(current_date)::text, pg_typeof(ARRAY[1])::text, pg_typeof(count(*))::text FROM orders;

-- types of sums and averages
SELECT pg_typeof(sum(messages))::text, pg_typeof(avg(messages))::text, pg_typeof(sum(value))::text, pg_typeof(avg(credit))::text FROM conversations, (SELECT value, credit FROM attributed_orders LIMIT 1) AS o;

-- types of parts of dates
SELECT pg_typeof(extract(year FROM started_at))::text, pg_typeof(date_part('year', started_at))::text, pg_typeof(date_trunc('day', started_at))::text, pg_typeof(started_on - 1)::text, pg_typeof(started_on - started_on)::text, pg_typeof(started_at - started_at)::text, pg_typeof(started_on + interval '1 day')::text FROM conversations ORDER BY account_id, conversation_id LIMIT 1;

-- a case of mixed numbers
-- digits: a column of numerics has one number of digits after the point
SELECT CASE WHEN messages > 3 THEN 1 ELSE 0.5 END AS weight FROM conversations ORDER BY account_id, conversation_id LIMIT 10;

-- varchar and char
SELECT 'abc'::varchar, 'abcdef'::varchar(3), 'ab'::char(4) || 'x';

-- a row of values
VALUES (1, 'one'), (2, 'two'), (3, NULL);

-- values with names
-- digits: a column of numerics has one number of digits after the point
SELECT * FROM (VALUES (1, 'one', 1.5), (2, 'two', 2.25)) AS v (id, name, weight) ORDER BY id;

-- floats as numeric
SELECT 1e15::float8::numeric, 0.1::float8::numeric AS tenth, 123.456::real::numeric AS real, 1.005::float8::numeric(10, 2) AS rounded, round(2.675::float8::numeric, 2);

-- float4 beside others
SELECT 1::real + 1, 1.1::real * 2 AS twice, 1::real / 3::real AS third, 1.1::real + 1.1::real AS sum, 1.1::real = 1.1 AS same;

-- digits of a numeric
SELECT scale(1.50), min_scale(1.50), trim_scale(1.50);

-- a time is no number
SELECT now()::numeric;

-- a number is no time
SELECT 5::date;

-- a sign binds tighter than a power
SELECT (-2 ^ 2)::int, - 3 % 2, -5::int, - interval '1 day', -9223372036854775808, - 2 * 3;

-- between two values in any order
SELECT 5 BETWEEN SYMMETRIC 10 AND 1, 5 NOT BETWEEN SYMMETRIC 10 AND 1, 5 BETWEEN ASYMMETRIC 1 AND 10, 5 BETWEEN 10 AND 1;

-- a share of cases of both kinds of numbers
SELECT sum(CASE WHEN status = 'resolved' THEN 1 ELSE 0.0 END) / count(*) FROM conversations;

-- a quotient of cases
SELECT (CASE WHEN true THEN 1 ELSE 0.0 END) / 689, 1 / (CASE WHEN true THEN 3 ELSE 0.5 END), coalesce(1, 0.0) / 7;

-- literals beside numbers
SELECT '5' + 3, 10 - '3', 1.5 * '2.25', 5 % '3', 7 / '2';

-- rows compared
SELECT (1, 2) < (1, 3), (1, NULL) < (1, 3), (1, 2) = (1, 2), ROW(1, 2) <> ROW(1, 3), (1, 2) >= (1, 2), (NULL, 1) = (1, 2), (1, 2) IN ((1, 2), (3, 4)), (1, 2) NOT IN ((1, 3), (3, 4)), (1, 2) BETWEEN (1, 1) AND (1, 3);

-- operators of one kind after one another
SELECT 100 / 2 / 2 / 2, 100.0 / 3 / 7, 100 % 7 % 2, 2.5 / 2 / 4 * 2 / 3, 7 - 2 - 1 - 1, 1.5 - 0.25 - 0.25, 2 * 3 * 4 * 5;

-- and of columns
SELECT order_id, value / 2 / 3 AS sixth, value - 1 - 2 AS less, value * 2 * 3 / 5 / 7 AS much FROM orders ORDER BY order_id LIMIT 20;

-- quotients as texts
SELECT (10 / 4.0)::text, (1 / 3.0)::varchar AS third, 'x' || 10 / 4.0 AS joined, 10 / 4.0 || 'x' AS before, concat(10 / 4.0, '|', 1 / 3.0) AS all_of_them, format('%s', 10 / 4.0) AS formatted, concat_ws('-', 7 / 2.0, 100000 / 7.0) AS more;

-- numbers of floats and texts as texts
SELECT 1.5::float8::numeric::text, '1.50'::numeric::text AS digits, 'x' || 0.1::float8::numeric AS joined, concat(trim_scale(1.500), '|') AS trimmed;

-- an average as a text
SELECT avg(messages)::text, 'x' || avg(messages) AS joined, string_agg((messages / 2.0)::text, ',' ORDER BY conversation_id) AS texts FROM (SELECT conversation_id, messages FROM conversations ORDER BY account_id, conversation_id LIMIT 3) c;

-- rounded to whole numbers, of values and not of literals
SELECT value::int, (value / 3)::bigint AS third, avg(value)::int AS mean, (value * 1.5)::float8::int AS of_float FROM orders GROUP BY order_id, value ORDER BY order_id LIMIT 20;

-- an average as a whole number
SELECT avg(messages)::int AS mean, round(avg(messages))::bigint AS rounded, (sum(messages) * 0.1)::int AS tenth FROM conversations;

-- floats of few and of many digits
SELECT 0.1::float, 0.1::float(24), 0.1::float(25), 1.23456789012345::float, pg_typeof(1::float)::text AS double, pg_typeof(1::float(5))::text AS single, pg_typeof(1::real)::text AS real;

-- texts that are cut
SELECT 'abcdef'::char(3)::text AS cut, 'abcdef'::varchar(2) AS two, 'abc'::character::text AS one, cast('abcdef' AS character(4))::text AS four, cast(123456 AS varchar(3)) AS digits;

-- values with literals of their type
SELECT * FROM (VALUES (date '2026-01-01'), ('2026-01-02')) t (d) ORDER BY 1;

-- values with literals before
VALUES ('2026-01-02 00:00Z'), (timestamptz '2026-01-01 00:00Z') ORDER BY 1;

-- values with literals of several types
SELECT a, b, c, d FROM (VALUES (1, true, 'x', NULL), ('2', 'f', 'y', interval '1 day'), (NULL, NULL, NULL, '2 hours')) t (a, b, c, d) ORDER BY a;

-- values with literals of numbers with digits
-- digits: a column of numerics has one number of digits after the point
SELECT * FROM (VALUES (1.5), ('2.25'), (3)) t (n) ORDER BY 1;

-- a literal that is none of its column's type
SELECT * FROM (VALUES (1), ('one')) t (n);

-- values of types that have nothing in common
SELECT * FROM (VALUES (1), (date '2026-01-01'), ('2')) t (n);

-- values in a union and in a set
SELECT 1 AS n WHERE date '2026-01-02' IN (VALUES (date '2026-01-01'), ('2026-01-02')) UNION ALL (VALUES ('7'), (8)) ORDER BY n;

-- values of a common table
WITH t (at) AS (VALUES (timestamp '2026-01-01 10:00'), ('2026-01-01 11:00'), (NULL)) SELECT max(at), count(*) FROM t;
