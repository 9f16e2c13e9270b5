//! Transactions as states, savepoints, cursors.

use rstest::rstest;

use crate::support::{TestServer, code_of, column, value};

/// The state that each ReadyForQuery tells.
async fn states(statements: &[&str]) -> String {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    let mut states = String::new();
    for sql in statements {
        let messages = raw.query(sql).await;
        states.push(char::from(messages.last().unwrap().body[0]));
    }
    states
}

#[rstest]
#[case(&["BEGIN", "SELECT 1", "COMMIT"], "TTI")]
#[case(&["START TRANSACTION READ ONLY", "END"], "TI")]
#[case(&["BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE", "ABORT"], "TI")]
#[case(&["BEGIN", "SELECT nothing", "SELECT 1", "ROLLBACK", "SELECT 1"], "TEEII")]
#[case(&["BEGIN", "SELECT nothing", "COMMIT"], "TEI")]
#[case(&["BEGIN", "SAVEPOINT a", "SELECT nothing", "ROLLBACK TO a", "RELEASE a", "COMMIT"], "TTETTI")]
#[case(&["BEGIN", "COMMIT AND CHAIN", "COMMIT"], "TTI")]
#[case(&["COMMIT"], "I")]
#[case(&["BEGIN; SELECT 1/0", "ROLLBACK"], "EI")]
#[case(&["SELEC", "BEGIN", "SELEC"], "ITE")]
#[tokio::test]
async fn a_transaction_is_a_state(#[case] statements: &[&str], #[case] expected: &str) {
    assert_eq!(states(statements).await, expected);
}

#[tokio::test]
async fn a_failed_transaction_takes_nothing_but_its_end() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    client.simple_query("BEGIN").await.unwrap();
    client.simple_query("SELECT nothing").await.unwrap_err();
    for sql in ["SELECT 1", "SET timezone = 'UTC'", "SAVEPOINT a", "BEGIN"] {
        assert_eq!(
            code_of(&client.simple_query(sql).await.unwrap_err()),
            "25P02",
            "{sql}"
        );
    }
    assert_eq!(
        code_of(&client.prepare("SELECT 1").await.unwrap_err()),
        "25P02"
    );
    client.simple_query("ROLLBACK").await.unwrap();
    client.simple_query("SELECT 1").await.unwrap();
}

#[rstest]
#[case("SAVEPOINT a", "25P01")]
#[case("ROLLBACK TO a", "25P01")]
#[case("RELEASE a", "25P01")]
#[case("BEGIN; ROLLBACK TO a", "3B001")]
#[case("DECLARE c CURSOR FOR SELECT 1", "25P01")]
#[case("BEGIN; DISCARD ALL", "25001")]
#[case("COMMIT AND CHAIN", "25P01")]
#[tokio::test]
async fn what_needs_a_transaction_or_none_says_so(#[case] sql: &str, #[case] code: &str) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    assert_eq!(code_of(&client.simple_query(sql).await.unwrap_err()), code);
}

#[tokio::test]
async fn settings_go_back_with_their_transaction() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    for (sql, expected) in [
        ("BEGIN; SET timezone = 'Asia/Tokyo'; ROLLBACK", "UTC"),
        ("BEGIN; SET LOCAL timezone = 'Asia/Tokyo'", "Asia/Tokyo"),
        ("COMMIT", "UTC"),
        (
            "BEGIN; SAVEPOINT a; SET timezone = 'Asia/Tokyo'; ROLLBACK TO a",
            "UTC",
        ),
        ("SET timezone = 'Asia/Seoul'; COMMIT", "Asia/Seoul"),
    ] {
        client.simple_query(sql).await.unwrap();
        assert_eq!(value(&client, "SHOW timezone").await, expected, "{sql}");
    }
}

/// What `application_name` is after these messages, some of which may fail.
#[rstest]
#[case::what_fails_takes_its_message_back(&["SET application_name = 'a'; SELECT 1/0"], "")]
#[case::and_what_was_a_function(&["SELECT set_config('application_name', 'a', false), 1/0"], "")]
#[case::a_block_begins_with_what_was_before(&["SET application_name = 'a'; BEGIN", "ROLLBACK"], "")]
#[case::and_ends_well_with_it(&["SET application_name = 'a'; BEGIN", "COMMIT"], "a")]
#[case::rolled_back_without_a_block(&["SET application_name = 'a'; ROLLBACK"], "")]
#[case::local_to_a_message(&["SET LOCAL application_name = 'a'; SELECT 1"], "")]
#[case::local_by_a_function(&["SELECT set_config('application_name', 'a', true)"], "")]
#[case::local_before_a_savepoint(
    &["BEGIN; SET LOCAL application_name = 'l'; SAVEPOINT s; SET application_name = 'a'; ROLLBACK TO s; COMMIT"],
    ""
)]
#[case::local_after_a_savepoint(
    &["BEGIN; SAVEPOINT s; SET application_name = 'a'; SET LOCAL application_name = 'l'; ROLLBACK TO s; COMMIT"],
    ""
)]
#[case::kept(&["SET application_name = 'a'; SELECT 1", "SELECT 1/0"], "a")]
#[tokio::test]
async fn statements_of_a_message_are_a_transaction(
    #[case] messages: &[&str],
    #[case] expected: &str,
) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    client
        .simple_query("SET application_name = ''")
        .await
        .unwrap();
    for sql in messages {
        let _ = client.simple_query(sql).await;
    }
    assert_eq!(value(&client, "SHOW application_name").await, expected);
}

