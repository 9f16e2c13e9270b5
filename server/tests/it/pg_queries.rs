//! What statements are done, which are refused and with what SQLSTATE, and that answers are PostgreSQL's.

use rstest::rstest;

use crate::support::{TestServer, code_of, column, error_of, rows, value};

#[rstest]
#[case("SELEC 1", "42601")]
#[case("SELECT 1 FROM", "42601")]
#[case("SELECT 'a", "42601")]
#[case("SELECT * FROM nowhere", "42P01")]
#[case("SELECT nothing FROM orders", "42703")]
#[case("SELECT no_such_function(1)", "42883")]
#[case("SELECT * FROM no_such_function(1)", "42883")]
#[case("SELECT 1/0", "22012")]
#[case("SELECT messages/0 FROM orders", "22012")]
#[case("SELECT 'x'::int", "22P02")]
#[case("SELECT '2026-02-30'::date", "22008")]
#[case("SELECT $1", "42P02")]
#[case("SELECT order_id, count(*) FROM orders", "42803")]
#[case("INSERT INTO orders VALUES (1)", "25006")]
#[case("UPDATE orders SET value = 0", "25006")]
#[case("DELETE FROM orders", "25006")]
#[case("CREATE TABLE t (a int)", "25006")]
#[case("CREATE TEMP TABLE t AS SELECT 1", "25006")]
#[case("CREATE VIEW v AS SELECT 1", "25006")]
#[case(
    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
    "25006"
)]
#[case("DROP TABLE orders", "25006")]
#[case("TRUNCATE orders", "25006")]
#[case("SELECT 1 INTO t", "25006")]
#[case("SELECT * FROM orders FOR UPDATE", "25006")]
#[case("WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x", "25006")]
#[case("COPY orders FROM STDIN", "25006")]
#[case("COPY orders TO '/tmp/x'", "42501")]
#[case("COPY (SELECT 1) TO PROGRAM 'cat'", "42501")]
#[case("SET datafusion.runtime.memory_limit = '1K'", "42704")]
#[case("SET nonsense = 1", "42704")]
#[case("SET ROLE postgres", "42501")]
#[case("LISTEN x", "0A000")]
#[case("DO $$ BEGIN END $$", "0A000")]
#[case("SELECT * FROM '/etc/passwd'", "42P01")]
#[case("SELECT * FROM \"/etc/passwd\"", "42P01")]
#[case("FETCH 1 FROM nothing", "34000")]
#[case("EXECUTE nothing", "26000")]
#[case("DEALLOCATE nothing", "26000")]
#[tokio::test]
async fn an_error_has_its_sqlstate_and_nothing_is_written(#[case] sql: &str, #[case] code: &str) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let error = client.simple_query(sql).await.unwrap_err();
    assert_eq!(code_of(&error), code, "{:?}", error_of(&error));
    assert_eq!(value(&client, "SELECT count(*) FROM orders").await, "3");
}

#[tokio::test]
async fn a_syntax_error_tells_its_place() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let error = client
        .simple_query("SELECT 1;\n\nSELEC 2")
        .await
        .unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.message(), "syntax error at or near \"SELEC\"");
    assert_eq!(
        error.position(),
        Some(&tokio_postgres::error::ErrorPosition::Original(12))
    );
}

#[rstest]
#[case("SELECT count(*) FROM orders", "count", "3")]
#[case("SELECT 1", "?column?", "1")]
#[case("SELECT 'x'", "?column?", "x")]
#[case("SELECT 'x'::text", "text", "x")]
#[case("SELECT max(messages) FROM orders", "max", "7")]
#[case(
    "SELECT order_id::varchar FROM orders WHERE order_id = 'o1'",
    "order_id",
    "o1"
)]
#[case("SELECT coalesce(null, 2)", "coalesce", "2")]
#[case("SELECT CASE WHEN true THEN 1 END", "case", "1")]
#[case("SELECT current_user", "current_user", "ann")]
#[case("SELECT (SELECT 5 AS five)", "five", "5")]
#[case(
    "SELECT orders.value FROM orders WHERE order_id = 'o1'",
    "value",
    "12.3400"
)]
#[case("SELECT 1 AS \"Mixed Case\"", "Mixed Case", "1")]
#[tokio::test]
async fn columns_are_named_as_postgresql_names_them(
    #[case] sql: &str,
    #[case] name: &str,
    #[case] expected: &str,
) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let messages = client.simple_query(sql).await.unwrap();
    let row = messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.unwrap();
    assert_eq!(
        (row.columns()[0].name(), row.get(0)),
        (name, Some(expected))
    );
}

