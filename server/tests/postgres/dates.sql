-- Days, instants and intervals: parts, truncation, arithmetic, series.

-- truncation to each unit
SELECT date_trunc('hour', started_at), date_trunc('day', started_at), date_trunc('week', started_at), date_trunc('month', started_at), date_trunc('quarter', started_at), date_trunc('year', started_at) FROM conversations ORDER BY account_id, conversation_id LIMIT 10;

-- truncation of a date is an instant
SELECT date_trunc('month', started_on) AS month, count(*) FROM conversations GROUP BY 1 ORDER BY 1;

-- truncation of a timestamp
SELECT date_trunc('minute', timestamp '2026-01-31 12:34:56.789'), date_trunc('decade', timestamp '2026-01-31'), date_trunc('century', timestamp '2026-01-31'), date_trunc('milliseconds', timestamp '2026-01-31 12:34:56.789123');

-- truncation of an interval
SELECT date_trunc('hour', interval '2 days 03:04:05'), date_trunc('day', interval '2 days 03:04:05');

-- truncation in a named zone
SELECT date_trunc('day', timestamptz '2026-03-10 02:30:00+00', 'America/New_York');

-- months as dates
SELECT date_trunc('month', started_at)::date AS month, channel, count(*) FROM conversations GROUP BY month, channel ORDER BY month, channel;

-- extract from an instant
SELECT extract(year FROM started_at), extract(month FROM started_at), extract(day FROM started_at), extract(hour FROM started_at), extract(minute FROM started_at), extract(second FROM started_at) FROM conversations ORDER BY account_id, conversation_id LIMIT 10;

-- extract of weeks and days
SELECT extract(dow FROM started_on), extract(isodow FROM started_on), extract(doy FROM started_on), extract(week FROM started_on), extract(isoyear FROM started_on), extract(quarter FROM started_on) FROM conversations ORDER BY account_id, conversation_id LIMIT 10;

-- extract of the epoch
SELECT extract(epoch FROM started_at), extract(epoch FROM timestamp '2026-01-31 12:00:00.5'), extract(epoch FROM interval '1 day 02:00:00'), extract(epoch FROM date '2026-01-31') FROM conversations ORDER BY account_id, conversation_id LIMIT 3;

-- extract of fractions
SELECT extract(milliseconds FROM timestamp '2026-01-31 12:34:56.789'), extract(microseconds FROM timestamp '2026-01-31 12:34:56.789'), extract(century FROM date '2026-01-31'), extract(decade FROM date '2026-01-31'), extract(millennium FROM date '2026-01-31'), extract(julian FROM date '2026-01-31');

-- extract from intervals
SELECT extract(day FROM interval '40 days 01:00'), extract(hour FROM interval '40 days 01:00'), extract(year FROM interval '3 years 2 mons'), extract(minute FROM interval '90 minutes');

-- extract from a time
SELECT extract(hour FROM time '12:34:56.5'), extract(second FROM time '12:34:56.5'), extract(epoch FROM time '01:00:00');

-- date_part
SELECT date_part('year', started_at), date_part('dow', started_at), date_part('epoch', started_at), date_part('hour', interval '5 hours'), date_part('month', started_on) FROM conversations ORDER BY account_id, conversation_id LIMIT 5;

-- hours of the day
SELECT extract(hour FROM started_at)::int AS hour, count(*) FROM conversations GROUP BY hour ORDER BY hour;

-- days of the week by name
SELECT to_char(started_on, 'Dy') AS weekday, count(*) FROM conversations GROUP BY 1, extract(isodow FROM started_on) ORDER BY extract(isodow FROM started_on);

-- the difference of days is a number
SELECT max(started_on) - min(started_on), date '2026-03-01' - date '2026-02-01' FROM conversations;

-- the difference of instants is an interval
SELECT last_updated - started_at AS took FROM conversations ORDER BY account_id, conversation_id LIMIT 20;

-- the difference of timestamps
SELECT timestamp '2026-03-01 12:00' - timestamp '2026-02-01 13:30', timestamp '2026-01-01' - timestamp '2026-01-03 00:00:01';

-- seconds between instants
SELECT conversation_id, extract(epoch FROM last_updated - started_at) AS seconds FROM conversations ORDER BY account_id, conversation_id LIMIT 20;

