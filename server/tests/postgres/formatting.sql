-- to_char, to_date, to_timestamp, to_number and format.

-- dates in the usual forms
SELECT to_char(started_at, 'YYYY-MM-DD'), to_char(started_at, 'YYYY-MM-DD HH24:MI:SS'), to_char(started_at, 'DD/MM/YYYY'), to_char(started_at, 'YYYY-MM'), to_char(started_at, 'Mon DD, YYYY') FROM conversations ORDER BY account_id, conversation_id LIMIT 10;

-- names of months and days
SELECT to_char(d, 'Month|MONTH|month|FMMonth|Mon|MON|mon'), to_char(d, 'Day|DAY|day|FMDay|Dy|DY|dy') FROM (VALUES (date '2026-01-31'), (date '2026-05-06'), (date '2026-09-23')) AS t (d) ORDER BY d;

-- weeks and quarters
SELECT to_char(d, 'IYYY-"W"IW'), to_char(d, 'WW W'), to_char(d, 'Q "quarter" YYYY'), to_char(d, 'DDD'), to_char(d, 'D ID'), to_char(d, 'J'), to_char(d, 'CC') FROM (VALUES (date '2025-12-31'), (date '2026-01-01'), (date '2026-12-31')) AS t (d) ORDER BY d;

-- times of day
SELECT to_char(t, 'HH12:MI AM'), to_char(t, 'HH:MI:SS pm'), to_char(t, 'HH24:MI:SS.MS'), to_char(t, 'US FF3 FF6'), to_char(t, 'SSSS'), to_char(t, 'a.m. P.M.') FROM (VALUES (timestamp '2026-01-31 00:05:09.123456'), (timestamp '2026-01-31 12:00:00'), (timestamp '2026-01-31 23:59:59.999')) AS v (t) ORDER BY t;

-- without filling
SELECT to_char(date '2026-03-05', 'FMDD/FMMM/YYYY'), to_char(date '2026-03-05', 'FMMonth FMDDth, YYYY'), to_char(date '2026-03-21', 'DDth DDTH'), to_char(timestamp '2026-03-05 04:05:06', 'FMHH24:FMMI:SS');

-- years
SELECT to_char(date '2026-03-05', 'Y,YYY YYYY YYY YY Y'), to_char(date '2026-03-05', 'BC AD'), to_char(date '2026-03-05', 'RM rm');

-- text in quotes
SELECT to_char(date '2026-03-05', '"Week" IW "of" IYYY'), to_char(timestamp '2026-03-05 10:00', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), to_char(date '2026-03-05', '"day" DD');

-- text that looks like a pattern
SELECT to_char(date '2026-03-05', 'at YYYY'), to_char(date '2026-03-05', 'Today: DD'), to_char(date '2026-03-05', 'yyyy.mm.dd'), to_char(date '2026-03-05', 'YYYYMMDD');

-- an interval
SELECT to_char(interval '15 hours 2 minutes 12 seconds', 'HH24:MI:SS'), to_char(interval '1 day 03:04:05', 'DD HH24'), to_char(interval '100 hours', 'HH24:MI');

-- numbers with groups
SELECT to_char(1234567.891, 'FM999,999,990.00'), to_char(1234.5, '999,999.99'), to_char(-1234.5, '9,999.9'), to_char(0.5, '990.00'), to_char(0, '999'), to_char(12, '0000');

-- numbers without filling
SELECT to_char(12.340, 'FM999.999'), to_char(12, 'FM999.00'), to_char(0.1, 'FM0.99'), to_char(1000, 'FM9,999'), to_char(-5, 'FM999');

-- signs
SELECT to_char(-5, 'S99'), to_char(5, 'S99'), to_char(-5, '99S'), to_char(5, 'SG99'), to_char(-5, '99MI'), to_char(-5, '99PR'), to_char(5, '99PR'), to_char(-5, 'MI99');

-- numbers that do not fit
SELECT to_char(1234, '999'), to_char(1234.5, '99.9'), to_char(-1234, '999');

-- currencies and percents
SELECT to_char(1234.5, '$9,999.99'), to_char(1234.5, 'FM$9,999.00'), to_char(45.678, 'FM990.0"%"'), to_char(0.4567 * 100, '990.9%');

-- numbers of other kinds
SELECT to_char(485, 'RN'), to_char(485, 'FMRN'), to_char(482, '999th'), to_char(12.4, '99V9');

-- numbers with an exponent
-- differs: EEEE is not supported
SELECT to_char(0.0004859, '9.99EEEE');

-- money of orders
SELECT to_char(value, 'FM999,999,990.00'), to_char(value, '999D99'), to_char(value::float8, 'FM999990.0') FROM orders ORDER BY account_id, order_id LIMIT 20;

-- counts of a group
SELECT channel, to_char(count(*), '999,999') AS n, to_char(100.0 * count(*) / (SELECT count(*) FROM conversations), 'FM990.0') || '%' AS share FROM conversations GROUP BY channel ORDER BY channel;

-- dates from texts
SELECT to_date('2026-01-31', 'YYYY-MM-DD'), to_date('31/01/2026', 'DD/MM/YYYY'), to_date('20260131', 'YYYYMMDD'), to_date('Jan 31, 2026', 'Mon DD, YYYY'), to_date('2026 031', 'YYYY DDD'), to_date('05 March 2026', 'DD Month YYYY');

