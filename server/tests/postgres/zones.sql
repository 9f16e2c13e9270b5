-- Instants in the session's zone, in and out.

-- shown in New York
-- set: timezone = 'America/New_York'
SELECT started_at, last_updated FROM conversations ORDER BY account_id, conversation_id LIMIT 10;

-- read in New York
-- set: timezone = 'America/New_York'
SELECT '2026-01-31 12:00:00'::timestamptz, timestamptz '2026-07-01 12:00', '2026-03-08 02:30:00'::timestamptz, '2026-11-01 01:30:00'::timestamptz;

-- days of New York
-- set: timezone = 'America/New_York'
SELECT started_at::date AS day, count(*) FROM conversations GROUP BY day ORDER BY day;

-- truncated in Berlin
-- set: timezone = 'Europe/Berlin'
SELECT date_trunc('day', started_at) AS day, count(*) FROM conversations GROUP BY day ORDER BY day;

-- hours of Kolkata
-- set: timezone = 'Asia/Kolkata'
SELECT extract(hour FROM started_at) AS hour, extract(timezone FROM started_at), extract(timezone_hour FROM started_at), extract(timezone_minute FROM started_at), count(*) FROM conversations GROUP BY 1, 2, 3, 4 ORDER BY 1;

-- written in Berlin
-- set: timezone = 'Europe/Berlin'
SELECT to_char(timestamptz '2026-07-01 12:00+00', 'YYYY-MM-DD HH24:MI:SS TZ OF TZH:TZM'), to_char(timestamptz '2026-01-01 12:00+00', 'TZ tz OF');

-- a wider comparison in Sydney
-- set: timezone = 'Australia/Sydney'
SELECT count(*) FROM orders WHERE ordered_at >= '2026-01-10' AND ordered_at < '2026-01-11';

-- at a zone
SELECT started_at AT TIME ZONE 'America/New_York' AS local FROM conversations ORDER BY account_id, conversation_id LIMIT 10;

-- from a zone
SELECT timestamp '2026-01-31 12:00' AT TIME ZONE 'America/New_York', timestamp '2026-07-31 12:00' AT TIME ZONE 'Europe/Berlin';

-- from one zone to another
SELECT timestamp '2026-01-31 12:00' AT TIME ZONE 'Asia/Tokyo' AT TIME ZONE 'America/New_York';

-- timezone as a function
SELECT timezone('Europe/Berlin', timestamptz '2026-07-01 00:00+00'), timezone('UTC', timestamp '2026-07-01');

-- zones by their distance
SELECT timestamptz '2026-07-01 00:00+00' AT TIME ZONE '-05:00', timestamptz '2026-07-01 00:00+00' AT TIME ZONE INTERVAL '-05:00', timestamptz '2026-07-01 00:00+00' AT TIME ZONE 'EST', timestamptz '2026-07-01 00:00+00' AT TIME ZONE 'PDT';

-- days of a zone as reports group them
SELECT date_trunc('week', started_at AT TIME ZONE 'America/Los_Angeles')::date AS week, count(*) FROM conversations GROUP BY week ORDER BY week;

-- a day is as long as its zone makes it
-- set: timezone = 'America/New_York'
SELECT timestamptz '2026-03-07 12:00' + interval '1 day', timestamptz '2026-03-07 12:00' + interval '24 hours', timestamptz '2026-03-09 12:00' - timestamptz '2026-03-07 12:00';

-- midnight that does not exist
-- set: timezone = 'America/Santiago'
SELECT date '2026-09-06'::timestamptz, date_trunc('day', timestamptz '2026-09-06 12:00');

-- days become instants
-- set: timezone = 'Asia/Tokyo'
SELECT date '2026-01-31'::timestamptz, timestamp '2026-01-31 10:00'::timestamptz, timestamptz '2026-01-31 10:00+00'::timestamp, timestamptz '2026-01-31 20:00+00'::date, timestamptz '2026-01-31 20:00+00'::time;