#[rstest]
#[case("SELECT 1, 1", &["?column?", "?column?"])]
#[case("SELECT 1 a, 2 a", &["a", "a"])]
#[case("SELECT order_id, * FROM accounts, (SELECT order_id FROM orders) o LIMIT 1", &["order_id", "account_id", "order_id"])]
#[case("SELECT *, upper(account_id) account_id FROM accounts", &["account_id", "account_id"])]
#[case("SELECT count(*), count(messages), count(*) FROM orders", &["count", "count", "count"])]
#[tokio::test]
async fn columns_may_share_a_name(#[case] sql: &str, #[case] names: &[&str]) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let statement = client.prepare(sql).await.unwrap();
    let found: Vec<&str> = statement
        .columns()
        .iter()
        .map(|column| column.name())
        .collect();
    assert_eq!(found, names);
    assert_eq!(client.query(&statement, &[]).await.unwrap().len(), 1);
}

#[rstest]
// Correlated, and no aggregate: the ready-made server answers NULL.
#[case("SELECT (SELECT o.messages FROM orders o WHERE o.order_id = p.order_id) FROM orders p ORDER BY p.order_id", &["7", "-1", "NULL"])]
#[case("SELECT (SELECT max(o.messages) FROM orders o WHERE o.order_id = p.order_id) FROM orders p ORDER BY p.order_id", &["7", "-1", "NULL"])]
#[case("SELECT order_id FROM orders WHERE channel = ANY('{sms,email}') ORDER BY 1", &["o1", "o2"])]
#[case("SELECT order_id FROM orders WHERE channel = ANY(ARRAY['sms'])", &["o1"])]
#[case("SELECT order_id FROM orders WHERE channel <> ALL(ARRAY['sms'])", &["o2"])]
#[case("SELECT order_id FROM orders WHERE 'b c' = ANY(names)", &["o1"])]
#[case("SELECT order_id FROM orders ORDER BY messages DESC", &["o3", "o1", "o2"])]
#[case("SELECT order_id FROM orders ORDER BY messages", &["o2", "o1", "o3"])]
#[case("SELECT channel FROM orders WHERE channel ILIKE 'S%'", &["sms"])]
#[case("SELECT order_id FROM orders WHERE order_id ~ '^o[12]$' ORDER BY 1", &["o1", "o2"])]
#[case("TABLE accounts", &["acme"])]
#[case("VALUES (1), (2)", &["1", "2"])]
#[case("SELECT a FROM generate_series(1, 3) AS t(a) WHERE a <> 2", &["1", "3"])]
#[case("SELECT 'a' || 'b'", &["ab"])]
#[case("SELECT count FROM (SELECT count(*) FROM orders) x", &["3"])]
#[case("SELECT count(*) c, channel FROM orders GROUP BY channel ORDER BY count(*) DESC, channel LIMIT 1", &["1"])]
#[case("SELECT channel, count(*) FROM orders GROUP BY 1 ORDER BY count DESC, channel", &["email", "sms", "NULL"])]
#[tokio::test]
async fn answers_are_postgresqls(#[case] sql: &str, #[case] expected: &[&str]) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let found: Vec<String> = column(&client, sql)
        .await
        .into_iter()
        .map(|value| value.unwrap_or_else(|| "NULL".to_owned()))
        .collect();
    assert_eq!(found, expected, "{sql}");
}

#[tokio::test]
async fn more_than_one_row_from_a_scalar_subquery_is_an_error() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql =
        "SELECT (SELECT o.messages FROM orders o WHERE o.order_id >= p.order_id) FROM orders p";
    assert_eq!(
        code_of(&client.simple_query(sql).await.unwrap_err()),
        "21000"
    );
}