-- average time taken
-- differs: a difference of instants is counted in microseconds, and shown as days and a time, also when it is averaged
SELECT channel, avg(last_updated - started_at) AS average FROM conversations GROUP BY channel ORDER BY channel;

-- sum, least and most time taken
-- differs: a difference of instants is counted in microseconds, and shown as days and a time, also when it is summed
SELECT sum(last_updated - started_at), min(last_updated - started_at), max(last_updated - started_at) FROM conversations;

-- days and numbers
SELECT date '2026-01-31' + 1, date '2026-01-31' - 31, 7 + date '2026-01-31';

-- days and intervals
SELECT date '2026-01-31' + interval '1 month', date '2026-03-31' - interval '1 month', date '2026-01-31' + interval '1 day', date '2024-02-29' + interval '1 year';

-- instants and intervals
SELECT timestamptz '2026-01-31 12:00+00' + interval '1 month', timestamptz '2026-01-31 12:00+00' - interval '36 hours', timestamptz '2026-01-31 12:00+00' + interval '1 day 30 minutes';

-- a day and a time
SELECT date '2026-01-31' + time '12:30', timestamp '2026-01-31' + time '01:00';

-- intervals are added
SELECT interval '1 day' + interval '2 hours', interval '1 month' - interval '1 day', -interval '1 hour', interval '1 day' * 2.5, 3 * interval '20 minutes', interval '1 hour' / 4;

-- intervals are compared
SELECT interval '1 day' = interval '24 hours', interval '1 month' > interval '29 days', interval '90 minutes' < interval '2 hours';

-- conversations that took over an hour
SELECT count(*) FROM conversations WHERE last_updated - started_at > interval '1 hour';

-- answered within a quarter of an hour
SELECT channel, count(*) FILTER (WHERE last_updated < started_at + interval '15 minutes') AS quick, count(*) FROM conversations GROUP BY channel ORDER BY channel;

-- ages
SELECT age(timestamp '2026-03-10', timestamp '2025-12-25 12:00'), age(date '2026-03-01', date '2026-01-31'), age(timestamp '2025-01-01', timestamp '2026-06-15');

-- justified intervals
SELECT justify_hours(interval '50 hours'), justify_days(interval '65 days'), justify_interval(interval '1 mon -1 hour');

-- made of parts
SELECT make_date(2026, 1, 31), make_timestamp(2026, 1, 31, 12, 30, 15.5), make_interval(days => 10, hours => 2), make_time(8, 15, 23.5);

-- made of seconds
SELECT to_timestamp(0), to_timestamp(1767225600.5), to_timestamp(1767225600)::date;

-- a series of days
SELECT d::date FROM generate_series(date '2026-01-01', date '2026-01-10', interval '1 day') AS d ORDER BY d;

-- a series of months
SELECT d FROM generate_series(timestamp '2025-11-30', timestamp '2026-03-31', interval '1 month') AS d ORDER BY d;

-- a series of instants
SELECT generate_series(timestamptz '2026-01-01 00:00+00', timestamptz '2026-01-01 06:00+00', interval '2 hours') AS at ORDER BY at;

-- a series of numbers
SELECT n FROM generate_series(1, 10, 3) AS n ORDER BY n;

-- a series that goes down
SELECT n, n * n AS square FROM generate_series(5, 1, -2) AS t (n) ORDER BY n DESC;

-- days without conversations are zero
SELECT d::date AS day, count(c.conversation_id) FROM generate_series((SELECT min(started_on) FROM conversations), (SELECT max(started_on) FROM conversations), interval '1 day') AS d LEFT JOIN conversations c ON c.started_on = d::date GROUP BY d ORDER BY d;

-- the last days of a range
SELECT started_on, count(*) FROM conversations WHERE started_on BETWEEN (SELECT max(started_on) FROM conversations) - 6 AND (SELECT max(started_on) FROM conversations) GROUP BY started_on ORDER BY started_on;

-- between texts of days
SELECT count(*) FROM orders WHERE ordered_on BETWEEN '2026-01-01' AND '2026-01-31';

-- instants compared with texts
SELECT count(*) FROM orders WHERE ordered_at >= '2026-01-10' AND ordered_at < '2026-01-20 12:00:00+02';

-- instants compared with days
SELECT count(*) FROM orders WHERE ordered_at >= date '2026-01-10' AND ordered_at < date '2026-01-10' + 7;

