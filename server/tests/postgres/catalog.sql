-- What tools ask the catalog about the relations.

-- tables
-- differs: names of objects are text, not name
SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name IN ('orders', 'conversations') ORDER BY 2;

-- columns
-- differs: names of objects are text, not name
SELECT table_name, column_name, ordinal_position, data_type, udt_name, numeric_precision, numeric_scale, datetime_precision FROM information_schema.columns WHERE table_schema = 'public' AND table_name IN ('orders', 'conversations', 'attributed_orders', 'daily_metrics') ORDER BY table_name, ordinal_position;

-- attributes
-- differs: names of objects are text, not name
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnum FROM pg_attribute a WHERE a.attrelid = 'public.orders'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;

-- types by name
-- differs: names of objects are text, not name
SELECT oid, typname, typlen, typtype, typcategory FROM pg_type WHERE typname IN ('bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'text', 'varchar', 'date', 'timestamp', 'timestamptz', 'interval', 'time', 'bytea', '_text', '_int4', '_int8') ORDER BY oid;

-- element types
-- differs: names of objects are text, not name
SELECT t.typname, e.typname AS element FROM pg_type t JOIN pg_type e ON e.oid = t.typelem WHERE t.typname IN ('_text', '_int8', '_numeric', '_timestamptz') ORDER BY t.typname;

-- schemas
-- differs: names of objects are text, not name
SELECT nspname FROM pg_namespace WHERE nspname IN ('public', 'pg_catalog', 'information_schema') ORDER BY nspname;

-- a relation by its name
SELECT 'orders'::regclass::text, to_regclass('public.orders')::text, to_regclass('nothing') IS NULL;

-- a type by its name
SELECT 'int8'::regtype::text, 'timestamptz'::regtype::text, 'text[]'::regtype::text, format_type(1700, 1179656), format_type(1043, 14);

-- who and where
-- differs: names of objects are text, not name
SELECT current_user, session_user, current_database(), current_schema, current_schema(), current_catalog, current_role, user;

-- settings
SELECT current_setting('server_encoding'), current_setting('client_encoding'), current_setting('standard_conforming_strings'), current_setting('DateStyle'), current_setting('IntervalStyle'), current_setting('integer_datetimes'), current_setting('no.such', true);

-- shown settings
SHOW standard_conforming_strings;

-- shown isolation
SHOW transaction_isolation;

-- privileges
SELECT has_table_privilege('orders', 'SELECT'), has_schema_privilege('public', 'USAGE'), has_database_privilege(current_database(), 'CONNECT');

-- no constraints
SELECT count(*) FROM information_schema.table_constraints WHERE table_schema = 'public' AND constraint_type = 'PRIMARY KEY';

-- no indexes
SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relname = 'orders';

-- no keys
-- differs: names of objects are text, not name
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'public.orders'::regclass;

-- visible tables
-- differs: names of objects are text, not name
SELECT c.relname, pg_table_is_visible(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relname IN ('orders', 'accounts') ORDER BY 1;

-- the columns as SQLAlchemy asks for them
-- differs: names of objects are text, not name
SELECT pg_catalog.pg_attribute.attname AS name, pg_catalog.format_type(pg_catalog.pg_attribute.atttypid, pg_catalog.pg_attribute.atttypmod) AS format_type FROM pg_catalog.pg_class LEFT OUTER JOIN pg_catalog.pg_attribute ON pg_catalog.pg_class.oid = pg_catalog.pg_attribute.attrelid AND pg_catalog.pg_attribute.attnum > 0 AND NOT pg_catalog.pg_attribute.attisdropped JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace WHERE pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid) AND pg_catalog.pg_namespace.nspname != 'pg_catalog' AND pg_catalog.pg_class.relname IN ('orders') ORDER BY pg_catalog.pg_class.relname, pg_catalog.pg_attribute.attnum;

-- schemas of the path
-- differs: names of objects are text, not name
SELECT current_schemas(false), current_schemas(true);

-- the version is a number
SELECT current_setting('server_version_num')::int >= 150000, version() LIKE 'PostgreSQL %';

-- the encoding by number
SELECT pg_encoding_to_char(6)::text;

-- operators are there
SELECT count(*) > 0 FROM pg_operator WHERE oprname = '=';

-- a database by its name
-- differs: names of objects are text, not name
SELECT datname, datallowconn, datistemplate FROM pg_database WHERE datname = current_database();

-- rules, policies and sequences that there are none of
SELECT (SELECT count(*) FROM pg_rules WHERE schemaname = 'public') AS rules, (SELECT count(*) FROM pg_policies) AS policies, (SELECT count(*) FROM pg_sequences) AS sequences;

-- names of relations that are put together
SELECT (quote_ident(n.nspname) || '.' || quote_ident(c.relname))::regclass = c.oid AS same FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname IN ('orders', 'conversations') AND n.nspname = 'public';

-- keys that there are none of
-- differs: names of objects are text, not name
SELECT c.column_name, pk.column_name IS NOT NULL AS is_key FROM information_schema.columns c LEFT JOIN (SELECT tc.table_schema, tc.table_name, kc.column_name FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kc ON tc.constraint_name = kc.constraint_name WHERE tc.constraint_type = 'PRIMARY KEY') AS pk ON c.table_schema = pk.table_schema AND c.table_name = pk.table_name AND c.column_name = pk.column_name WHERE c.table_name = 'orders' AND c.table_schema = 'public' ORDER BY c.ordinal_position;

-- a name matched by an operator with its schema, under a collation, as psql's \d asks
SELECT c.relname::text FROM pg_catalog.pg_class c WHERE c.relname OPERATOR(pg_catalog.~) '^(orders|conversations)$' COLLATE pg_catalog.default ORDER BY 1;

-- the base types of domains, by a recursion for each type
SELECT t.typname::text, CASE WHEN t.typtype = 'd' THEN (WITH RECURSIVE base AS (SELECT oid, typbasetype FROM pg_type d WHERE d.oid = t.oid UNION ALL SELECT d.oid, d.typbasetype FROM pg_type d JOIN base b ON d.oid = b.typbasetype) SELECT max(oid::int8) FROM base) ELSE t.oid::int8 END AS base FROM pg_type t WHERE t.typname IN ('int4', 'text') ORDER BY 1;

-- options of a relation with a prefix, as psql's \d+ asks
SELECT c.relname::text, pg_catalog.array_to_string(c.reloptions || array(SELECT 'toast.' || x FROM pg_catalog.unnest(c.reloptions) x), ', ') AS options FROM pg_catalog.pg_class c WHERE c.relname = 'orders' AND c.relkind IN ('r', 'v');
