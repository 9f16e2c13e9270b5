-- Groups and aggregates.

-- by status
SELECT status, count(*) FROM conversations GROUP BY status ORDER BY status;

-- by position
SELECT channel, status, count(*) AS n FROM conversations GROUP BY 1, 2 ORDER BY 1, 2;

-- by an alias
SELECT upper(channel) AS c, sum(messages) AS m FROM conversations GROUP BY c ORDER BY c;

-- sums
SELECT sum(messages), sum(value), sum(credit), sum(1), sum(1.5) FROM conversations c LEFT JOIN (SELECT account_id, conversation_id, value, credit FROM attributed_orders) o USING (account_id, conversation_id);

-- averages
SELECT avg(messages), avg(link_clicks) FROM conversations;

-- averages of money
SELECT account_id, avg(value) FROM orders GROUP BY account_id ORDER BY account_id;

-- averages of floats
SELECT round(avg(credit)::numeric, 6) FROM attributed_orders;

-- rounded averages
SELECT channel, round(avg(messages), 2) AS average FROM conversations GROUP BY channel ORDER BY channel;

-- a rate in percent
SELECT channel, round(100.0 * count(*) FILTER (WHERE status = 'resolved') / count(*), 1) AS rate FROM conversations GROUP BY channel ORDER BY channel;

-- a rate as a fraction
SELECT channel, count(*) FILTER (WHERE status = 'resolved')::numeric / count(*) AS rate FROM conversations GROUP BY channel ORDER BY channel;

-- a rate as a float
SELECT channel, count(*) FILTER (WHERE status = 'resolved')::float8 / count(*) AS rate FROM conversations GROUP BY channel ORDER BY channel;

-- a rate that may have no base
SELECT channel, sum(link_clicks) / nullif(sum(cart_adds), 0) AS ratio FROM conversations GROUP BY channel ORDER BY channel;

-- a rate of cases
SELECT sum(CASE WHEN status = 'resolved' THEN 1 ELSE 0 END) AS resolved, sum(CASE WHEN status = 'routed' THEN 1.0 ELSE 0 END) / count(*) AS routed FROM conversations;

-- extremes
SELECT min(messages), max(messages), min(started_on), max(started_at), min(channel), max(value) FROM conversations, (SELECT max(value) AS value FROM orders) AS o;

-- distinct counts
SELECT account_id, count(DISTINCT profile_id), count(DISTINCT channel), count(DISTINCT (channel, status)) FROM conversations GROUP BY account_id ORDER BY account_id;

-- distinct sums
SELECT sum(DISTINCT messages), avg(DISTINCT messages) FROM conversations;

-- having
SELECT started_on, count(*) FROM conversations GROUP BY started_on HAVING count(*) > 5 ORDER BY count(*) DESC, started_on;

-- having without groups
SELECT count(*) FROM conversations HAVING count(*) > 1;

-- ordered by an aggregate
SELECT profile_id FROM orders GROUP BY profile_id ORDER BY sum(value) DESC, profile_id LIMIT 10;

-- filtered aggregates
SELECT count(*) FILTER (WHERE channel = 'sms') AS sms, sum(messages) FILTER (WHERE reopened) AS reopened, avg(messages) FILTER (WHERE status = 'resolved') AS resolved FROM conversations;

-- grouping sets
SELECT channel, status, count(*) FROM conversations GROUP BY GROUPING SETS ((channel), (status), ()) ORDER BY channel, status;

-- rollup
SELECT account_id, channel, count(*) FROM conversations GROUP BY ROLLUP (account_id, channel) ORDER BY account_id, channel;

-- cube
SELECT channel, reopened, count(*) FROM conversations GROUP BY CUBE (channel, reopened) ORDER BY channel, reopened;

-- which groups are sums
SELECT channel, grouping(channel) AS total, count(*) FROM conversations GROUP BY ROLLUP (channel) ORDER BY total, channel;

