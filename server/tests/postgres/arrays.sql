-- Arrays of texts, as the relations have them.

-- membership
SELECT count(*) FROM conversations WHERE 'vip' = ANY (tags);

-- membership of a list
SELECT count(*) FROM conversations WHERE channel = ANY ('{sms,email}');

-- membership of an array
SELECT count(*) FROM conversations WHERE channel = ANY (ARRAY['sms', 'email']);

-- not a member
SELECT count(*) FROM conversations WHERE channel <> ALL (ARRAY['sms', 'email']);

-- contains
SELECT count(*) FROM conversations WHERE tags @> ARRAY['vip'];

-- is contained
SELECT ARRAY[1, 2] <@ ARRAY[1, 2, 3], ARRAY['a'] @> ARRAY[]::text[], ARRAY[1, 4] <@ ARRAY[1, 2, 3];

-- overlaps
SELECT count(*) FROM conversations WHERE procedures && ARRAY['refund', 'order_status', 'returns'];

-- lengths
SELECT conversation_id, cardinality(tags), array_length(tags, 1), array_length(procedures, 1) FROM conversations ORDER BY account_id, conversation_id LIMIT 20;

-- the length of an empty array
SELECT array_length(ARRAY[]::text[], 1), cardinality(ARRAY[]::text[]), array_ndims(ARRAY[1, 2]), array_upper(ARRAY[1, 2], 1), array_lower(ARRAY[1, 2], 1);

-- elements
SELECT tags[1], tags[100], procedures[1] FROM conversations ORDER BY account_id, conversation_id LIMIT 20;

-- slices
SELECT (ARRAY[1, 2, 3, 4])[2:3], (ARRAY['a', 'b', 'c'])[:2], (ARRAY['a', 'b', 'c'])[2:];

-- unnested
SELECT tag, count(*) FROM conversations, unnest(tags) AS tag GROUP BY tag ORDER BY count(*) DESC, tag;

-- unnested in the list
-- differs: rows that unnest makes are sorted by what is selected alone
SELECT conversation_id, unnest(tags) AS tag FROM conversations ORDER BY account_id, conversation_id, tag LIMIT 30;

-- unnested with places
SELECT t.tag, t.place FROM unnest(ARRAY['x', 'y', 'z']) WITH ORDINALITY AS t (tag, place) ORDER BY place;

-- unnested literals
SELECT unnest(ARRAY[3, 1, 2]) AS n ORDER BY n;

-- put together
SELECT ARRAY[1, 2] || ARRAY[3], ARRAY[1, 2] || 3, 0 || ARRAY[1], array_append(ARRAY['a'], 'b'), array_prepend('z', ARRAY['a']), array_cat(ARRAY[1], ARRAY[2]);

-- changed
SELECT array_remove(ARRAY['a', 'b', 'a'], 'a'), array_replace(ARRAY[1, 2, 1], 1, 9), array_position(ARRAY['a', 'b'], 'b'), array_positions(ARRAY[1, 2, 1], 1);

-- to text and back
SELECT array_to_string(tags, ', '), array_to_string(ARRAY['a', NULL, 'c'], ',', '-'), tags::text FROM conversations ORDER BY account_id, conversation_id LIMIT 20;

-- compared
SELECT ARRAY[1, 2] = ARRAY[1, 2], ARRAY[1, 2] < ARRAY[1, 3], tags = '{}', tags = ARRAY[]::text[] FROM conversations ORDER BY account_id, conversation_id LIMIT 10;

-- grouped by
SELECT tags, count(*) FROM conversations GROUP BY tags ORDER BY count(*) DESC, tags LIMIT 20;

-- ordered
SELECT DISTINCT procedures FROM conversations ORDER BY procedures LIMIT 20;

-- gathered
SELECT array_agg(channel ORDER BY channel, conversation_id) FROM (SELECT channel, conversation_id FROM conversations ORDER BY account_id, conversation_id LIMIT 5) AS c;

-- gathered and cut
SELECT account_id, (array_agg(order_id ORDER BY value DESC, order_id))[1:2] AS best FROM orders GROUP BY account_id ORDER BY account_id;

-- with quotes and nulls
SELECT ARRAY['a,b', 'c"d', 'e\f', '{}', 'null', NULL, ' '];

-- of dates
-- differs: the elements of an array are of one type as they are written; a text is not read as a date
SELECT ARRAY['2026-01-01'::date, '2026-01-02'], ARRAY[1.50, 2.5]::numeric[], ARRAY[timestamptz '2026-01-01 00:00+00'];