-- instants from texts
SELECT to_timestamp('2026-01-31 12:34:56.789', 'YYYY-MM-DD HH24:MI:SS.US'), to_timestamp('2026-01-31 12:34:56', 'YYYY-MM-DD HH24:MI:SS'), to_timestamp('31.01.2026 11:30 PM', 'DD.MM.YYYY HH12:MI PM'), to_timestamp('2026-01-31 12:00 +02', 'YYYY-MM-DD HH24:MI TZH');

-- parts left out
SELECT to_date('2026', 'YYYY'), to_date('2026-05', 'YYYY-MM'), to_timestamp('14:30', 'HH24:MI')::time, to_date('26', 'YY'), to_date('2026-W05', 'IYYY-"W"IW'), to_date('2461072', 'J');

-- a filter as Superset writes it
SELECT count(*) FROM orders WHERE ordered_at >= TO_TIMESTAMP('2026-01-05 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND ordered_at < TO_TIMESTAMP('2026-01-15 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US');

-- a filter on days as Superset writes it
SELECT count(*) FROM orders WHERE ordered_on >= TO_DATE('2026-01-05', 'YYYY-MM-DD') AND ordered_on < TO_DATE('2026-01-15', 'YYYY-MM-DD');

-- a series as Superset writes it
SELECT DATE_TRUNC('day', ordered_at) AS __timestamp, SUM(value) AS "SUM(value)", COUNT(*) AS count FROM public.orders GROUP BY DATE_TRUNC('day', ordered_at) ORDER BY __timestamp LIMIT 1000;

-- a breakout as Metabase writes it
SELECT CAST("public"."orders"."ordered_at" AS date) AS "ordered_at", SUM("public"."orders"."value") AS "sum" FROM "public"."orders" GROUP BY CAST("public"."orders"."ordered_at" AS date) ORDER BY CAST("public"."orders"."ordered_at" AS date) ASC;

-- a week that begins on Sunday as Metabase writes it
SELECT (CAST(date_trunc('week', (CAST("orders"."ordered_at" AS timestamp) + (INTERVAL '1 day'))) AS timestamp) + (INTERVAL '-1 day')) AS "week", count(*) AS "count" FROM "public"."orders" GROUP BY 1 ORDER BY 1 ASC;

-- an interval as Grafana writes it
SELECT floor(extract(epoch FROM started_at) / 3600) * 3600 AS time, count(*) FROM conversations WHERE started_at BETWEEN '2026-01-05T00:00:00Z' AND '2026-01-12T00:00:00Z' GROUP BY time ORDER BY time LIMIT 30;

-- parts as Tableau writes them
SELECT CAST(EXTRACT(MONTH FROM "conversations"."started_on") AS INTEGER) AS "mn", CAST(TRUNC(EXTRACT(YEAR FROM "conversations"."started_on")) AS INTEGER) AS "yr", COUNT(1) AS "cnt" FROM "public"."conversations" "conversations" GROUP BY 1, 2 ORDER BY 2, 1;

-- numbers from texts
SELECT to_number('1,234.50', '9,999.99'), to_number('-12', 'S99'), to_number('$45', 'L99');

-- format
SELECT format('%s has %s', 'x', 3), format('%I %L', 'Odd name', 'it''s'), format('%5s|%-5s|', 'a', 'b'), format('%2$s %1$s', 'a', 'b'), format('100%%');

-- sizes
SELECT pg_size_pretty(1024::int8), pg_size_pretty(123456789::int8);

-- hexadecimal
SELECT to_hex(255), upper(to_hex(4095)), encode('abc'::bytea, 'hex'), encode('abc'::bytea, 'base64'), md5('abc');

-- centuries and years before Christ
SELECT to_char(timestamp '0044-03-15 BC', 'CC IYYY IYY Y,YYY YY BC'), to_char(timestamp '0001-03-15 BC', 'CC FMCC'), to_char(timestamp '0101-03-15 BC', 'CC'), to_char(timestamp '2001-03-15', 'CC');

-- very many digits
-- differs: the numbers of PostgreSQL end 16,383 digits after the point
SELECT length(to_char(1.5, '9.' || repeat('9', 70000)));

-- a distance of times
SELECT to_char(timestamp '2026-01-03 04:05:06.789' - timestamp '2026-01-01 01:00', 'DD HH24:MI:SS.MS') AS parts, to_char(timestamptz '2026-01-01 01:00+00' - timestamptz '2026-01-01 02:03:04+00', 'HH24:MI:SS') AS back, to_char(interval '-1 day -02:03:04', 'DD HH24:MI:SS') AS negative, to_char(interval '100 hours', 'FMHH24:MI') AS hours;

-- distances of times put in order
SELECT justify_hours(timestamp '2026-01-03 04:05' - timestamp '2026-01-01') AS hours, justify_days(timestamp '2026-03-03 04:05' - timestamp '2026-01-01') AS days, justify_interval(timestamp '2026-03-03 04:05' - timestamp '2026-01-01') AS both, - (timestamp '2026-03-03 04:05' - timestamp '2026-01-01') AS turned;
