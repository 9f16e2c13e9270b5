-- JSON: the one form of jsonb, what is refused, values that are no numbers of JSON.

-- keys in order, each once
SELECT '{"bb":1,"a":2,"é":3,"zz":4,"a":{"y":[],"x":{}},"":0}'::jsonb;

-- numbers of jsonb
SELECT '[1e2, 1.50, 1E-3, -0, -0.0, 1e20, 12e-1, 1.5e+1, 0e5, 0.0e-2, -12.34e1, 0.001e2]'::jsonb, length('1e131071'::jsonb::text), length('1e-16383'::jsonb::text);

-- numbers that no float holds
SELECT '[123456789012345678901234567890.123456789, 1e400]'::jsonb -> 0 AS exact, length(('[1e400]'::jsonb -> 0)::text);

-- texts of jsonb
SELECT '["\u0041\n\u0001\/", "\\", "\"", "a,]}\u00e9"]'::jsonb;

-- a number that is too long
SELECT '1e131072'::jsonb;

-- a number that is too small
SELECT '1e-16384'::jsonb;

-- no zero byte in jsonb
SELECT '"\u0000"'::jsonb;

-- no zero byte in a key of jsonb
SELECT '{"\u0000":1}'::jsonb;

-- a zero byte stays in json
SELECT '"\u0000"'::json;

-- and is no text
SELECT '{"a":"\u0000"}'::json ->> 'a';

-- half a character
SELECT '"\ud800"'::jsonb;

-- too deep
SELECT (repeat('[', 100000) || repeat(']', 100000))::jsonb;

-- deep
SELECT length((repeat('[', 900) || repeat(']', 900))::jsonb::text), length((repeat('{"a":', 900) || '1' || repeat('}', 900))::jsonb::text);

-- what is no number of JSON
SELECT to_json('nan'::float8), to_json('infinity'::float4) AS single, to_jsonb('-infinity'::float8), json_build_array('nan'::float4) AS list;

-- quotients in JSON
SELECT to_json(10 / 4.0), json_build_object('a', 1 / 3.0) AS object, to_jsonb(7 / 2.0) AS binary;

-- keys that are no texts
SELECT json_build_object(1.5, 2, true, 3, date '2026-01-31', 4);

-- a key that is an array
SELECT json_build_object(ARRAY[1], 2);

-- a key that is JSON
SELECT json_build_object('{}'::json, 2);

-- a key that is null
SELECT json_build_object(null, 2);
