-- Regular expressions: what stands in place of a match, options, matches of nothing, patterns by row.

-- backslashes in place of a match
SELECT regexp_replace('abc', 'b', '\\1'), regexp_replace('abc', '(b)', '[\1\0\&\\\x$1]') AS all_of_them, regexp_replace('abc', 'b', 'x\') AS last, regexp_replace('abc', '(b)', '\2|\1') AS groups, regexp_replace('abc', 'b', 'C:\\dir') AS path;

-- matches of nothing
SELECT regexp_replace('abc', 'b*', 'x', 'g'), regexp_replace('abc', '', 'x', 'g') AS between, regexp_replace('aXbX', 'X*', '-', 'g') AS dashes, regexp_split_to_array('abc', 'b*') AS parts, regexp_count('abc', 'b*') AS count;

-- one match of several
SELECT regexp_replace('A PostgreSQL function', 'a|e|i|o|u', 'X', 1, 0, 'i'), regexp_replace('A PostgreSQL function', 'a|e|i|o|u', 'X', 1, 3, 'i') AS third, regexp_replace('foobar', 'o', 'X', 3) AS later, regexp_replace('aéa', 'a', 'b', 2) AS after, regexp_replace('aaa', 'a', 'b', 5) AS behind, regexp_replace('aaa', 'a', 'b', 1, 2, 'g') AS second;

-- places and groups
SELECT regexp_instr('number of your street, town zip, FR', '[^,]+', 1, 2), regexp_instr('ABCDEFGHI', '(c..)(...)', 1, 1, 0, 'i', 2) AS grouped, regexp_instr('éabc', 'b', 1, 1, 1) AS ends, regexp_instr('abc', 'z') AS nowhere, regexp_instr('abc', 'b', 1, 1, 0, '', 3) AS no_group;

-- parts of texts
SELECT regexp_substr('number of your street, town zip, FR', '[^,]+', 1, 2), regexp_substr('ABCDEFGHI', '(c..)(...)', 1, 1, 'i', 2) AS grouped, regexp_substr('abc', 'z') AS nowhere, regexp_substr('ab(c', 'b.(c)') AS whole, substring('foobar' FROM 'o(.)b') AS first, substring('foobar' FROM 'o.b') AS all_of_it;

-- counts from a place on
SELECT regexp_count('ABCABCAXYaxy', 'A.', 1, 'i'), regexp_count('abc', ''), regexp_count('abcabc', 'b', 3), regexp_count('abc', 'b', 9);

-- all matches
SELECT regexp_matches('abcb', 'b*', 'g') AS found ORDER BY found;

-- groups that take no part
SELECT regexp_match('ab', '(x)?b'), regexp_match('foobarbequebaz', '(bar)(beque)'), regexp_match('x', 'y');

-- lines
SELECT regexp_match(E'a\nb', '[^x]+', 'n'), regexp_match(E'a\nb', '[^x]+') AS whole, regexp_like(E'a\nb', 'a.b', 'p') AS stops, regexp_like(E'a\nb', '^b', 'w') AS line, regexp_like(E'a\nb', 'a.b', 's') AS single;

-- brackets of an expanded pattern
SELECT regexp_match('a b', '[ b] +', 'x'), regexp_match('a#b', ' [#] # a comment', 'x');

-- nulls
SELECT 'abc' ~ null, regexp_replace('abc', 'b', null), regexp_replace('abc', 'b', 'x', null::text), regexp_count('abc', 'b', null) AS none;

-- patterns by row
SELECT p, x ~ p, x !~ p AS differs, x ~* upper(p) AS folded, x !~* p AS other, regexp_replace(x, p, '<\&>', 'g') AS replaced, regexp_match(x, p) AS found FROM (VALUES ('abc', 'b'), ('abc', '^c'), ('aXbX', 'x'), ('abc', null), (null, 'a')) t (x, p) ORDER BY p, x;

-- thousands of patterns
SELECT count(*) FROM generate_series(1, 20000) n WHERE 'order ' || n ~ ('^order ' || n || '$');

-- a place that is none
SELECT regexp_replace('foobar', 'o', 'X', 0);

-- a number of a match that is none
SELECT regexp_replace('foobar', 'o', 'X', 1, -1);

-- no first match
SELECT regexp_instr('abc', 'b', 1, 0);

-- neither the beginning nor the end
SELECT regexp_instr('abc', 'b', 1, 1, 2);

-- all matches where there is one
SELECT regexp_match('foobar', 'o', 'g');

-- all matches where there is a truth
SELECT regexp_like('foobar', 'o', 'g');

-- all matches where they are counted
SELECT regexp_count('foobar', 'o', 1, 'g');

-- all matches where they split
SELECT regexp_split_to_array('foobar', 'o', 'g');

-- an option within a pattern that is none
SELECT 'a' ~ '(?z)a';

-- an option that a pattern cannot have
SELECT 'a' ~ '(?ig)a';
