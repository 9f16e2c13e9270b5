//! The catalog: what tools ask before they show anything.

use rstest::rstest;

use crate::support::{TestServer, column, error_of, value};

#[rstest]
#[case("SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'public' ORDER BY 1", &["accounts", "orders"])]
#[case("SELECT attname FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 ORDER BY attnum LIMIT 2", &["order_id", "channel"])]
#[case("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1", &["accounts", "orders"])]
#[case("SELECT typname FROM pg_type WHERE oid = 25", &["text"])]
#[case("SELECT datname FROM pg_database", &["rapport"])]
#[case("SELECT rolname FROM pg_roles WHERE rolcanlogin", &["ann"])]
#[case("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'orders'", &["rapport"])]
#[case("SELECT pg_get_userbyid(usesysid) FROM pg_user", &["ann"])]
#[case("SELECT 'orders'::regclass", &["orders"])]
#[case("SELECT 'public.orders'::regclass::oid = c.oid FROM pg_class c WHERE relname = 'orders'", &["t"])]
#[case("SELECT to_regclass('nothing')", &[])]
#[case("SELECT 'numeric'::regtype", &["numeric"])]
#[case("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attname = 'value'", &["numeric(18,4)"])]
#[case("SELECT current_setting('TimeZone')", &["UTC"])]
#[case("SELECT set_config('timezone', 'Asia/Tokyo', false)", &["Asia/Tokyo"])]
#[case("SELECT setting FROM pg_settings WHERE name = 'TimeZone'", &["UTC"])]
#[case("SELECT has_table_privilege('orders', 'SELECT')", &["t"])]
#[case("SELECT has_table_privilege('orders', 'INSERT')", &["f"])]
#[case("SELECT obj_description('orders'::regclass, 'pg_class')", &["One row per order: the earliest order_placed of its order_id"])]
#[case("SELECT col_description('orders'::regclass, 1)", &["Names the order within its account"])]
#[case("SELECT array_to_string(ARRAY(SELECT order_id FROM orders ORDER BY order_id DESC), ',')", &["o3,o2,o1"])]
#[case("SELECT data_type FROM information_schema.columns WHERE column_name = 'ordered_at'", &["timestamp with time zone"])]
#[case("SELECT udt_name FROM information_schema.columns WHERE column_name = 'names'", &["_text"])]
#[case("SELECT count(*) FROM information_schema.table_constraints", &["0"])]
#[case("SELECT nspname FROM pg_namespace ORDER BY 1", &["information_schema", "pg_catalog", "public", "system"])]
#[case("SELECT 'pg_catalog.pg_class'::regclass::oid", &["1259"])]
#[case("SELECT pg_table_is_visible('information_schema.tables'::regclass)", &["f"])]
#[case("SELECT typreceive FROM pg_type WHERE oid = 16 AND typreceive != 0", &["boolrecv"])]
#[case("SELECT p.proname FROM pg_type t JOIN pg_proc p ON p.oid = t.typinput WHERE t.typname = '_text'", &["array_in"])]
#[case("SELECT typname FROM pg_type WHERE typinput = 'array_in'::regproc AND oid = 1009", &["_text"])]
#[case("SELECT CASE WHEN typtype = 'd' THEN 1 END FROM pg_type WHERE typtype = 'd'", &[])]
#[case("SELECT description FROM pg_description WHERE objoid = 'orders'::regclass AND classoid = 'pg_class'::regclass AND objsubid = 0", &["One row per order: the earliest order_placed of its order_id"])]
#[tokio::test]
async fn the_catalog_tells_what_there_is(#[case] sql: &str, #[case] expected: &[&str]) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let found: Vec<String> = column(&client, sql).await.into_iter().flatten().collect();
    assert_eq!(found, expected, "{sql}");
}

/// A client that reads in binary looks up what it does not know: of an `int4[]` it would ask for ever.
#[tokio::test]
async fn arrays_of_object_ids_are_no_arrays_of_integers() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql = "SELECT ids, count(*) FROM (SELECT array_agg(atttypid) AS ids FROM pg_attribute WHERE attrelid = any($1::oid[])) \
               AS a GROUP BY ids";
    let statement = client.prepare(sql).await.unwrap();
    assert_eq!(statement.params()[0].oid(), 1028);
    assert_eq!(statement.columns()[0].type_().oid(), 1028);
    let statement = client.prepare("SELECT $1::uuid, $2::json").await.unwrap();
    let oids: Vec<u32> = statement.params().iter().map(|kind| kind.oid()).collect();
    assert_eq!(oids, [2950, 114]);
    let oids: Vec<u32> = statement
        .columns()
        .iter()
        .map(|column| column.type_().oid())
        .collect();
    assert_eq!(oids, [2950, 114]);
}

#[tokio::test]
async fn the_process_id_is_the_one_that_cancels() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    let messages = raw.query("SELECT pg_backend_pid()").await;
    let shown = messages[1].values()[0].clone().unwrap();
    assert_eq!(String::from_utf8(shown).unwrap(), raw.key.0.to_string());
}

#[tokio::test]
async fn object_ids_agree_across_an_accounts_connections() {
    let server = TestServer::start().await;
    let sql = "SELECT string_agg(c.oid::text || c.relname, ',' ORDER BY c.relname) FROM pg_class c \
               JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'public'";
    let (first, second) = (server.client("ann").await, server.client("ann").await);
    assert_eq!(value(&first, sql).await, value(&second, sql).await);
}