-- of arrays
-- text: arrays of arrays are not sent in binary
SELECT ARRAY[ARRAY[1, 2], ARRAY[3, 4]];

-- recommended products
SELECT product, count(*) FROM recommendations r CROSS JOIN LATERAL unnest(r.product_ids) AS p (product) GROUP BY product ORDER BY count(*) DESC, product LIMIT 20;

-- some
-- differs: null is a member of no array, which is false and not unknown
SELECT 3 = SOME (ARRAY[1, 3]), 5 > ALL (ARRAY[1, 3]), 1 >= ANY (ARRAY[2, NULL]), NULL = ANY (ARRAY[1]);

-- procedures of several
SELECT count(*) FROM conversations WHERE cardinality(procedures) > 1 AND NOT ('refund' = ANY (procedures));

-- no element before the first
SELECT (ARRAY[1, 2, 3])[-1] AS before, (ARRAY[1, 2, 3])[2] AS second, (ARRAY[1, 2, 3])[4] AS after;

-- the first of a group
SELECT (array_agg(x ORDER BY x DESC))[1] AS largest, (array_agg(x ORDER BY x))[2] AS second FROM generate_series(1, 3) x;

-- truths as text, and rounded elements
SELECT array_to_string(ARRAY[true, false], ','), array_to_string(ARRAY[1, null, 3], ',', '*') AS filled, ARRAY[1.5, 2.5]::int[] AS rounded, array_dims(ARRAY[1, 2, 3]), ARRAY['a'] || NULL AS joined;

-- an array of no rows
SELECT ARRAY(SELECT 1 WHERE false), ARRAY(SELECT status FROM conversations WHERE false), cardinality(ARRAY(SELECT 1 WHERE false));

-- an array of no rows of each
SELECT account_id, ARRAY(SELECT c.conversation_id FROM conversations c WHERE c.account_id = a.account_id AND c.messages > 1000000) FROM accounts a ORDER BY 1;

-- an array of the rows of a union
SELECT ARRAY(SELECT 1 UNION SELECT 2 ORDER BY 1), ARRAY(SELECT DISTINCT status FROM conversations ORDER BY status DESC);

-- elements that are not there
SELECT (ARRAY[1, 2, 3])[-1], (ARRAY[1, 2, 3])[0], (ARRAY[1, 2, 3])[4], (ARRAY[1, 2, 3])[1 + 1], (ARRAY[1, 2, 3])[NULL];

-- the first of the gathered
SELECT channel, (array_agg(conversation_id ORDER BY started_at, conversation_id))[1], (array_agg(conversation_id ORDER BY started_at DESC, conversation_id))[1] FROM conversations GROUP BY 1 ORDER BY 1;

-- lists that overlap
SELECT ARRAY['a', 'b'] && '{b,c}' AS literal, ARRAY[1, 2] && ARRAY[3] AS numbers, '{1,2}' && ARRAY[2] AS before, ARRAY['a'] && '{}' AS empty, NULL::text[] && ARRAY['a'] AS unknown;

-- texts that look like numbers
SELECT '{007,1e3,+5}'::text[] AS texts, '{ 1 , 2 }'::int[] AS numbers, '{"007",NULL,"null"}'::text[] AS quoted, '{}'::int[] AS empty;

-- numbers that are spelled
SELECT '{nan,inf,-Infinity,1.5}'::float8[] AS floats, '{nan,inf}'::text[] AS texts, '{t,f,yes,0}'::bool[] AS truths, '{2026-01-02,2026-01-03}'::date[] AS days;

-- instants of the session's zone
-- set: timezone = 'Europe/Berlin'
SELECT '{2026-01-02 10:00,2026-07-02 10:00+00}'::timestamptz[] AS instants;

-- a literal that is no number
SELECT '{1,x}'::int[];

-- a literal that is no list
SELECT '1,2'::int[];

-- members of a literal are of the other side's type
SELECT code = ANY ('{007,8}') AS text, n = ANY ('{7, 8}') AS number, n <> ALL ('{9}') AS none, n > ALL ('{1,2}') AS greater, d = ANY ('{2026-01-01}') AS day FROM (VALUES ('007', 7, date '2026-01-01'), ('8', 9, date '2026-01-02')) t (code, n, d) ORDER BY 1, 2;

-- orders by what their value is among
SELECT count(*) FROM orders WHERE value = ANY ('{10.5, 20.25, 33}');
