//! Types, both ways and in both formats; parameters of all of them.

use std::time::{Duration, UNIX_EPOCH};

use rstest::rstest;
use tokio_postgres::types::{ToSql, Type};

use crate::support::{TestServer, code_of, rows, value};

#[tokio::test]
async fn every_type_of_ours_is_written_as_text() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let rows = rows(&client, "SELECT * FROM orders ORDER BY order_id").await;
    let shown: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|value| value.as_deref().unwrap_or("NULL"))
                .collect()
        })
        .collect();
    assert_eq!(
        shown,
        [
            vec![
                "o1",
                "sms",
                "{1,NULL}",
                r#"{a,"b c","q\"\\"}"#,
                "12.3400",
                "2026-01-01 00:00:00+00",
                "2026-01-01",
                "t",
                "7",
                "0.5"
            ],
            vec![
                "o2",
                "email",
                "{}",
                r#"{"NULL",NULL}"#,
                "-5.0000",
                "2026-07-01 00:00:00.5+00",
                "2026-07-01",
                "f",
                "-1",
                "1"
            ],
            vec![
                "o3", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"
            ],
        ]
    );
}

#[tokio::test]
async fn every_type_of_ours_is_written_in_binary() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let statement = client
        .prepare("SELECT * FROM orders ORDER BY order_id")
        .await
        .unwrap();
    let types: Vec<&Type> = statement
        .columns()
        .iter()
        .map(|column| column.type_())
        .collect();
    assert_eq!(
        types,
        [
            &Type::TEXT,
            &Type::TEXT,
            &Type::INT8_ARRAY,
            &Type::TEXT_ARRAY,
            &Type::NUMERIC,
            &Type::TIMESTAMPTZ,
            &Type::DATE,
            &Type::BOOL,
            &Type::INT8,
            &Type::FLOAT8
        ]
    );
    let rows = client.query(&statement, &[]).await.unwrap();
    let row = &rows[0];
    assert_eq!(row.get::<_, &str>("order_id"), "o1");
    assert_eq!(row.get::<_, Option<&str>>("channel"), Some("sms"));
    assert_eq!(row.get::<_, Vec<Option<i64>>>("tags"), [Some(1), None]);
    assert_eq!(row.get::<_, Vec<String>>("names"), ["a", "b c", "q\"\\"]);
    assert_eq!(
        row.get::<_, std::time::SystemTime>("ordered_at"),
        UNIX_EPOCH + Duration::from_secs(1_767_225_600)
    );
    assert!(row.get::<_, bool>("cancelled"));
    assert_eq!(row.get::<_, i64>("messages"), 7);
    assert_eq!(row.get::<_, f64>("credit"), 0.5);
    assert_eq!(rows[1].get::<_, Vec<Option<i64>>>("tags"), [None; 0]);
    assert_eq!(rows[2].get::<_, Option<Vec<String>>>("names"), None);
}

#[rstest]
#[case("SELECT 0.1::float8", "0.1")]
#[case("SELECT 1e15::float8", "1e+15")]
#[case("SELECT 123456789012345::float8", "123456789012345")]
#[case("SELECT 0.00001::float8", "1e-05")]
#[case("SELECT 0.0001::float8", "0.0001")]
#[case("SELECT -1.5::float8", "-1.5")]
#[case("SELECT 'NaN'::float8", "NaN")]
#[case("SELECT '-Infinity'::float8", "-Infinity")]
#[case("SELECT 1.5::real", "1.5")]
#[case("SELECT 1.25::numeric(18,4)", "1.2500")]
#[case("SELECT '2026-01-01'::date", "2026-01-01")]
#[case(
    "SELECT '2026-01-01 10:20:30.120'::timestamp",
    "2026-01-01 10:20:30.12"
)]
#[case("SELECT '10:20:30'::time", "10:20:30")]
#[case(
    "SELECT interval '1 year 2 months 3 days 04:05:06.7'",
    "1 year 2 mons 3 days 04:05:06.7"
)]
#[case("SELECT interval '-1 day'", "-1 days")]
#[case("SELECT interval '0 days'", "00:00:00")]
#[case("SELECT true", "t")]
#[case("SELECT ARRAY[1, 2]", "{1,2}")]
#[case("SELECT ARRAY['a,b', NULL, '']", r#"{"a,b",NULL,""}"#)]
#[case("SELECT ARRAY[ARRAY[1,2], ARRAY[3,4]]", "{{1,2},{3,4}}")]
#[case("SELECT '\\x00ff'::bytea", "\\x00ff")]
#[case("SELECT NULL", "NULL")]
#[tokio::test]
async fn text_is_to_the_letter_postgresqls(#[case] sql: &str, #[case] expected: &str) {
    let server = TestServer::start().await;
    assert_eq!(value(&server.client("ann").await, sql).await, expected);
}

