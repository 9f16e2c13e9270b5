//! Plans that a connection keeps: a statement that comes again is answered by the clock, the settings and the lake of its
//! own time, by both protocols.

use rstest::rstest;
use tempfile::TempDir;
use tokio_postgres::{Client, Config};

use crate::program::{Program, Served};
use crate::support::{PASSWORD, TestServer, code_of, connect, value};

/// The value of a statement that is prepared once, by both protocols; they must agree.
struct Repeated<'a> {
    client: &'a Client,
    text: &'a str,
    prepared: tokio_postgres::Statement,
}

impl<'a> Repeated<'a> {
    async fn new(client: &'a Client, text: &'a str) -> Repeated<'a> {
        let prepared = client.prepare(text).await.unwrap();
        Repeated {
            client,
            text,
            prepared,
        }
    }

    async fn value(&self) -> String {
        let row = self.client.query_one(&self.prepared, &[]).await.unwrap();
        let prepared: String = row.get(0);
        assert_eq!(
            prepared,
            value(self.client, self.text).await,
            "{}",
            self.text
        );
        prepared
    }
}

#[tokio::test]
async fn a_kept_plan_reads_the_clock_of_each_execution() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let text = "SELECT clock_timestamp()::text, now()::text";
    let prepared = client.prepare(text).await.unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let row = client.query_one(&prepared, &[]).await.unwrap();
        seen.insert(row.get::<_, String>(1));
        seen.insert(value(&client, "SELECT now()::text").await);
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

#[tokio::test]
async fn an_argument_of_a_table_function_is_evaluated_at_each_execution() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let text = "SELECT x::text FROM generate_series(now(), now(), interval '1 day') t(x)";
    let prepared = client.prepare(text).await.unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let row = client.query_one(&prepared, &[]).await.unwrap();
        seen.insert(row.get::<_, String>(0));
        seen.insert(value(&client, text).await);
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[rstest]
#[case(
    "SELECT (timestamptz '2026-01-01 02:00:00+00')::date::text",
    "SET timezone = 'America/New_York'",
    ("2026-01-01", "2025-12-31")
)]
#[case("SELECT current_setting('application_name')", "SET application_name = 'b'", ("", "b"))]
#[tokio::test]
async fn a_kept_plan_follows_the_settings(
    #[case] text: &str,
    #[case] set: &str,
    #[case] (before, after): (&str, &str),
) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    client
        .batch_execute("SET application_name = ''")
        .await
        .unwrap();
    let repeated = Repeated::new(&client, text).await;
    for _ in 0..2 {
        client.batch_execute("BEGIN").await.unwrap();
        assert_eq!(repeated.value().await, before);
        client.batch_execute(set).await.unwrap();
        assert_eq!(repeated.value().await, after);
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(repeated.value().await, before);
}

#[tokio::test]
async fn a_name_is_looked_up_again_when_the_search_path_changes() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let text = "SELECT count(*) FROM orders";
    for _ in 0..2 {
        assert_eq!(value(&client, text).await, "3");
        client
            .batch_execute("SET search_path = pg_catalog")
            .await
            .unwrap();
        let error = client.simple_query(text).await.unwrap_err();
        assert_eq!(code_of(&error), "42P01");
        client.batch_execute("RESET search_path").await.unwrap();
    }
}

#[tokio::test]
async fn a_number_is_compared_with_all_its_digits_at_each_execution() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.parse("by_value", "SELECT order_id FROM orders WHERE value = $1")
        .await;
    for (value, rows) in [("12.34", 1), ("12.34004", 0), ("12.34", 1), ("12.340", 1)] {
        let mut bind = b"\0by_value\0\0\0\0\x01".to_vec();
        bind.extend((value.len() as i32).to_be_bytes());
        bind.extend(value.as_bytes());
        bind.extend(b"\0\0");
        raw.send('B', &bind).await;
        raw.execute("", 0).await;
        raw.sync().await;
        let messages = raw.read_to_ready().await;
        let found = messages.iter().filter(|message| message.kind == 'D');
        assert_eq!(found.count(), rows, "{value}: {messages:?}");
    }
}

/// A shop of one conversation in a lake, and a server that derives as events land.
fn shop() -> (TempDir, Program, Served) {
    let folder = tempfile::tempdir().unwrap();
    let now = "2026-01-10T02:00:00Z".parse().unwrap();
    let program = Program::new(&folder.path().join("lake")).now(now);
    let account = r#"{"account_id": "acme", "timezone": "UTC"}"#;
    program.ok_with_input(&["accounts", "put", "-"], account);
    program.ok_with_input(&["land", "-"], &started("c1"));
    program.ok(&["derive"]);
    let add = [
        "users",
        "add",
        "ann",
        "--role",
        "owner",
        "--account",
        "acme",
        "--password-stdin",
    ];
    program.ok_with_input(&add, PASSWORD);
    let served = program.serve();
    (folder, program, served)
}

fn started(conversation: &str) -> String {
    format!(
        r#"{{"event_id": "e-{conversation}", "account_id": "acme", "occurred_at": "2026-01-10T01:00:00Z", "type": "conversation_started", "conversation_id": "{conversation}", "channel": "sms"}}"#
    )
}

async fn client_of(served: &Served) -> Client {
    let mut config = Config::new();
    config.host("127.0.0.1").port(served.pg.port());
    config.user("ann").password(PASSWORD).dbname("rapport");
    connect(&config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_plan_sees_what_has_landed_since() {
    let (_folder, program, served) = shop();
    let client = client_of(&served).await;
    let text = "SELECT count(*)::text FROM conversations";
    let repeated = Repeated::new(&client, text).await;
    assert_eq!(repeated.value().await, "1");
    program.ok_with_input(&["land", "-"], &started("c2"));
    while value(&client, text).await != "2" {
        tokio::task::yield_now().await;
    }
    assert_eq!(repeated.value().await, "2");
}

/// SPEC T2: the days of a shop are those of its zone, and so are the defaults of its saved queries.
#[tokio::test(flavor = "multi_thread")]
async fn a_kept_plan_counts_days_in_the_account_s_zone_of_now() {
    let (_folder, program, served) = shop();
    let client = client_of(&served).await;
    let today = "SELECT current_date::text";
    let last_day = "SELECT max(date)::text FROM daily_series()";
    for text in [today, last_day] {
        assert_eq!(value(&client, text).await, "2026-01-10", "{text}");
    }
    let account = r#"{"account_id": "acme", "timezone": "America/New_York"}"#;
    program.ok_with_input(&["accounts", "put", "-"], account);
    while value(&client, today).await != "2026-01-09" {
        tokio::task::yield_now().await;
    }
    assert_eq!(value(&client, last_day).await, "2026-01-09");
}