#[tokio::test]
async fn settings_are_set_shown_and_reset() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    for (set, show, expected) in [
        (
            "SET application_name = 'x y'",
            "SHOW application_name",
            "x y",
        ),
        (
            "SET TIME ZONE 'Europe/Berlin'",
            "SHOW TIME ZONE",
            "Europe/Berlin",
        ),
        ("SET SESSION timezone TO DEFAULT", "SHOW timezone", "UTC"),
        (
            "SET search_path TO public, raw",
            "SHOW search_path",
            "public, raw",
        ),
        (
            "SET statement_timeout = '90s'",
            "SHOW statement_timeout",
            "90s",
        ),
        ("SET NAMES 'utf8'", "SHOW client_encoding", "UTF8"),
        ("SET extra_float_digits = 3", "SHOW extra_float_digits", "3"),
        ("RESET ALL", "SHOW application_name", ""),
        ("SET my.thing = 'v'", "SHOW my.thing", "v"),
        ("SELECT 1", "SHOW server_version_num", "160006"),
        ("SELECT 1", "SHOW transaction_read_only", "on"),
        (
            "SELECT 1",
            "SHOW TRANSACTION ISOLATION LEVEL",
            "read committed",
        ),
    ] {
        client
            .simple_query(set)
            .await
            .unwrap_or_else(|error| panic!("{set}: {error:?}"));
        assert_eq!(value(&client, show).await, expected, "{show}");
    }
    assert!(rows(&client, "SHOW ALL").await.len() > 40);
}

#[tokio::test]
async fn the_time_zone_counts_for_what_is_written_and_read() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql = "SELECT ordered_at FROM orders WHERE order_id = 'o2'";
    assert_eq!(value(&client, sql).await, "2026-07-01 00:00:00.5+00");
    client
        .simple_query("SET timezone = 'America/New_York'")
        .await
        .unwrap();
    assert_eq!(value(&client, sql).await, "2026-06-30 20:00:00.5-04");
    let sql =
        "SELECT count(*) FROM orders WHERE ordered_at >= '2026-06-30 20:00:00.5'::timestamptz";
    assert_eq!(value(&client, sql).await, "1");
    client
        .simple_query("SET timezone = '+05:30'")
        .await
        .unwrap();
    let sql = "SELECT ordered_at FROM orders WHERE order_id = 'o1'";
    assert_eq!(value(&client, sql).await, "2026-01-01 05:30:00+05:30");
}

#[rstest]
#[case("DISCARD ALL")]
#[case("DISCARD PLANS")]
#[case("DEALLOCATE ALL")]
#[case("CLOSE ALL")]
#[case("UNLISTEN *")]
#[case("RESET ALL")]
#[case("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")]
#[case("SET SESSION AUTHORIZATION DEFAULT")]
#[case("SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL")]
#[tokio::test]
async fn what_pools_say_between_clients_is_done(#[case] sql: &str) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    client.simple_query(sql).await.unwrap();
}

#[tokio::test]
async fn explain_tells_the_plan_and_no_file() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let messages = client
        .simple_query("EXPLAIN ANALYZE SELECT count(*) FROM orders")
        .await
        .unwrap();
    let tokio_postgres::SimpleQueryMessage::RowDescription(columns) = &messages[0] else {
        panic!("{messages:?}");
    };
    assert_eq!(columns[0].name(), "QUERY PLAN");
    let plan = column(&client, "EXPLAIN (FORMAT JSON) SELECT 1").await;
    let plan: serde_json::Value = serde_json::from_str(plan[0].as_deref().unwrap()).unwrap();
    let node = plan[0]["Plan"]["Node Type"].as_str();
    assert!(node.is_some_and(|node| node.ends_with("Exec")), "{plan}");
    assert_eq!(
        code_of(
            &client
                .simple_query("EXPLAIN DELETE FROM orders")
                .await
                .unwrap_err()
        ),
        "25006"
    );
}

#[tokio::test]
async fn prepared_statements_live_in_sql_too_and_belong_to_their_session() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.client("ann").await, server.client("bob").await);
    ann.simple_query(
        "PREPARE q (text, int) AS SELECT order_id FROM orders WHERE channel = $1 AND messages > $2",
    )
    .await
    .unwrap();
    assert_eq!(
        column(&ann, "EXECUTE q('sms', 1 + 1)").await,
        vec![Some("o1".into())]
    );
    assert_eq!(column(&ann, "EXECUTE q('sms', 100)").await, vec![]);
    assert_eq!(
        code_of(&ann.simple_query("EXECUTE q('sms')").await.unwrap_err()),
        "42601"
    );
    assert_eq!(
        code_of(&bob.simple_query("EXECUTE q('sms', 1)").await.unwrap_err()),
        "26000"
    );
    ann.simple_query("DEALLOCATE q").await.unwrap();
    assert_eq!(
        code_of(&ann.simple_query("EXECUTE q('sms', 1)").await.unwrap_err()),
        "26000"
    );
}

