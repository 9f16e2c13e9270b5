//! The protocol under abuse: malformed, truncated, huge and misplaced messages.

use rstest::rstest;

use crate::support::raw::{self, Raw};
use crate::support::{TestServer, value};

#[rstest]
#[case::truncated_query('Q', b"SELECT 1")]
#[case::bind_without_anything('B', b"")]
#[case::bind_of_many('B', b"\0\0\0\0\xff\xff")]
#[case::bind_of_a_negative_length('B', b"\0\0\0\0\0\x01\xff\xff\xff\x00\0\0")]
#[case::bind_of_an_unknown_format('B', b"\0\0\0\x01\0\x07\0\0\0\0")]
#[case::parse_of_many_types('P', b"\0SELECT 1\0\xff\xff")]
#[case::describe_of_nothing('D', b"X\0")]
#[case::execute_without_rows('E', b"\0")]
#[case::bytes_left_over('S', b"x")]
#[case::no_utf8('Q', b"SELECT '\xff'\0")]
#[tokio::test]
async fn a_malformed_message_is_an_error_and_no_more(#[case] kind: char, #[case] body: &[u8]) {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.send(kind, body).await;
    if kind != 'Q' {
        raw.sync().await;
    }
    let messages = raw.read_to_ready().await;
    let error = messages
        .iter()
        .find(|message| message.kind == 'E')
        .expect("an error");
    assert_eq!(error.field('S'), "ERROR");
    assert!(
        ["08P01", "22021", "22023"].contains(&error.field('C').as_str()),
        "{}",
        error.field('C')
    );
    assert_eq!(raw.query("SELECT 1").await.len(), 4);
}

#[rstest]
#[case::of_no_type(b"\x00\0\0\0\x04")]
#[case::of_negative_length(b"Q\xff\xff\xff\xff")]
#[case::of_length_zero(b"Q\0\0\0\0")]
#[case::of_two_gibibytes(b"Q\x7f\xff\xff\xff")]
#[tokio::test]
async fn what_can_be_no_message_ends_the_connection_alone(#[case] bytes: &[u8]) {
    let server = TestServer::start().await;
    let other = server.client("bob").await;
    let mut raw = server.raw("ann").await;
    raw.send_bytes(bytes).await;
    let messages = raw.read_to_end().await;
    let error = messages.last().expect("an error");
    assert_eq!(
        (error.field('S'), error.field('C')),
        ("FATAL".into(), "08P01".into())
    );
    assert_eq!(value(&other, "SELECT 1").await, "1");
}

#[rstest]
#[case::huge(b"\x7f\xff\xff\xff\0\x03\0\0")]
#[case::negative(b"\xff\xff\xff\xff\0\x03\0\0")]
#[case::too_short(b"\0\0\0\x04")]
#[case::not_ended(b"\0\0\0\x0d\0\x03\0\0user\0")]
#[tokio::test]
async fn a_startup_message_that_can_be_none_is_fatal(#[case] bytes: &[u8]) {
    let server = TestServer::start().await;
    let mut raw = Raw::connect(server.address).await;
    raw.send_bytes(bytes).await;
    let messages = raw.read_to_end().await;
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (messages[0].field('S'), messages[0].field('C')),
        ("FATAL".into(), "08P01".into())
    );
}

#[tokio::test]
async fn who_has_not_logged_in_cannot_make_the_server_hold_a_large_message() {
    let server = TestServer::start().await;
    let mut raw = Raw::connect(server.address).await;
    raw.send_startup(&[("user", "ann")]).await;
    raw.read().await.unwrap();
    raw.send_bytes(b"p\0\x01\0\0").await;
    let error = raw.read_to_end().await;
    assert_eq!(error.last().unwrap().field('C'), "08P01");
}

#[rstest]
#[case(i32::MAX)]
#[case(i32::MIN)]
#[case(-1)]
#[case(0)]
#[tokio::test]
async fn any_number_of_rows_may_be_asked_for(#[case] max_rows: i32) {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.parse("", "SELECT * FROM generate_series(1, 3)").await;
    raw.bind("", "").await;
    raw.execute("", max_rows).await;
    raw.sync().await;
    assert_eq!(raw.kinds().await, "12DDDCZ");
}

#[tokio::test]
async fn a_portal_gives_its_rows_in_parts() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.query("BEGIN").await;
    raw.parse("s", "SELECT * FROM generate_series(1, 5)").await;
    raw.bind("p", "s").await;
    raw.execute("p", 2).await;
    raw.sync().await;
    assert_eq!(raw.kinds().await, "12DDsZ");
    raw.execute("p", 2).await;
    raw.execute("p", 2).await;
    raw.execute("p", 2).await;
    raw.sync().await;
    let messages = raw.read_to_ready().await;
    let kinds: String = messages.iter().map(|message| message.kind).collect();
    assert_eq!(kinds, "DDsDCCZ");
    assert_eq!(messages[4].tag(), "SELECT 1");
    assert_eq!(messages[5].tag(), "SELECT 0");
}

#[tokio::test]
async fn a_portal_ends_with_its_transaction() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.parse("s", "SELECT 1").await;
    raw.bind("p", "s").await;
    raw.sync().await;
    assert_eq!(raw.kinds().await, "12Z");
    raw.execute("p", 0).await;
    raw.sync().await;
    let messages = raw.read_to_ready().await;
    assert_eq!(messages[0].field('C'), "34000");
}

