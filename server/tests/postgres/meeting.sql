-- Values of several types where there must be one: whose midnight a date is, and what a literal is taken for.

-- instants among texts
-- set: timezone = 'America/New_York'
SELECT count(*) FROM conversations WHERE started_at IN ('2026-01-05 00:00', '2026-01-06 00:00') OR started_at NOT IN ('2026-01-05 00:00', timestamp '2026-01-06 00:00', date '2026-01-07');

-- an instant among days
-- set: timezone = 'America/New_York'
SELECT timestamptz '2026-01-05 05:00+00' IN (date '2026-01-05', timestamp '2026-01-06 00:00') AS in_days, timestamptz '2026-01-05 05:00+00' IN ('2026-01-05') AS in_texts, '2026-01-05' IN (timestamptz '2026-01-05 05:00+00') AS text_in;

-- the case of an instant
-- set: timezone = 'America/New_York'
SELECT CASE timestamptz '2026-01-05 05:00+00' WHEN '2026-01-05' THEN 'midnight' ELSE 'no' END AS by_text, CASE timestamptz '2026-01-05 05:00+00' WHEN date '2026-01-05' THEN 'midnight' ELSE 'no' END AS by_date;

-- instants and days in coalesce
-- set: timezone = 'America/New_York'
SELECT coalesce(NULL::timestamptz, date '2026-01-05') AS of_date, coalesce(NULL::timestamptz, timestamp '2026-01-05 01:00') AS of_time, coalesce(NULL::timestamptz, '2026-01-05') AS of_text, coalesce(NULL::timestamp, date '2026-01-05') AS local, coalesce(NULL::date, '2026-01-05') AS day;

-- instants and days in branches
-- set: timezone = 'Asia/Tokyo'
SELECT CASE WHEN true THEN date '2026-01-05' ELSE now() END AS of_date, CASE WHEN false THEN now() ELSE timestamp '2026-01-05 01:00' END AS of_time, CASE WHEN false THEN now() ELSE '2026-01-05' END AS of_text, CASE WHEN false THEN date '2026-01-01' ELSE '2026-01-05' END AS day;

-- the latest of instants and days
-- set: timezone = 'Asia/Tokyo'
SELECT greatest(timestamptz '2026-01-04 16:00+00', date '2026-01-05') AS latest, least(timestamptz '2026-01-04 16:00+00', timestamp '2026-01-05 00:30') AS first, greatest(timestamptz '2026-01-04 16:00+00', '2026-01-05 02:00') AS of_text;

-- nullif of an instant and a day
-- set: timezone = 'Asia/Tokyo'
SELECT nullif(timestamptz '2026-01-04 15:00+00', date '2026-01-05') AS of_date, nullif(timestamptz '2026-01-04 15:00+00', '2026-01-05') AS of_text, nullif(date '2026-01-05', '2026-01-05') AS day;

-- a union of instants and days
-- set: timezone = 'Asia/Tokyo'
SELECT timestamptz '2026-01-05 15:00+00' AS at UNION ALL SELECT date '2026-01-05' UNION ALL SELECT timestamp '2026-01-05 01:00' ORDER BY at;

-- a union with literals
-- set: timezone = 'Asia/Tokyo'
SELECT timestamptz '2026-01-05 15:00+00' AS at, 1 AS n, interval '1 day' AS span UNION ALL SELECT '2026-01-05', '2', '2 hours' UNION ALL SELECT NULL, NULL, NULL ORDER BY at;

-- the distance of an instant and a day
-- set: timezone = 'America/New_York'
SELECT timestamptz '2026-01-05 12:00+00' - date '2026-01-05' AS of_date, timestamptz '2026-01-05 12:00+00' - timestamp '2026-01-05 01:00' AS of_time, date '2026-01-05' - timestamptz '2026-01-05 12:00+00' AS back, timestamp '2026-01-06 12:00' - date '2026-01-05' AS local;

-- numbers and literals
SELECT coalesce(NULL::int, '5') AS whole, coalesce(NULL::numeric, '5.25') AS numeric, CASE WHEN false THEN 1 ELSE '7' END AS branch, greatest(1, '5') AS largest, nullif(5, '5') AS none, nullif(1.50, '1.5') AS equal, coalesce(NULL::float8, '1.5') AS float, 5 IN ('5', '6') AS among;

-- a literal that is no number
SELECT coalesce(NULL::int, 'many');

-- a literal that is no instant
SELECT coalesce(NULL::timestamptz, 'soon');

-- truths, lengths of time and lists beside literals
SELECT coalesce(NULL::bool, 'yes') AS truth, coalesce(NULL::interval, '2 days') AS span, coalesce(NULL::int[], '{1,2}') AS list, CASE WHEN false THEN interval '1 day' ELSE '3 hours' END AS branch, CASE WHEN false THEN ARRAY['a'] ELSE '{}' END AS items, coalesce(NULL::time, '10:30') AS clock;

-- floats beside decimals
SELECT 1e-20::float8 > 0.0 AS larger, coalesce(1e300::float8, 0.0) AS huge, CASE WHEN true THEN 1e-30::float8 ELSE 0.5 END AS tiny, 0.5 + 1e-30::float8 AS sum, 1e200::float8 * 2.5 AS product, greatest(1e-20::float8, 0.0) AS largest, 1e-20::float8 IN (0.0, 1.0) AS among;

-- a union of floats and decimals
SELECT 1e-20::float8 AS n UNION ALL SELECT 0.5 UNION ALL SELECT 2 ORDER BY n;

-- counts beside shares of the same
SELECT status, sum(CASE WHEN messages > 2 THEN 1 ELSE 0 END) AS some, sum(CASE WHEN messages > 2 THEN 1.0 ELSE 0 END) / count(*) AS share, sum(CASE WHEN messages > 2 THEN 1 ELSE 0.0 END) AS same, sum(CASE WHEN messages > 2 THEN 1 ELSE 0.0 END) / count(*) AS again FROM conversations GROUP BY status HAVING sum(CASE WHEN messages > 2 THEN 1 ELSE 0.0 END) / count(*) > 0.1 ORDER BY status;

-- a case that is grouped by and counted with
-- digits: a column has one number of digits after the point
SELECT CASE WHEN messages > 5 THEN 1 ELSE 0.5 END AS weight, CASE WHEN messages > 5 THEN 1 ELSE 0.5 END * 2 AS twice, count(*) FROM conversations GROUP BY CASE WHEN messages > 5 THEN 1 ELSE 0.5 END ORDER BY weight;

-- a share of all in a window
SELECT status, sum(CASE WHEN messages > 2 THEN 1 ELSE 0.0 END) AS part, sum(CASE WHEN messages > 2 THEN 1 ELSE 0.0 END) / sum(sum(CASE WHEN messages > 2 THEN 1 ELSE 0.0 END)) OVER () AS share FROM conversations GROUP BY status ORDER BY status;

-- types that cannot meet
SELECT coalesce(1, date '2026-01-01');

-- and of branches
SELECT CASE WHEN true THEN 'a'::text ELSE 1 END;