-- instants in a list
SELECT count(*) FROM orders WHERE ordered_on IN ('2026-01-10', '2026-01-11', date '2026-01-12');

-- overlaps
-- differs: OVERLAPS is not supported
SELECT (date '2026-01-01', date '2026-01-31') OVERLAPS (date '2026-01-15', date '2026-02-15'), (date '2026-01-01', date '2026-01-10') OVERLAPS (date '2026-01-10', date '2026-01-20');

-- infinite times
SELECT 'infinity'::timestamptz, '-infinity'::date, 'infinity'::timestamp > now()::timestamp, isfinite(date '2026-01-01');

-- special days
SELECT 'epoch'::timestamptz, 'today'::date = current_date, 'yesterday'::date = current_date - 1, 'now'::timestamptz <= now();

-- days in many spellings
SELECT '2026-01-08'::date, '20260108'::date, 'January 8, 2026'::date, '8 Jan 2026'::date, '2026.008'::date, 'Jan-08-2026'::date;

-- bins of instants
SELECT date_bin('15 minutes', started_at, timestamptz '2026-01-01 00:00+00') AS bin, count(*) FROM conversations GROUP BY bin ORDER BY bin LIMIT 20;

-- the last day of each month
SELECT DISTINCT (date_trunc('month', started_on) + interval '1 month - 1 day')::date AS last FROM conversations ORDER BY last;

-- years before and after
SELECT count(*) FROM conversations WHERE started_at > timestamptz '2026-01-15 00:00+00' - interval '1 year' AND started_at < timestamptz '2026-01-15 00:00+00' + interval '1 year';

-- before and after all times
SELECT '-infinity'::timestamp < now(), 'infinity'::timestamptz > now(), date_trunc('day', 'infinity'::timestamp), 'infinity'::timestamp::date, 'infinity'::date::timestamp, extract(hour FROM 'infinity'::timestamp), date_part('epoch', '-infinity'::timestamp), to_char('infinity'::timestamp, 'YYYY') AS shown, 'infinity'::timestamptz + interval '1 day' AS later;

-- digits of a second
SELECT '2026-01-31 10:00:00.6'::timestamp(0), '1990-01-31 10:00:00.25'::timestamp(1), '10:00:00.6'::time(0), '2026-01-31 10:00:00.1235'::timestamptz(3);

-- fields by other names
SELECT extract('year' FROM date '2026-01-31'), extract("month" FROM date '2026-01-31'), extract(secs FROM timestamp '2026-01-31 10:11:12.5'), extract(millisecond FROM timestamp '2026-01-31 10:11:12.5'), date_part('h', timestamp '2026-01-31 10:11:12.5'), date_part('mons', interval '14 months') AS months, extract(qtr FROM date '2026-05-01') AS quarter, extract(year FROM date '0005-01-01 BC') AS before;

-- a day has no hours
SELECT extract(hour FROM date '2026-01-31');

-- a time has no days
SELECT extract(day FROM time '10:11');

-- an interval has no weeks to be cut to
SELECT date_trunc('week', interval '10 days');

-- instants of parts
SELECT make_timestamptz(2026, 1, 31, 10, 11, 12.5), make_timestamptz(2026, 1, 31, 10, 11, 12.5, 'America/New_York') AS there;

-- what the time is
SELECT localtimestamp(0) IS NOT NULL, localtimestamp = now()::timestamp AS local, transaction_timestamp() = now() AS same, date(timestamp '2026-01-31 10:00');

-- the longest and the shortest
SELECT greatest(interval '1 day', interval '25 hours'), least(interval '1 day', interval '23 hours', null);

-- a day where it is another one
SELECT date '2026-01-31' AT TIME ZONE 'America/New_York';

-- literals beside times
SELECT date '2026-01-31' - '2026-01-01', '2026-01-05' - date '2026-01-01', timestamp '2026-01-31 10:00' + '1 hour', timestamp '2026-01-31 10:00' - '2026-01-30', interval '1 day' * '2', time '10:00' + '1 hour';

-- a literal beside a length of time
SELECT count(*) FROM (SELECT started_at - lag(started_at) OVER (PARTITION BY profile_id ORDER BY started_at) > '1 day' AS late FROM conversations) AS c WHERE late;