#[tokio::test]
async fn a_local_setting_counts_within_its_message() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql = "SET LOCAL application_name = 'a'; SHOW application_name";
    assert_eq!(value(&client, sql).await, "a");
    let sql = "DECLARE c CURSOR FOR SELECT 7; FETCH c";
    assert_eq!(value(&client, sql).await, "7");
    assert_eq!(
        code_of(&client.simple_query("FETCH c").await.unwrap_err()),
        "34000"
    );
}

#[tokio::test]
async fn the_local_zone_is_the_sessions_own() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let own = value(&client, "SHOW timezone").await;
    client
        .simple_query("SET timezone = 'Asia/Tokyo'")
        .await
        .unwrap();
    client.simple_query("SET TIME ZONE LOCAL").await.unwrap();
    assert_eq!(value(&client, "SHOW timezone").await, own);
    let error = client.simple_query("SET timezone = 'local'").await;
    assert_eq!(code_of(&error.unwrap_err()), "22023");
}

#[rstest]
#[case("PREPARE p(int[]) AS SELECT $1", "EXECUTE p(ARRAY[1, 2])", "{1,2}")]
#[case("PREPARE p(int) AS SELECT $1", "EXECUTE p(1.6)", "2")]
#[case("PREPARE p(int) AS SELECT 5", "EXECUTE p(1)", "5")]
#[case("PREPARE p(unknown) AS SELECT $1 + 1", "EXECUTE p(2)", "3")]
#[case(
    "PREPARE p(date, time) AS SELECT $1 + $2",
    "EXECUTE p('2026-01-05', '10:30')",
    "2026-01-05 10:30:00"
)]
#[tokio::test]
async fn a_prepared_statement_takes_what_it_declares(
    #[case] prepare: &str,
    #[case] execute: &str,
    #[case] expected: &str,
) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    client.simple_query(prepare).await.unwrap();
    assert_eq!(value(&client, execute).await, expected);
}

#[tokio::test]
async fn a_prepared_statement_declares_types_that_there_are() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let error = client.simple_query("PREPARE p(nosuch) AS SELECT $1").await;
    assert_eq!(code_of(&error.unwrap_err()), "42704");
}

#[tokio::test]
async fn a_cursor_gives_rows_as_they_are_fetched() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    client
        .simple_query("BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT * FROM generate_series(1, 7)")
        .await
        .unwrap();
    let fetch = async |sql: &'static str| -> Vec<String> {
        column(&client, sql).await.into_iter().flatten().collect()
    };
    assert_eq!(fetch("FETCH c").await, ["1"]);
    assert_eq!(fetch("FETCH FORWARD 2 FROM c").await, ["2", "3"]);
    client.simple_query("MOVE 1 IN c").await.unwrap();
    assert_eq!(fetch("FETCH 0 FROM c").await, [""; 0]);
    assert_eq!(fetch("FETCH ALL FROM c").await, ["5", "6", "7"]);
    assert_eq!(fetch("FETCH NEXT FROM c").await, [""; 0]);
    client.simple_query("SAVEPOINT a").await.unwrap();
    assert_eq!(
        code_of(&client.simple_query("FETCH PRIOR FROM c").await.unwrap_err()),
        "55000"
    );
    client
        .simple_query("ROLLBACK TO a; CLOSE c; SAVEPOINT b")
        .await
        .unwrap();
    assert_eq!(
        code_of(&client.simple_query("FETCH c").await.unwrap_err()),
        "34000"
    );
}

#[tokio::test]
async fn a_cursor_can_be_read_in_binary_through_the_extended_protocol() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    client
        .batch_execute(
            "BEGIN; DECLARE c CURSOR FOR SELECT order_id, messages FROM orders ORDER BY 1",
        )
        .await
        .unwrap();
    let statement = client.prepare("FETCH 2 FROM c").await.unwrap();
    assert_eq!(statement.columns().len(), 2);
    let rows = client.query(&statement, &[]).await.unwrap();
    let found: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(found, [("o1".into(), 7), ("o2".into(), -1)]);
    assert_eq!(client.query(&statement, &[]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_a_cursor_with_hold_outlives_its_transaction() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    client
        .simple_query(
            "BEGIN; DECLARE a CURSOR FOR SELECT 1; DECLARE b CURSOR WITH HOLD FOR SELECT 2; COMMIT",
        )
        .await
        .unwrap();
    assert_eq!(
        code_of(&client.simple_query("FETCH a").await.unwrap_err()),
        "34000"
    );
    assert_eq!(value(&client, "FETCH b").await, "2");
}

#[tokio::test]
async fn idle_cursors_do_not_use_up_an_accounts_turns() {
    let options = rapport::pg::PgOptions {
        statements_per_account: 1,
        ..Default::default()
    };
    let server = TestServer::with(options).await;
    let client = server.client("ann").await;
    client.simple_query("BEGIN").await.unwrap();
    for n in 0..3 {
        let sql = format!("DECLARE c{n} CURSOR FOR SELECT * FROM generate_series(1, 100000)");
        client.simple_query(&sql).await.unwrap();
    }
    assert_eq!(column(&client, "FETCH 2 FROM c0").await.len(), 2);
    assert_eq!(column(&client, "FETCH 2 FROM c2").await.len(), 2);
    assert_eq!(value(&client, "SELECT 1").await, "1");
}

#[rstest]
#[case("BEGIN ISOLATION LEVEL REPEATABLE READ", "repeatable read")]
#[case("BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "serializable")]
#[case(
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "serializable"
)]
#[case("BEGIN ISOLATION LEVEL REPEATABLE READ; COMMIT", "read committed")]
#[tokio::test]
async fn the_isolation_that_was_asked_for_is_shown(#[case] sql: &str, #[case] expected: &str) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    client.batch_execute(sql).await.unwrap();
    assert_eq!(value(&client, "SHOW transaction_isolation").await, expected);
}
