-- Texts: functions, patterns, regular expressions.

-- cases
SELECT upper('naïve'), lower('ÀB'), initcap('hello wORLD-wide');

-- a letter that becomes two
-- differs: letters become capitals as Unicode has it, several of one where need be
SELECT upper('straße');

-- lengths
SELECT length('naïve'), char_length('☕☕'), octet_length('naïve'), bit_length('ab');

-- cut from both sides
SELECT trim('  a '), ltrim('xxa', 'x'), rtrim('axx', 'x'), btrim('xax', 'x'), trim(BOTH 'x' FROM 'xax'), trim(TRAILING 'z' FROM 'azz');

-- blanks cut from the left
SELECT trim(LEADING FROM '  a');

-- left and right
SELECT left('abcdef', 2), right('abcdef', 2), left('abcdef', -2), right('abcdef', -2), left('ab', 10);

-- substrings by place
SELECT substring('abcdef' FROM 2 FOR 3), substring('abcdef' FROM 3), substring('abcdef', 2, 2), substr('abcdef', -1, 4), substring('abcdef' FOR 2);

-- substrings by pattern
SELECT substring('order 1234 of' FROM '[0-9]+'), substring('order 1234 of' FROM 'order ([0-9]+)'), substring('abc' FROM 'x');

-- places
SELECT position('c' IN 'abcabc'), strpos('abcabc', 'x'), strpos('abcabc', 'ca');

-- parts
SELECT split_part('a-b-c', '-', 2), split_part('a-b-c', '-', 9), split_part('a-b-c', '-', -1), split_part(url, '/', 3) FROM link_clicks ORDER BY account_id, event_id LIMIT 5;

-- replaced
SELECT replace('abcabc', 'b', 'X'), translate('abc', 'ab', 'xy'), overlay('abcdef' PLACING 'XX' FROM 2 FOR 3), reverse('abc'), repeat('ab', 3);

-- filled
SELECT lpad('7', 3, '0'), rpad('ab', 5, '.'), lpad('abcdef', 3), lpad('x', 4);

-- together
SELECT 'a' || 'b', 'n=' || 5, 1.5 || 'x', concat('a', 1, true, NULL), concat_ws(', ', 'a', 'b'), 'd: ' || date '2026-01-31';

-- like
SELECT 'abc' LIKE 'a%', 'abc' LIKE '_b_', 'ABC' LIKE 'a%', 'ABC' ILIKE 'a%', 'a%c' LIKE 'a\%c', 'a%c' LIKE 'a!%c' ESCAPE '!', 'abc' NOT LIKE '%z%', 'x' NOT ILIKE 'X';

-- like in operators
SELECT 'abc' ~~ 'a%', 'abc' ~~* 'A%', 'abc' !~~ 'a%', 'abc' !~~* 'Z%';

-- similar to
SELECT 'abc' SIMILAR TO 'a(b|x)c', 'abc' SIMILAR TO 'b', 'abc' NOT SIMILAR TO '%c';

-- regular expressions
SELECT 'abc' ~ '^a', 'ABC' ~ 'abc', 'ABC' ~* 'abc', 'abc' !~ 'z', 'abc' !~* 'B', 'a1' ~ '\d', 'a b' ~ '\s';

-- searched questions
SELECT conversation_id, first_question FROM conversations WHERE first_question ILIKE '%order%' ORDER BY account_id, conversation_id LIMIT 20;

-- questions by a regular expression
SELECT count(*) FROM conversations WHERE first_question ~* '(refund|return|cancel)';

-- replaced by a regular expression
SELECT regexp_replace('a1b22', '[0-9]+', '#'), regexp_replace('a1b22', '[0-9]+', '#', 'g'), regexp_replace('John Smith', '(\w+) (\w+)', '\2, \1'), regexp_replace('ABC', 'b', 'x', 'i');

-- matches of a regular expression
SELECT regexp_match('a12b', '([a-z])([0-9]+)'), regexp_match('abc', 'x'), regexp_match('abc', 'b');

-- split by a regular expression
SELECT regexp_split_to_array('a, b,c', ',\s*'), string_to_array('a,b,c', ','), string_to_array('a,,c', ',', ''), string_to_array('abc', NULL);

-- split into rows
SELECT regexp_split_to_table('a b  c', '\s+') AS word ORDER BY word;

-- counted by a regular expression
SELECT regexp_count('abcabc', 'b'), regexp_like('abc', 'B', 'i'), regexp_substr('abc123', '[0-9]+'), regexp_instr('abc123', '[0-9]');

-- hosts of links
SELECT substring(url FROM 'https?://([^/]+)') AS host, count(*) FROM link_clicks GROUP BY host ORDER BY count(*) DESC, host;

-- characters and codes
SELECT ascii('A'), chr(233), chr(65) || chr(66), to_hex(ascii('z'));