-- fields in quotes
SELECT extract('year' FROM date '2026-03-04'), extract("month" FROM date '2026-03-04');

-- a type as a function
SELECT date(started_at), DATE('2026-01-01 10:00') FROM conversations ORDER BY account_id, conversation_id LIMIT 3;

-- the local time
SELECT localtimestamp = now()::timestamp, localtime = now()::time, current_timestamp(0) IS NULL;

-- parts of intervals
SELECT interval '49 months' / 49 AS a, interval '7 days' / 3 AS b, interval '1 month' / 7 AS c, interval '100 months 3 days 01:02:03' / 3.7 AS d, interval '-1 month -1 day' / 7 AS e, interval '49 months' * 0.3 AS f, interval '1 year 1 day' * -1.5 AS g;

-- an average of months
SELECT avg(x), sum(x) FROM (VALUES (interval '49 months'), (interval '1 month'), (interval '1 month')) t (x);

-- an average of days
SELECT avg(x) FROM (VALUES (interval '1 month'), (interval '2 days'), (interval '3 hours')) t (x);

-- a part of an interval that is too long
SELECT interval '1 month' / 1e-30;

-- a product that is too long
SELECT interval '1 month' * 1e30;

-- an interval that is made too long
-- differs: PostgreSQL 15 goes on from the other end
SELECT make_interval(years => 2000000000);

-- more months than an interval has
SELECT justify_days(interval '2147483647 months 60 days');

-- truncation in a zone
SELECT date_trunc('day', timestamptz '2026-01-31 23:30+00', z) AS day FROM (VALUES ('America/New_York'), ('Asia/Tokyo'), (null)) t (z) ORDER BY day;

-- truncation of a local time in a zone
SELECT date_trunc('day', timestamp '2026-01-31 23:30', 'Asia/Tokyo'), date_trunc('day', date '2026-01-31', 'Asia/Tokyo') AS day, date_trunc('day', timestamptz 'infinity', 'Asia/Tokyo') AS never;

-- centuries before Christ
SELECT extract(century FROM y) AS century, extract(millennium FROM y) AS millennium, extract(decade FROM y) AS decade, extract(isoyear FROM y) AS isoyear, extract(year FROM y) AS year, date_trunc('century', y) AS a, date_trunc('millennium', y) AS b, date_trunc('decade', y) AS c FROM (VALUES (timestamp '0001-01-01 BC'), (timestamp '0001-06-01'), (timestamp '0100-06-01 BC'), (timestamp '0101-06-01 BC'), (timestamp '0100-12-31'), (timestamp '0101-01-01'), (timestamp '1000-12-31 BC'), (timestamp '0002-03-01 BC'), (timestamp '0011-03-01 BC'), (timestamp '3999-01-01 BC')) t (y) ORDER BY y;

-- made of numbers
SELECT make_date(-44, 3, 15), make_timestamp(-44, 3, 15, 12, 0, 0), make_timestamp(2026, 1, 1, 0, 0, 60) AS next, make_time(23, 59, 60) AS midnight, make_time(24, 0, 0) AS same;

-- no year is zero
SELECT make_date(0, 3, 15);

-- no such day
SELECT make_date(2026, 2, 30);

-- no such time
SELECT make_time(24, 0, 1);

-- before the first year
SELECT timestamp '4714-01-01 BC';

-- after the last year
SELECT timestamp '294277-01-01';

-- moved before the first year
SELECT timestamptz '0044-03-15 BC' - interval '5000 years';

-- the last day that has a local time in every zone
-- set: timezone = 'Asia/Tokyo'
SELECT timestamptz '262141-12-31 23:30:00+00', date_trunc('week', timestamptz '262141-12-31 23:30:00+00'), timestamptz '262141-12-31 23:30:00+00' AT TIME ZONE 'Pacific/Kiritimati';

-- the greatest of differences and intervals
SELECT greatest(timestamp '2026-01-03' - timestamp '2026-01-01', interval '1 hour'), least(interval '3 days', timestamp '2026-01-03' - timestamp '2026-01-01') AS least;

-- seconds that are no number
SELECT to_timestamp('nan'::float8);

-- seconds that are too many
SELECT to_timestamp(1e30::float8);

-- seconds without an end
SELECT to_timestamp('infinity'::float8), to_timestamp('-infinity'::float8);
