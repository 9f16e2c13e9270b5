-- Windows.

-- row numbers
SELECT account_id, conversation_id, row_number() OVER (PARTITION BY account_id ORDER BY started_at, conversation_id) AS n FROM conversations ORDER BY account_id, n LIMIT 30;

-- ranks
SELECT conversation_id, messages, rank() OVER w, dense_rank() OVER w, percent_rank() OVER w, cume_dist() OVER w FROM conversations WHERE account_id = (SELECT min(account_id) FROM accounts) WINDOW w AS (ORDER BY messages DESC) ORDER BY messages DESC, conversation_id LIMIT 30;

-- quarters
SELECT order_id, value, ntile(4) OVER (ORDER BY value, order_id) AS quarter FROM orders ORDER BY value, order_id LIMIT 40;

-- the one before and the one after
SELECT conversation_id, lag(messages) OVER w, lead(messages) OVER w, lag(messages, 2) OVER w, lag(messages, 1, 0) OVER w FROM conversations WINDOW w AS (PARTITION BY account_id ORDER BY started_at, conversation_id) ORDER BY account_id, started_at, conversation_id LIMIT 30;

-- the first and the last
SELECT conversation_id, first_value(conversation_id) OVER w, last_value(conversation_id) OVER w, nth_value(conversation_id, 2) OVER w FROM conversations WINDOW w AS (PARTITION BY account_id, channel ORDER BY started_at, conversation_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) ORDER BY account_id, channel, started_at, conversation_id LIMIT 30;

-- running sums
SELECT order_id, value, sum(value) OVER (PARTITION BY account_id ORDER BY ordered_at, order_id) AS running FROM orders ORDER BY account_id, ordered_at, order_id LIMIT 40;

-- moving averages
SELECT date, sum(conversations) AS n, round(avg(sum(conversations)) OVER (ORDER BY date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW), 2) AS week FROM daily_metrics GROUP BY date ORDER BY date;

-- moving averages of whole numbers
SELECT conversation_id, avg(messages) OVER (PARTITION BY account_id ORDER BY started_at, conversation_id ROWS 2 PRECEDING) FROM conversations ORDER BY account_id, started_at, conversation_id LIMIT 20;

-- peers in a range
SELECT started_on, messages, sum(messages) OVER (ORDER BY started_on) AS by_day FROM conversations WHERE channel = 'sms' ORDER BY started_on, conversation_id LIMIT 30;

-- a range of days
SELECT DISTINCT started_on, count(*) OVER (ORDER BY started_on RANGE BETWEEN interval '6 days' PRECEDING AND CURRENT ROW) AS week FROM conversations ORDER BY started_on;

-- shares of a part
SELECT account_id, channel, count(*) AS n, round(count(*)::numeric / sum(count(*)) OVER (PARTITION BY account_id), 4) AS share FROM conversations GROUP BY account_id, channel ORDER BY account_id, channel;

-- change to the day before
SELECT date, sum(sales) AS sales, sum(sales) - lag(sum(sales)) OVER (ORDER BY date) AS change FROM daily_metrics GROUP BY date ORDER BY date LIMIT 30;

-- change in percent
SELECT month, n, round(100.0 * (n - lag(n) OVER (ORDER BY month)) / lag(n) OVER (ORDER BY month), 1) AS change FROM (SELECT date_trunc('month', started_on) AS month, count(*) AS n FROM conversations GROUP BY 1) AS m ORDER BY month;

-- the best of each
SELECT account_id, order_id, value FROM (SELECT account_id, order_id, value, row_number() OVER (PARTITION BY account_id ORDER BY value DESC, order_id) AS place FROM orders) AS o WHERE place <= 3 ORDER BY account_id, place;

-- a filter in a window
SELECT conversation_id, count(*) FILTER (WHERE status = 'resolved') OVER (PARTITION BY account_id ORDER BY started_at, conversation_id) FROM conversations ORDER BY account_id, started_at, conversation_id LIMIT 30;

-- time between orders of one profile
SELECT profile_id, order_id, ordered_at - lag(ordered_at) OVER (PARTITION BY account_id, profile_id ORDER BY ordered_at, order_id) AS since FROM orders WHERE profile_id IS NOT NULL ORDER BY account_id, profile_id, ordered_at, order_id LIMIT 40;

-- rows that follow
SELECT order_id, sum(value) OVER (ORDER BY account_id, order_id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) FROM orders ORDER BY account_id, order_id LIMIT 20;

-- groups of peers
SELECT started_on, count(*) OVER (ORDER BY started_on GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) AS two_days FROM conversations ORDER BY started_on, conversation_id LIMIT 20;

-- an empty window
SELECT count(*) OVER (), conversation_id FROM conversations ORDER BY account_id, conversation_id LIMIT 3;

-- a rank over groups
SELECT channel, sum(attributed_value) AS sales, rank() OVER (ORDER BY sum(attributed_value) DESC) FROM attributed_orders GROUP BY channel ORDER BY 3, 1;

-- texts in a window
SELECT conversation_id, string_agg(channel, '>') OVER (PARTITION BY account_id, profile_id ORDER BY started_at, conversation_id) AS path FROM conversations WHERE profile_id IS NOT NULL ORDER BY account_id, profile_id, started_at, conversation_id LIMIT 30;

-- a window that begins with another one
SELECT conversation_id, count(*) OVER (w ORDER BY started_at, conversation_id) AS n FROM conversations WINDOW w AS (PARTITION BY account_id) ORDER BY account_id, started_at, conversation_id LIMIT 20;

-- windows of windows
SELECT x, sum(x) OVER w2, count(*) OVER (w1), sum(x) OVER (w1 ORDER BY x ROWS 1 PRECEDING) FROM generate_series(1, 6) AS x WINDOW w1 AS (PARTITION BY x % 2), w2 AS (w1 ORDER BY x) ORDER BY x;

-- a named window in ORDER BY
SELECT x FROM generate_series(1, 6) AS x WINDOW w AS (ORDER BY x DESC) ORDER BY rank() OVER w;

-- the first, and those that are equal to them
SELECT messages FROM conversations ORDER BY messages FETCH FIRST 3 ROWS WITH TIES;

-- the next, and those that are equal to them
SELECT x / 3 AS third FROM generate_series(1, 10) AS x ORDER BY 1 OFFSET 1 FETCH FIRST 2 ROWS WITH TIES;

-- a frame without its row
-- differs: EXCLUDE is not supported
SELECT x, sum(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM generate_series(1, 5) AS x ORDER BY x;

-- all groups are counted, whatever is shown of them
WITH t (g) AS (VALUES (1), (2), (3)) SELECT g, count(*) OVER () AS groups FROM t GROUP BY g ORDER BY g LIMIT 1;

-- the greatest group and how many there are
WITH t (g, x) AS (VALUES ('a', 1), ('b', 2), ('c', 3)) SELECT g, max(x) AS most, count(*) OVER () AS groups, rank() OVER (ORDER BY max(x)) AS place FROM t GROUP BY g ORDER BY max(x) DESC LIMIT 1;

-- the group before in another order
WITH t (g) AS (VALUES ('a'), ('b'), ('c')) SELECT g, lag(g) OVER (ORDER BY g DESC) AS before FROM t GROUP BY g ORDER BY g LIMIT 2;

-- how many shops there are
SELECT account_id, count(*) OVER () AS shops FROM orders GROUP BY account_id ORDER BY account_id LIMIT 1;

-- distinct rows before a window and a limit
SELECT channel, count(*) OVER () AS channels FROM (SELECT DISTINCT channel FROM conversations) AS c ORDER BY channel LIMIT 1;
