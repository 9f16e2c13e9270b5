//! Cursors and portals where clients use them otherwise than one after the other.

use rstest::rstest;

use crate::support::{TestServer, code_of, column, error_of, value};

#[tokio::test]
async fn a_cursor_is_declared_with_parameters() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    client.batch_execute("BEGIN").await.unwrap();
    let declare = "DECLARE c CURSOR FOR SELECT order_id FROM orders WHERE order_id > $1 ORDER BY 1";
    client.execute(declare, &[&"o1"]).await.unwrap();
    let found = column(&client, "FETCH ALL FROM c").await;
    assert_eq!(found, [Some("o2".to_owned()), Some("o3".to_owned())]);
}

#[tokio::test]
async fn move_goes_on_in_a_portal_that_nothing_has_executed() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.query("BEGIN").await;
    raw.parse("s", "SELECT order_id FROM orders ORDER BY 1")
        .await;
    raw.bind("p", "s").await;
    raw.sync().await;
    assert_eq!(raw.kinds().await, "12Z");
    let moved = raw.query("MOVE FORWARD 1 FROM p").await;
    assert_eq!(moved[0].tag(), "MOVE 1");
    raw.execute("p", 1).await;
    raw.sync().await;
    let messages = raw.read_to_ready().await;
    assert_eq!(messages[0].values(), [Some(b"o2".to_vec())]);
}

#[rstest]
#[case("ROLLBACK", false)]
#[case("COMMIT", true)]
#[tokio::test]
async fn a_cursor_with_hold_outlives_a_transaction_that_ends_well(
    #[case] end: &str,
    #[case] outlives: bool,
) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let declare = "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1";
    client.batch_execute(declare).await.unwrap();
    client.batch_execute(end).await.unwrap();
    match client.batch_execute("FETCH 1 FROM c").await {
        Ok(()) => assert!(outlives),
        Err(error) => assert_eq!((outlives, code_of(&error).as_str()), (false, "34000")),
    }
}

#[tokio::test]
async fn a_cursor_goes_with_the_savepoint_that_it_was_made_after() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql = "BEGIN; DECLARE a CURSOR FOR SELECT 1; SAVEPOINT s; DECLARE b CURSOR FOR SELECT 2; ROLLBACK TO s";
    client.batch_execute(sql).await.unwrap();
    assert_eq!(value(&client, "FETCH 1 FROM a").await, "1");
    let gone = client.batch_execute("FETCH 1 FROM b").await.unwrap_err();
    assert_eq!(code_of(&gone), "34000");
}

#[tokio::test]
async fn a_cursor_that_has_failed_cannot_be_run_again() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql = "BEGIN; DECLARE c CURSOR FOR SELECT 1 / (2 - x) FROM generate_series(1, 5) t(x); SAVEPOINT s";
    client.batch_execute(sql).await.unwrap();
    let failed = client.batch_execute("FETCH ALL FROM c").await.unwrap_err();
    assert_eq!(code_of(&failed), "22012");
    client.batch_execute("ROLLBACK TO s").await.unwrap();
    let again = client.batch_execute("FETCH ALL FROM c").await.unwrap_err();
    assert_eq!(
        error_of(&again),
        ("55000".into(), "portal \"c\" cannot be run".into())
    );
}

#[tokio::test]
async fn a_portal_that_has_failed_cannot_be_run_again() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.query("BEGIN").await;
    raw.parse("", "SELECT 1 / (2 - x) FROM generate_series(1, 5) t(x)")
        .await;
    raw.bind("p", "").await;
    raw.sync().await;
    assert_eq!(raw.kinds().await, "12Z");
    raw.query("SAVEPOINT s").await;
    for code in ["22012", "55000"] {
        raw.execute("p", 0).await;
        raw.sync().await;
        let messages = raw.read_to_ready().await;
        let error = messages.iter().find(|message| message.kind == 'E');
        assert_eq!(error.expect("an error").field('C'), code);
        raw.query("ROLLBACK TO s").await;
    }
}

#[tokio::test]
async fn a_cursor_of_the_same_name_as_one_before_a_savepoint_goes_with_it() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let sql = "BEGIN; DECLARE c CURSOR FOR SELECT 1; SAVEPOINT s; CLOSE c; DECLARE c CURSOR FOR SELECT 2; ROLLBACK TO s";
    client.batch_execute(sql).await.unwrap();
    let gone = client.batch_execute("FETCH 1 FROM c").await.unwrap_err();
    assert_eq!(code_of(&gone), "34000");
}

/// Rows of a cursor are encoded as they are fetched, however large they are.
#[rstest]
#[case(
    "SELECT repeat('x', 200000), x FROM generate_series(1, 100) t(x) ORDER BY x",
    100
)]
#[case("SELECT 'x', x FROM generate_series(1, 10000) t(x) ORDER BY x", 10000)]
#[case(
    "SELECT repeat('x', CAST(x AS int) * 1000), x FROM generate_series(1, 500) t(x) ORDER BY x",
    500
)]
#[tokio::test]
async fn all_rows_of_a_cursor_come(#[case] sql: &str, #[case] rows: usize) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let declare = format!("BEGIN; DECLARE c CURSOR FOR {sql}");
    client.batch_execute(&declare).await.unwrap();
    let mut fetched = crate::support::rows(&client, "FETCH 7 FROM c").await;
    fetched.extend(crate::support::rows(&client, "FETCH ALL FROM c").await);
    let numbers: Vec<usize> = fetched
        .iter()
        .map(|row| row[1].as_ref().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (1..=rows).collect::<Vec<_>>());
}
