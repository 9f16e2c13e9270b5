//! Bounds of what one message, statement, result or setting may be, and of what a session keeps.

use rstest::rstest;

use crate::support::{TestServer, code_of, error_of, value};

#[tokio::test]
async fn what_a_session_keeps_of_statements_and_values_is_bounded() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.query("BEGIN").await;
    // A name and a parameter of 8 MiB.
    raw.parse("s", "SELECT $1::text").await;
    raw.sync().await;
    assert_eq!(raw.kinds().await, "1Z");
    let value = vec![b'x'; 8 << 20];
    let mut answers = Vec::new();
    for number in 0..10 {
        let mut body = format!("p{number}\0s\0\0\0\0\x01").into_bytes();
        body.extend((value.len() as i32).to_be_bytes());
        body.extend(&value);
        body.extend(b"\0\0");
        raw.send('B', &body).await;
        raw.sync().await;
        let answer = raw.read_to_ready().await.remove(0);
        answers.push((answer.kind, answer.field('C')));
        if answer.kind == 'E' {
            break;
        }
    }
    assert_eq!(answers.last(), Some(&('E', "53400".to_owned())));
    assert!((6..=8).contains(&answers.len()), "{}", answers.len());
    // What is closed makes room.
    raw.query("ROLLBACK").await;
    assert_eq!(raw.query("SELECT 1").await.len(), 4);
}

#[tokio::test]
async fn statements_that_are_prepared_count_with_their_trees() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let list = ",1".repeat(50_000);
    let mut kept = 0;
    let error = loop {
        let sql = format!("PREPARE p{kept} AS SELECT 1 IN (1{list})");
        match client.batch_execute(&sql).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(code_of(&error), "53400");
    assert!((2..10).contains(&kept), "{kept}");
    client.batch_execute("DEALLOCATE ALL").await.unwrap();
    assert_eq!(value(&client, "SELECT 1").await, "1");
}

#[rstest]
#[case::statements("SELECT 1;".repeat(10_001))]
#[case::tokens(format!("SELECT 1 IN (1{})", ",1".repeat(400_000)))]
#[case::bytes(format!("SELECT '{}'", "x".repeat(4 << 20)))]
#[tokio::test]
async fn a_message_of_too_much_is_refused(#[case] sql: String) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let error = client.simple_query(&sql).await.unwrap_err();
    assert_eq!(code_of(&error), "54000");
    let error = client.prepare(&sql).await.unwrap_err();
    assert_eq!(code_of(&error), "54000");
    assert_eq!(value(&client, "SELECT 1").await, "1");
}

#[tokio::test]
async fn a_long_text_is_read_in_both_protocols() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let long = "x".repeat(100_000);
    let sql = format!("SELECT '{long}'");
    assert_eq!(value(&client, &sql).await, long);
    let row = client.query_one(&sql, &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), long);
    let error = client.simple_query(&format!("{sql} FRO M")).await;
    assert_eq!(code_of(&error.unwrap_err()), "42601");
    // It is told of once.
    let told = value(
        &client,
        "SELECT count(*) FROM system.queries WHERE query LIKE 'SELECT ''xx%'",
    )
    .await;
    assert_eq!(told, "3");
}

#[tokio::test]
async fn an_error_that_quotes_a_value_is_short() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    for sql in [
        "SELECT repeat('x', 5000000)::uuid",
        "SELECT repeat('x', 5000000)::int",
        "SELECT repeat('x', 5000000)::interval",
    ] {
        let error = client.simple_query(sql).await.unwrap_err();
        let (code, message) = error_of(&error);
        assert!(message.len() < 5000, "{sql}: {code} {}", message.len());
    }
    let told = value(
        &client,
        "SELECT max(length(error)) FROM system.queries WHERE query LIKE 'SELECT repeat%'",
    )
    .await;
    assert!(told.parse::<usize>().unwrap() < 5000, "{told}");
}

#[tokio::test]
async fn a_result_of_too_many_columns_is_refused() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    for (columns, expected) in [(1664, None), (1665, Some("54011"))] {
        let list: Vec<String> = (0..columns).map(|at| format!("{at} AS c{at}")).collect();
        let result = client
            .simple_query(&format!("SELECT {}", list.join(",")))
            .await;
        assert_eq!(
            result.err().map(|error| code_of(&error)).as_deref(),
            expected
        );
    }
}

#[tokio::test]
async fn a_value_of_a_setting_has_its_bounds() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let long = "x".repeat(16 * 1024);
    for sql in [
        format!("SET my.setting = '{long}'"),
        format!("SELECT set_config('my.setting', '{long}', false)"),
    ] {
        client.batch_execute(&sql).await.unwrap();
        let longer = sql.replace("xxxx", "xxxxx");
        let error = client.batch_execute(&longer).await.unwrap_err();
        let (code, message) = error_of(&error);
        assert_eq!(code, "22023");
        assert!(message.contains("my.setting"), "{message}");
    }
    let name = format!("SET \"my.{long}\" = 1");
    let error = client.batch_execute(&name).await.unwrap_err();
    assert_eq!(code_of(&error), "22023");
}