/// Sessions share most of their catalogs, but not what tells of who looks.
#[tokio::test]
async fn each_user_finds_itself_alone_in_the_catalog() {
    let server = TestServer::start().await;
    // Bob's account is another, and the operator's catalog another too.
    for user in ["ann", "bob", "ops", "ann"] {
        let client = server.client(user).await;
        for sql in [
            "SELECT role_name FROM information_schema.enabled_roles",
            "SELECT role_name FROM information_schema.applicable_roles",
            "SELECT DISTINCT grantee FROM information_schema.table_privileges",
            "SELECT DISTINCT grantee FROM information_schema.role_column_grants",
            "SELECT rolname FROM pg_authid WHERE rolcanlogin",
            "SELECT usename FROM pg_user",
            "SELECT DISTINCT usename FROM pg_stat_activity WHERE pid = pg_backend_pid()",
            "SELECT current_user",
        ] {
            let found = column(&client, sql).await;
            assert_eq!(found, [Some(user.to_owned())], "{user}: {sql}");
        }
        let other = if user == "ann" { "bob" } else { "ann" };
        let sql = format!("SELECT '{other}'::regrole");
        assert!(client.simple_query(&sql).await.is_err(), "{user}: {sql}");
    }
}

/// Drivers look up in the catalog what a column is of.
#[tokio::test]
async fn a_result_tells_which_tables_its_columns_are_of() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let oid = |table: &str| format!("SELECT '{table}'::regclass::oid");
    let orders: u32 = value(&client, &oid("orders")).await.parse().unwrap();
    let accounts: u32 = value(&client, &oid("accounts")).await.parse().unwrap();
    let classes = 1259;
    for (sql, expected) in [
        (
            "SELECT o.order_id AS id, channel, upper(channel), value + 1, tableoid FROM orders o LIMIT 1",
            vec![Some((orders, 1)), Some((orders, 2)), None, None, None],
        ),
        (
            "WITH c AS (SELECT channel, count(*) AS n FROM orders GROUP BY channel) \
             SELECT n, s.ch FROM (SELECT DISTINCT channel AS ch, n FROM c ORDER BY n) AS s WHERE n > 0",
            vec![None, Some((orders, 2))],
        ),
        (
            "SELECT channel FROM orders UNION SELECT channel FROM orders",
            vec![None],
        ),
        (
            "SELECT relname, c.oid FROM pg_catalog.pg_class AS c",
            vec![Some((classes, 2)), Some((classes, 1))],
        ),
        ("SELECT 1 AS order_id", vec![None]),
        (
            "SELECT orders.channel FROM (SELECT 'x' AS channel) AS orders",
            vec![None],
        ),
    ] {
        let statement = client.prepare(sql).await.unwrap();
        let columns = statement.columns().iter();
        let origins: Vec<_> = columns
            .map(|column| column.table_oid().zip(column.column_id()))
            .collect();
        assert_eq!(origins, expected, "{sql}");
    }
    let sql = "SELECT a.account_id, o.channel FROM accounts a JOIN orders o ON true LIMIT 1";
    let statement = client.prepare(sql).await.unwrap();
    let tables: Vec<_> = statement
        .columns()
        .iter()
        .map(|column| column.table_oid())
        .collect();
    assert_eq!(tables, [Some(accounts), Some(orders)]);
}

/// What pgAdmin looks at, of which there is nothing here.
#[rstest]
#[case("pg_seclabels", "provider")]
#[case("pg_stat_all_tables", "n_live_tup")]
#[case("pg_stat_database", "deadlocks")]
#[case("pg_stat_replication", "write_lag")]
#[case("pg_stat_user_functions", "total_time")]
#[case("pg_available_extensions", "default_version")]
#[case("pg_publication_tables", "attnames")]
#[case("pg_statio_all_tables", "heap_blks_read")]
#[case("pg_stat_all_indexes", "idx_scan")]
#[case("pg_locks", "page")]
#[case("pg_collation", "colliculocale")]
#[tokio::test]
async fn views_of_what_there_is_none_of_are_there(#[case] view: &str, #[case] column: &str) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql = format!("SELECT count({column}) FROM {view}");
    assert_eq!(value(&client, &sql).await, "0");
}

#[tokio::test]
async fn nobody_can_write_whatever_is_asked_about() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql = "SELECT pg_relation_is_updatable('orders'::regclass, false) & 20";
    assert_eq!(value(&client, sql).await, "0");
}

#[rstest]
#[case("SELECT ctid FROM orders", "ctid")]
#[case(
    "SELECT count(*) FROM orders TABLESAMPLE BERNOULLI (10)",
    "TABLESAMPLE"
)]
#[case(
    "SELECT count(*) FROM (SELECT 1) AS t TABLESAMPLE SYSTEM (10) REPEATABLE (3)",
    "TABLESAMPLE"
)]
#[case(
    "SELECT first_value(value) IGNORE NULLS OVER (ORDER BY order_id) FROM orders",
    "IGNORE NULLS"
)]
#[case(
    "SELECT lag(value) RESPECT NULLS OVER (ORDER BY order_id) FROM orders",
    "RESPECT NULLS"
)]
#[case("SELECT count(*) FROM orders WITH (NOLOCK)", "WITH")]
#[tokio::test]
async fn a_clause_that_would_be_passed_over_is_refused_by_its_name(
    #[case] sql: &str,
    #[case] name: &str,
) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let error = client.simple_query(sql).await.unwrap_err();
    let (code, message) = error_of(&error);
    assert_eq!(code, "0A000", "{sql}: {message}");
    assert!(message.contains(name), "{sql}: {message}");
}