-- truths together
SELECT channel, bool_and(reopened), bool_or(reopened), every(messages > 0) FROM conversations GROUP BY channel ORDER BY channel;

-- texts together
SELECT account_id, string_agg(DISTINCT channel, ', ' ORDER BY channel) FROM conversations GROUP BY account_id ORDER BY account_id;

-- arrays together
SELECT account_id, array_agg(DISTINCT channel ORDER BY channel DESC) FROM conversations GROUP BY account_id ORDER BY account_id;

-- texts in an order
SELECT channel, string_agg(conversation_id, ',' ORDER BY started_at DESC, conversation_id) FROM conversations WHERE messages > 8 GROUP BY channel ORDER BY channel;

-- the median
SELECT channel, percentile_cont(0.5) WITHIN GROUP (ORDER BY messages) AS median FROM conversations GROUP BY channel ORDER BY channel;

-- percentiles of money
SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY value) AS p90, percentile_cont(0.25) WITHIN GROUP (ORDER BY value) AS p25 FROM orders;

-- discrete percentiles
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY value), percentile_disc(0.9) WITHIN GROUP (ORDER BY channel) FROM attributed_orders;

-- several percentiles
SELECT percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY messages) FROM conversations;

-- the most frequent
SELECT mode() WITHIN GROUP (ORDER BY channel) FROM conversations;

-- spread
SELECT round(stddev(messages), 4), round(variance(messages), 4), round(stddev_pop(messages), 4), round(var_pop(messages), 4), round(stddev_samp(messages), 4) FROM conversations;

-- correlation
SELECT round(corr(messages, link_clicks)::numeric, 6), round(regr_slope(messages, link_clicks)::numeric, 6), round(covar_pop(messages, link_clicks)::numeric, 6), regr_count(messages, link_clicks) FROM conversations;

-- bits together
SELECT bit_and(messages), bit_or(messages) FROM conversations;

-- distinct rows
SELECT DISTINCT channel, status FROM conversations ORDER BY channel, status;

-- the first of each
SELECT DISTINCT ON (account_id) account_id, conversation_id, started_at FROM conversations ORDER BY account_id, started_at DESC, conversation_id;

-- the first of each of two
SELECT DISTINCT ON (account_id, channel) account_id, channel, messages, conversation_id FROM conversations ORDER BY account_id, channel, messages DESC, conversation_id;

-- sales by month and currency
SELECT to_char(ordered_on, 'YYYY-MM') AS month, currency, sum(value) AS sales, count(*) AS orders, round(sum(value) / count(*), 2) AS average FROM orders GROUP BY 1, 2 ORDER BY 1, 2;

-- a running count of groups
SELECT started_on, count(*), sum(count(*)) OVER (ORDER BY started_on) AS so_far FROM conversations GROUP BY started_on ORDER BY started_on LIMIT 30;

-- shares of the total
SELECT channel, count(*), round(count(*) * 100.0 / sum(count(*)) OVER (), 2) AS share FROM conversations GROUP BY channel ORDER BY channel;

-- groups by a case
SELECT CASE WHEN messages < 3 THEN 'short' WHEN messages < 7 THEN 'middle' ELSE 'long' END AS length, count(*) FROM conversations GROUP BY 1 ORDER BY 1;

-- groups by width
SELECT width_bucket(value, 0, 500, 5) AS bucket, count(*), min(value), max(value) FROM orders GROUP BY bucket ORDER BY bucket;

-- groups by truth
SELECT messages > 5 AS long, count(*) FROM conversations GROUP BY messages > 5 ORDER BY long;

-- all daily metrics of a channel
SELECT date, sum(conversations) AS conversations, sum(resolved) AS resolved, sum(sales) AS sales FROM daily_metrics WHERE channel = 'email' GROUP BY date ORDER BY date LIMIT 30;

-- net sales
SELECT account_id, channel, sum(attributed_value) AS gross, sum(net_value) AS net, sum(attributed_value - net_value) AS lost FROM attributed_orders GROUP BY account_id, channel ORDER BY account_id, channel;