#[rstest]
#[case("COPY accounts TO STDOUT", "acme\n")]
#[case(
    "COPY (SELECT 1 AS a, 'x\ty' AS b, NULL AS c) TO STDOUT",
    "1\tx\\ty\t\\N\n"
)]
#[case(
    "COPY (SELECT 1 AS a, 'x,\"y' AS b, NULL AS c) TO STDOUT WITH (FORMAT csv, HEADER)",
    "a,b,c\n1,\"x,\"\"y\",\n"
)]
#[case("COPY (SELECT '' AS a, 'b' AS b) TO STDOUT CSV", "\"\",b\n")]
#[case(
    "COPY (SELECT 1 AS a, 2 AS b) TO STDOUT WITH (DELIMITER '|', FORMAT text)",
    "1|2\n"
)]
#[case(
    "COPY orders (order_id, tags) TO STDOUT (FORMAT csv, FORCE_QUOTE (order_id))",
    "\"o1\",\"{1,NULL}\"\n\"o2\",{}\n\"o3\",\n"
)]
#[case(
    "COPY (SELECT 1 AS a) TO STDOUT (FORMAT csv, HEADER 'true', ENCODING utf8, FREEZE)",
    "a\n1\n"
)]
#[case("COPY (SELECT 1 AS a) TO STDOUT (FORMAT csv, HEADER off)", "1\n")]
#[tokio::test]
async fn copy_sends_rows_as_data(#[case] sql: &str, #[case] expected: &str) {
    use futures::TryStreamExt;

    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let data: Vec<bytes::Bytes> = client
        .copy_out(sql)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(String::from_utf8(data.concat()).unwrap(), expected);
}

#[rstest]
#[case("(ENCODING 'latin1')", "0A000")]
#[case("(FORMAT csv, HEADER nosuch)", "42601")]
#[case("(FORMAT csv, HEADER match)", "0A000")]
#[case("(FORMAT binary, HEADER)", "0A000")]
#[case("(FORMAT binary, DELIMITER ';')", "42601")]
#[case("(FORMAT binary, NULL '')", "42601")]
#[case("(DELIMITER 'a')", "22023")]
#[case("(DELIMITER '.')", "22023")]
#[case("(DELIMITER 'ab')", "0A000")]
#[case("(DELIMITER E'\\n')", "22023")]
#[case("(FORMAT csv, DELIMITER '\"')", "22023")]
#[case("(NULL E'a\\nb')", "22023")]
#[case("(FORMAT csv, NULL 'a,b')", "0A000")]
#[case("(FORMAT csv, NULL '\"')", "0A000")]
#[case("(FORMAT csv, FORMAT csv)", "42601")]
#[case("CSV DELIMITER ',' DELIMITER ';'", "42601")]
#[case("(FORMAT csv, FORCE_QUOTE (a, a))", "42701")]
#[case("(QUOTE '|')", "0A000")]
#[case("(FORMAT xml)", "22023")]
#[case("()", "42601")]
#[case("(FORMAT csv,)", "42601")]
#[tokio::test]
async fn copy_refuses_options_that_go_wrong(#[case] options: &str, #[case] code: &str) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql = format!("COPY (SELECT 1 AS a) TO STDOUT {options}");
    let error = client.simple_query(&sql).await.unwrap_err();
    assert_eq!(code_of(&error), code, "{options}");
}

#[tokio::test]
async fn copy_in_binary_is_postgresqls() {
    use futures::TryStreamExt;
    use tokio_postgres::binary_copy::BinaryCopyOutStream;
    use tokio_postgres::types::Type;

    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql = "COPY (SELECT order_id, messages FROM orders ORDER BY 1) TO STDOUT BINARY";
    let stream = client.copy_out(sql).await.unwrap();
    let stream = BinaryCopyOutStream::new(stream, &[Type::TEXT, Type::INT8]);
    let rows: Vec<_> = stream.try_collect().await.unwrap();
    let found: Vec<(String, Option<i64>)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        found,
        [
            ("o1".into(), Some(7)),
            ("o2".into(), Some(-1)),
            ("o3".into(), None)
        ]
    );
}