-- instants as text
-- set: timezone = 'Asia/Kathmandu'
SELECT started_at::text, 'at ' || started_at FROM conversations ORDER BY account_id, conversation_id LIMIT 5;

-- the setting itself
-- set: timezone = 'America/Sao_Paulo'
SELECT current_setting('timezone'), current_setting('TimeZone');

-- a fixed distance as the zone
-- set: timezone = '-3'
SELECT timestamptz '2026-01-31 12:00+00', current_setting('timezone');

-- a series of days in a zone
-- set: timezone = 'America/New_York'
SELECT generate_series(timestamptz '2026-03-07', timestamptz '2026-03-10', interval '1 day') AS day ORDER BY day;

-- the day of an order is its account's
SELECT o.account_id, count(*) FILTER (WHERE (o.ordered_at AT TIME ZONE a.timezone)::date = o.ordered_on) AS same, count(*) FROM orders o JOIN accounts a USING (account_id) GROUP BY o.account_id ORDER BY o.account_id;

-- local hours by account
SELECT c.account_id, extract(hour FROM c.started_at AT TIME ZONE a.timezone) AS hour, count(*) FROM conversations c JOIN accounts a ON a.account_id = c.account_id GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 30;

-- instants in a series of parameters
-- set: timezone = 'Europe/London'
SELECT date_trunc('month', started_at) AS month, to_char(min(started_at), 'YYYY-MM-DD"T"HH24:MI:SSOF') AS first FROM conversations GROUP BY month ORDER BY month;

-- hours that come twice
-- set: timezone = 'America/New_York'
SELECT u, date_trunc(u, t), to_char(date_trunc(u, t), 'HH24:MI TZ OF') FROM (VALUES ('hour'), ('minute'), ('second'), ('milliseconds'), ('day'), ('week')) units(u), (VALUES (timestamptz '2026-11-01 04:59:59.9999Z'), ('2026-11-01 05:30:30.1234Z'), ('2026-11-01 06:30:30.1234Z'), ('2026-11-01 07:10:00Z')) v(t) ORDER BY 1, 2, t;

-- hours that come twice are two groups
-- set: timezone = 'America/New_York'
SELECT date_trunc('hour', t) AS hour, count(*) FROM (VALUES (timestamptz '2026-11-01 05:30:00Z'), ('2026-11-01 06:30:00Z'), ('2026-11-01 06:45:00Z')) v(t) GROUP BY 1 ORDER BY 1;

-- hours that come twice, written and taken apart
-- set: timezone = 'America/New_York'
SELECT to_char(t, 'HH24:MI:SS TZ tz OF TZH:TZM'), extract(timezone FROM t), extract(hour FROM t), extract(epoch FROM t), t::time, t::date FROM (VALUES (timestamptz '2026-11-01 05:30:00Z'), ('2026-11-01 06:30:00Z')) v(t) ORDER BY v.t;

-- half an hour that comes twice
-- set: timezone = 'Australia/Lord_Howe'
SELECT t, date_trunc('hour', t), date_trunc('minute', t), to_char(t, 'HH24:MI OF') FROM (VALUES (timestamptz '2026-04-04 14:45:30Z'), ('2026-04-04 15:10:30Z'), ('2026-04-04 15:40:00Z'), ('2026-10-03 15:40:00Z')) v(t) ORDER BY t;

-- hours that come twice in a zone that is named
SELECT t, date_trunc('hour', t, 'America/New_York'), date_trunc('hour', t, 'Europe/Berlin'), date_trunc('day', t, 'Australia/Lord_Howe') FROM (VALUES (timestamptz '2026-11-01 05:30:00Z'), ('2026-11-01 06:30:00Z'), ('2026-10-25 00:20:00Z'), ('2026-10-25 01:20:00Z'), ('2026-04-04 15:10:00Z')) v(t) ORDER BY t;