-- quoted
SELECT quote_ident('Odd name'), quote_ident('plain'), quote_literal('it''s'), quote_nullable(NULL), quote_literal(42);

-- comparisons are by bytes
SELECT 'a' < 'B', 'Z' < 'a', 'é' > 'z', 'a' < 'ab', '' < 'a';

-- orders of texts
SELECT w FROM (VALUES ('b'), ('A'), ('a'), ('É'), ('_'), ('B'), ('1')) AS t (w) ORDER BY w;

-- texts and numbers
SELECT '5'::int + 1, 5::text || '5', length(12345::text), '007'::int;

-- starts with
SELECT starts_with('abc', 'ab'), 'abc' ^@ 'ab', starts_with('abc', 'x');

-- any pattern
SELECT channel, count(*) FROM conversations WHERE channel LIKE ANY (ARRAY['s%', 'e%']) GROUP BY channel ORDER BY channel;

-- all patterns
SELECT 'abc' LIKE ALL (ARRAY['a%', '%c']), 'abc' ILIKE ANY (ARRAY['X%', 'A%']), 'abc' NOT LIKE ALL (ARRAY['x%', 'y%']);

-- casts of quoted names
SELECT "channel", "conversations"."status" FROM "public"."conversations" WHERE "channel" = 'sms' ORDER BY "conversation_id" LIMIT 5;

-- names keep their case in quotes
SELECT channel AS "Channel", status AS "The Status", 1 AS UPPER FROM conversations ORDER BY account_id, conversation_id LIMIT 1;

-- escapes
SELECT E'a\nb', E'\x41', E'it\'s', 'a\nb', $$dollar 'quoted'$$, $tag$a $$ b$tag$;

-- a text in several parts
SELECT 'con'
'tinued' AS text;

-- words in regular expressions
SELECT 'foo bar' ~ '\mbar\M', 'foobar' ~ '\ybar', 'foobar' ~ '[[:<:]]bar', E'a\nb' ~ 'a.b', regexp_replace(E'a\nb', 'a.b', 'x', 'n');

-- replaced by what was found
SELECT regexp_replace('abc', 'b', '<\&>'), regexp_replace('a$1', 'a', '$1'), regexp_replace('AbC', 'b', 'x', 'gi'), regexp_replace('AbC', 'B', 'x', 'i');

-- split into letters
SELECT regexp_split_to_array('abc', ''), regexp_split_to_array('a,b,,c', ','), regexp_split_to_array('aXbxc', 'x', 'i');

-- all that is found
SELECT regexp_matches('foobarbequebaz', 'ba.', 'g') AS found ORDER BY found;

-- a text as rows
SELECT string_to_table('b,a,c', ',') AS part ORDER BY part;

-- no regular expression
SELECT regexp_replace('a', '(', 'b');

-- an option that there is not
SELECT regexp_replace('a', 'a', 'b', 'z');

-- a look ahead
-- differs: nothing here looks ahead or back
SELECT 'ab' ~ 'a(?=b)';

-- base64 and hexadecimal
SELECT encode('\x00ff'::bytea, 'base64'), encode(repeat('abc', 50)::bytea, 'base64'), to_hex(-1), to_hex(255), to_hex((-1)::bigint);

-- inside of JSON
SELECT '{"a":1,"b":{"c":[1,"x",null]}}'::jsonb -> 'b', '{"a":1}'::jsonb ->> 'a' AS text, '{"b":{"c":[1,"x"]}}'::json -> 'b' -> 'c' -> 1 AS item, '{"b":{"c":[1,"x"]}}'::json #>> '{b,c,1}' AS path, '[1,2,3]'::json -> -1 AS last, '{"a":null}'::jsonb ->> 'a' AS none, ('{"a":"5"}'::jsonb ->> 'a')::int + 1 AS sum;

-- JSON made of values
SELECT json_build_object('a', 1, 'b', 'x', 'c', true, 'd', null, 'e', 1.50), json_build_array(1, 'x', null), jsonb_build_object('b', 1, 'a', ARRAY[1, 2]), to_json('x'::text), to_json(timestamp '2026-01-31 10:00'), to_jsonb('a"b'::text) AS quoted, json_typeof('[]'::json), json_array_length('[1,2]'::json), json_extract_path_text('{"a":{"b":5}}'::json, 'a', 'b');

-- the items of JSON
SELECT jsonb_array_elements_text('["b",null,"a"]'::jsonb) AS item ORDER BY item;

-- no JSON
SELECT '{"a":1'::json -> 'a';

-- trim without what to trim
SELECT trim(both from '  x '), trim(trailing from ' x '), trim(leading from ' x '), trim(from ' x '), trim('x' from 'xax');

-- patterns of a list
SELECT 'abc' LIKE ANY ('{a%,b%}'), 'abc' ~ ANY (ARRAY['^a', '^b']), 'abc' !~ ALL (ARRAY['^a', '^b']), 'abc' ~* ANY (ARRAY['^B', '^A']);