-- a sum of products
SELECT sum(value * 2), sum(value * 0.19), sum(seconds_to_order * 1.0 / 3600) FROM attributed_orders;

-- any value of a whole group
SELECT account_id, max(currency) AS currency, count(DISTINCT currency) AS currencies FROM orders GROUP BY account_id ORDER BY account_id;

-- percentiles to the last digit
SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY x), percentile_cont(0.95) WITHIN GROUP (ORDER BY x DESC) AS down, percentile_cont(ARRAY[0.25, 0.95]) WITHIN GROUP (ORDER BY x) AS several, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FILTER (WHERE x < 10) AS some FROM generate_series(1, 100) x;

-- percentiles of lengths of time
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (interval '1 day'), (interval '2 days'), (interval '1 mon'), (interval '36 hours')) t (x);

-- percentiles of no values
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM generate_series(1, 3) x WHERE x > 3;

-- a percentile of what is no number
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY channel) FROM conversations;

-- sums and averages of intervals
SELECT y, sum(x), avg(x) FROM (VALUES (interval '1 day', 1), (interval '2 days 3 hours', 2), (interval '1 mon', 1)) t (x, y) GROUP BY y ORDER BY y;

-- values as JSON
SELECT json_agg(x ORDER BY x DESC) FILTER (WHERE x > 1), jsonb_agg(x::text) AS texts, json_agg(json_build_object('x', x)) AS objects FROM generate_series(1, 3) x;

-- except all counts rows
SELECT * FROM (VALUES (1), (1), (2), (2), (3)) AS a (x) EXCEPT ALL VALUES (1), (2) ORDER BY 1;

-- except all of nulls
SELECT * FROM (VALUES (1, NULL), (1, NULL), (2, 3)) AS a (x, y) EXCEPT ALL SELECT 1, NULL::int ORDER BY 1;

-- intersect all counts rows
SELECT * FROM (VALUES (1), (1), (2), (2), (3)) AS a (x) INTERSECT ALL VALUES (1), (2), (2), (2) ORDER BY 1;

-- except all of a table
SELECT status FROM conversations EXCEPT ALL SELECT status FROM conversations WHERE channel = 'sms' ORDER BY 1;

-- different values in orders of their own
SELECT array_agg(DISTINCT status ORDER BY status), string_agg(DISTINCT status, '|' ORDER BY status DESC), string_agg(DISTINCT status, ','), array_agg(DISTINCT channel ORDER BY channel DESC) FROM conversations;

-- different values and nulls
SELECT array_agg(DISTINCT x), array_agg(DISTINCT x ORDER BY x DESC), array_agg(DISTINCT x ORDER BY x DESC NULLS LAST), array_agg(DISTINCT x ORDER BY x NULLS FIRST), string_agg(DISTINCT x::text, ',' ORDER BY x::text DESC) FROM (VALUES (3), (1), (NULL), (2), (3)) AS t (x);

-- different values of no rows
SELECT string_agg(DISTINCT status, ','), array_agg(DISTINCT status) FROM conversations WHERE false;

-- different values of some rows
SELECT channel, string_agg(DISTINCT status, ',') FILTER (WHERE status <> 'resolved') FROM conversations GROUP BY 1 ORDER BY 1;

-- one group of all
SELECT count(*) FROM orders GROUP BY ();

-- different values by what they are written as
SELECT DISTINCT upper(status) FROM conversations ORDER BY upper(status);

-- different days
SELECT DISTINCT date_trunc('day', started_at)::date AS day, channel FROM conversations WHERE started_at IS NOT NULL ORDER BY date_trunc('day', started_at)::date DESC, channel LIMIT 20;

-- different values after a wildcard
SELECT DISTINCT c.*, upper(c.status) FROM (SELECT status, channel FROM conversations) c ORDER BY upper(c.status) DESC, channel, status;

-- different values by what is not selected
SELECT DISTINCT status FROM conversations ORDER BY channel;