#[tokio::test]
async fn parameters_have_the_types_of_where_they_stand() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    for (sql, types) in [
        ("SELECT * FROM orders WHERE order_id = $1", vec![Type::TEXT]),
        (
            "SELECT * FROM orders WHERE channel = $1 AND messages > $2",
            vec![Type::TEXT, Type::INT8],
        ),
        ("SELECT * FROM orders WHERE value = $1", vec![Type::NUMERIC]),
        (
            "SELECT * FROM orders WHERE ordered_at >= $1 AND ordered_on < $2",
            vec![Type::TIMESTAMPTZ, Type::DATE],
        ),
        (
            "SELECT * FROM orders LIMIT $1 OFFSET $2",
            vec![Type::INT8, Type::INT8],
        ),
        (
            "SELECT * FROM orders WHERE channel = ANY($1)",
            vec![Type::TEXT_ARRAY],
        ),
        (
            "SELECT * FROM orders WHERE messages = ANY($1)",
            vec![Type::INT8_ARRAY],
        ),
        (
            "SELECT * FROM orders WHERE $1 = ANY(names)",
            vec![Type::TEXT],
        ),
        ("SELECT $1::int4 + 1", vec![Type::INT4]),
        ("SELECT $1::date", vec![Type::DATE]),
        ("SELECT $1", vec![Type::TEXT]),
        ("SELECT upper($1)", vec![Type::TEXT]),
        (
            "SELECT * FROM orders WHERE order_id IN ($1, $2)",
            vec![Type::TEXT, Type::TEXT],
        ),
        (
            "SELECT * FROM orders WHERE messages BETWEEN $1 AND $2",
            vec![Type::INT8, Type::INT8],
        ),
        (
            "SELECT * FROM orders WHERE order_id LIKE $1",
            vec![Type::TEXT],
        ),
    ] {
        let statement = client
            .prepare(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(statement.params(), types, "{sql}");
    }
}

#[rstest]
#[case("order_id = $1", &"o1", 1)]
#[case("channel = $1", &"sms", 1)]
#[case("messages = $1", &7_i64, 1)]
#[case("messages > $1", &-100_i64, 2)]
#[case("cancelled = $1", &true, 1)]
#[case("credit = $1", &0.5_f64, 1)]
#[case("ordered_at <= $1", &(UNIX_EPOCH + Duration::from_secs(1_767_225_600)), 1)]
#[case("channel = ANY($1)", &vec!["sms", "email", "none"], 2)]
#[case("messages = ANY($1)", &vec![7_i64, -1], 2)]
#[case("$1 = ANY(names)", &"b c", 1)]
#[case("channel = $1", &None::<String>, 0)]
#[case("$1::text IS NULL", &None::<String>, 3)]
#[case("messages = $1", &None::<i64>, 0)]
#[tokio::test]
async fn a_parameter_selects_rows(
    #[case] condition: &str,
    #[case] parameter: &(dyn ToSql + Sync),
    #[case] expected: usize,
) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql = format!("SELECT order_id FROM orders WHERE {condition}");
    let rows = client.query(&sql, &[parameter]).await.unwrap();
    assert_eq!(rows.len(), expected, "{condition}");
}