#[tokio::test]
async fn after_an_error_messages_are_skipped_to_the_next_sync() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.parse("", "SELECT nothing FROM nowhere").await;
    raw.bind("", "").await;
    raw.execute("", 0).await;
    raw.sync().await;
    assert_eq!(raw.kinds().await, "EZ");
    raw.parse("", "SELECT 1").await;
    raw.bind("", "").await;
    raw.send('D', b"P\0").await;
    raw.execute("", 0).await;
    raw.sync().await;
    assert_eq!(raw.kinds().await, "12TDCZ");
}

#[rstest]
#[case::parse('P', b"\0SELECT 1")]
#[case::query('Q', b"SELECT 1")]
#[case::bind('B', b"\0")]
#[case::function_call('F', b"")]
#[case::password('p', b"")]
#[tokio::test]
async fn what_is_skipped_is_not_read(#[case] kind: char, #[case] body: &[u8]) {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.parse("", "SELECT nothing FROM nowhere").await;
    raw.send(kind, body).await;
    raw.send(kind, body).await;
    raw.sync().await;
    assert_eq!(raw.kinds().await, "EZ");
    assert_eq!(raw.query("SELECT 1").await.len(), 4);
}

#[tokio::test]
async fn a_type_that_there_is_not_ends_the_connection_while_skipping_too() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.parse("", "SELECT nothing FROM nowhere").await;
    raw.send('\u{1}', b"").await;
    let last = raw.read_to_end().await.pop().expect("an error");
    assert_eq!(
        (last.field('S'), last.field('C')),
        ("FATAL".into(), "08P01".into())
    );
}

#[tokio::test]
async fn any_number_of_malformed_messages_is_answered() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    let malformed = raw::message('Q', b"SELECT 1").repeat(1000);
    for _ in 0..100 {
        raw.send_bytes(&malformed).await;
        for _ in 0..1000 {
            assert_eq!(raw.kinds().await, "EZ");
        }
    }
    assert_eq!(raw.query("SELECT 1").await.len(), 4);
}

#[tokio::test]
async fn nothing_is_answered_before_a_flush_or_sync_and_a_flush_does_not_end_the_group() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.parse("", "SELECT 1").await;
    raw.send('H', b"").await;
    assert_eq!(raw.read().await.unwrap().kind, '1');
    raw.bind("", "").await;
    raw.execute("", 0).await;
    raw.sync().await;
    assert_eq!(raw.kinds().await, "2DCZ");
}

#[rstest]
#[case("", "IZ")]
#[case(" ; ;; -- nothing", "IZ")]
#[case("SELECT 1; SELECT 2", "TDCTDCZ")]
#[case("SELECT 1; SELECT nothing; SELECT 3", "TDCEZ")]
#[case("SELECT 1; SELEC 2", "EZ")]
#[tokio::test]
async fn a_simple_query_is_answered_statement_by_statement(#[case] sql: &str, #[case] kinds: &str) {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    let messages = raw.query(sql).await;
    assert_eq!(
        messages
            .iter()
            .map(|message| message.kind)
            .collect::<String>(),
        kinds
    );
}

#[tokio::test]
async fn an_empty_statement_can_be_prepared() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.parse("", "").await;
    raw.bind("", "").await;
    raw.send('D', b"P\0").await;
    raw.execute("", 0).await;
    raw.sync().await;
    assert_eq!(raw.kinds().await, "12nIZ");
}

#[rstest]
#[case::copy('d', b"data", "Z")]
#[case::password('p', b"secret", "E")]
#[case::function_call('F', b"\0\0\0\0", "EZZ")]
#[tokio::test]
async fn messages_out_of_place(#[case] kind: char, #[case] body: &[u8], #[case] expected: &str) {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.send(kind, body).await;
    raw.sync().await;
    raw.send('X', b"").await;
    let kinds: String = raw
        .read_to_end()
        .await
        .iter()
        .map(|message| message.kind)
        .collect();
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn random_bytes_never_take_the_server_down() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;

    let server = TestServer::start().await;
    let mut runner = TestRunner::deterministic();
    let bytes = proptest::collection::vec(proptest::num::u8::ANY, 0..200);
    for round in 0..60 {
        let noise = bytes.new_tree(&mut runner).unwrap().current();
        let mut raw = if round % 2 == 0 {
            Raw::connect(server.address).await
        } else {
            server.raw("ann").await
        };
        raw.send_bytes(&noise).await;
        // A message of a kind that there is, with a body of noise.
        let kind = b"QPBDECHSpF"[round % 10];
        raw.send(char::from(kind), &noise).await;
        raw.send('X', b"").await;
    }
    assert_eq!(value(&server.client("ann").await, "SELECT 1").await, "1");
}

#[tokio::test]
async fn deep_and_long_statements_are_refused_or_answered_and_never_fatal() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let parentheses = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    let sum = format!("SELECT 1{}", "+1".repeat(20_000));
    let either = format!(
        "SELECT 1 FROM orders WHERE messages = 0{}",
        " OR messages = 1".repeat(5000)
    );
    let nots = format!("SELECT {} true", "NOT ".repeat(5000));
    let list = format!(
        "SELECT count(*) FROM orders WHERE messages IN (0{})",
        ",1".repeat(50_000)
    );
    let union = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(2000));
    for sql in [parentheses, sum, either, nots, list, union] {
        // Whatever it answers, it answers.
        let result = client.simple_query(&sql).await;
        if let Err(error) = result {
            assert!(error.as_db_error().is_some(), "{}…: {error:?}", &sql[..40]);
        }
    }
    assert_eq!(value(&client, "SELECT 1").await, "1");
}