#[tokio::test]
async fn a_declared_type_counts_more_than_where_a_parameter_stands() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    for (sql, pg, parameter, expected) in [
        (
            "value > $1",
            Type::FLOAT8,
            &12.0_f64 as &(dyn ToSql + Sync),
            1,
        ),
        ("value > $1", Type::INT4, &12_i32, 1),
        ("messages = $1", Type::INT4, &7_i32, 1),
        ("messages = $1", Type::INT2, &7_i16, 1),
        ("channel = $1", Type::VARCHAR, &"sms", 1),
    ] {
        let sql = format!("SELECT order_id FROM orders WHERE {sql}");
        let statement = client
            .prepare_typed(&sql, std::slice::from_ref(&pg))
            .await
            .unwrap();
        assert_eq!(statement.params(), [pg]);
        assert_eq!(
            client.query(&statement, &[parameter]).await.unwrap().len(),
            expected,
            "{sql}"
        );
    }
}

#[tokio::test]
async fn numbers_are_compared_with_all_their_digits() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    for (value, rows) in [
        ("12.34", 1),
        ("12.34004", 0),
        ("1.234e1", 1),
        ("12.3400000000000", 1),
    ] {
        raw.parse("", "SELECT order_id FROM orders WHERE value = $1")
            .await;
        let mut bind = b"\0\0\0\0\0\x01".to_vec();
        bind.extend((value.len() as i32).to_be_bytes());
        bind.extend(value.as_bytes());
        bind.extend(b"\0\0");
        raw.send('B', &bind).await;
        raw.execute("", 0).await;
        raw.sync().await;
        let messages = raw.read_to_ready().await;
        let found = messages
            .iter()
            .filter(|message| message.kind == 'D')
            .count();
        assert_eq!(found, rows, "{value}: {messages:?}");
    }
}

#[tokio::test]
async fn wrong_numbers_of_parameters_and_values_that_do_not_parse_are_told() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    for (bind, code) in [
        (&b"\0\0\0\0\0\0\0\0"[..], "08P01"),
        (b"\0\0\0\0\0\x01\0\0\0\x01x\0\0", "22P02"),
        (b"\0\0\0\x01\0\x01\0\x01\0\0\0\x01x\0\0", "22P03"),
        (b"\0\0\0\0\0\x01\0\0\0\x011\0\x02\0\0\0\0", "08P01"),
    ] {
        raw.parse("", "SELECT order_id FROM orders WHERE messages = $1")
            .await;
        raw.send('B', bind).await;
        raw.sync().await;
        let messages = raw.read_to_ready().await;
        assert_eq!(messages[1].field('C'), code, "{bind:?}");
    }
}

#[tokio::test]
async fn a_prepared_statement_follows_the_time_zone() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let statement = client
        .prepare("SELECT ordered_at::text FROM orders WHERE order_id = 'o1'")
        .await
        .unwrap();
    let shown = async || -> String { client.query_one(&statement, &[]).await.unwrap().get(0) };
    assert_eq!(shown().await, "2026-01-01 00:00:00+00");
    client
        .simple_query("SET timezone = 'Asia/Tokyo'")
        .await
        .unwrap();
    assert_eq!(shown().await, "2026-01-01 09:00:00+09");
}

#[tokio::test]
async fn a_type_that_there_is_not_is_refused() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.send('P', b"\0SELECT $1\0\0\x01\0\x0f\xff\xff").await;
    raw.sync().await;
    assert_eq!(raw.read_to_ready().await[0].field('C'), "42704");
    let client = server.client("ann").await;
    let error = client
        .simple_query("SELECT 'x'::no_such_type")
        .await
        .unwrap_err();
    assert_eq!(code_of(&error), "42704");
}
