//! Cancel, time, numbers of connections and statements, memory, shutdown.

use std::time::{Duration, Instant};

use rapport::pg::PgOptions;
use rstest::rstest;
use tokio_postgres::NoTls;

use crate::support::raw::{self, Raw};
use crate::support::{PASSWORD, TestServer, code_of, connect, error_of, value};

/// Runs for minutes, and yields.
const ENDLESS: &str =
    "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 10000000) b";

/// Sends rows for ever.
const ENDLESS_ROWS: &str = "SELECT * FROM generate_series(1, 1000000000000)";

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_a_running_statement_and_leaves_the_connection() {
    let server = TestServer::start().await;
    for sql in [ENDLESS, ENDLESS_ROWS] {
        let client = server.client("ann").await;
        let token = client.cancel_token();
        let running = client.simple_query(sql);
        tokio::pin!(running);
        // Until it runs, a cancel is for nothing: ask again and again.
        let mut asking = tokio::time::interval(Duration::from_millis(50));
        let error = loop {
            tokio::select! {
                result = &mut running => break result.unwrap_err(),
                _ = asking.tick() => token.cancel_query(NoTls).await.unwrap(),
            }
        };
        assert_eq!(code_of(&error), "57014");
        assert_eq!(value(&client, "SELECT 1").await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_with_a_foreign_key_stops_nothing() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    let (pid, key) = raw.key.clone();
    raw.query("SET statement_timeout = 1000").await;
    raw.send('Q', &[ENDLESS.as_bytes(), b"\0"].concat()).await;
    let wrong: Vec<u8> = key.iter().map(|byte| byte ^ 1).collect();
    for (pid, key) in [(pid, wrong.as_slice()), (pid ^ 1, &key), (pid, b"")] {
        let mut other = Raw::connect(server.address).await;
        other.send_bytes(&raw::cancel(pid, key)).await;
        assert_eq!(other.read_to_end().await, vec![]);
    }
    let messages = raw.read_to_ready().await;
    let error = messages.iter().find(|message| message.kind == 'E');
    assert_eq!(
        error.unwrap().field('M'),
        "canceling statement due to statement timeout"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statements_time_covers_its_execution() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    client
        .simple_query("SET statement_timeout = '300ms'")
        .await
        .unwrap();
    for sql in [ENDLESS, ENDLESS_ROWS] {
        let start = Instant::now();
        let error = client.simple_query(sql).await.unwrap_err();
        assert_eq!(
            error_of(&error),
            (
                "57014".into(),
                "canceling statement due to statement timeout".into()
            )
        );
        assert!(start.elapsed() >= Duration::from_millis(300));
    }
    // In the extended protocol as well.
    assert_eq!(
        code_of(&client.query(ENDLESS, &[]).await.unwrap_err()),
        "57014"
    );
    assert_eq!(value(&client, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_served_while_all_query_threads_are_busy() {
    let options = PgOptions {
        query_threads: 1,
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let busy = server.client("ann").await;
    let token = busy.cancel_token();
    let running = tokio::spawn(async move { busy.simple_query(ENDLESS).await.map(drop) });
    // Neither needs the query threads: a login does, for its session, and gets its share of them.
    let client = server.client("bob").await;
    assert_eq!(value(&client, "SHOW timezone").await, "America/New_York");
    while !running.is_finished() {
        token.cancel_query(NoTls).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(code_of(&running.await.unwrap().unwrap_err()), "57014");
}

#[tokio::test]
async fn one_connection_too_many_is_refused_and_cancels_still_count() {
    let options = PgOptions {
        max_connections: 2,
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let first = server.client("ann").await;
    let second = server.client("bob").await;
    let error = connect(&server.config("ann")).await.err().unwrap();
    assert_eq!(code_of(&error), "53300");
    first.cancel_token().cancel_query(NoTls).await.unwrap();
    drop(second);
    // The place is free once the server has seen the end.
    while connect(&server.config("ann")).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_runs_so_many_statements_at_a_time_and_another_is_not_kept_waiting() {
    let options = PgOptions {
        statements_per_account: 1,
        queue_timeout: Duration::from_millis(100),
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let busy = server.client("ann").await;
    let token = busy.cancel_token();
    let running = tokio::spawn(async move { busy.simple_query(ENDLESS).await.map(drop) });
    let client = server.client("ann").await;
    let error = loop {
        // Until the other one runs there is a turn for this one.
        match client.simple_query("SELECT 1").await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(code_of(&error), "53400");
    assert_eq!(value(&server.client("bob").await, "SELECT 1").await, "1");
    assert_eq!(value(&client, "SHOW timezone").await, "UTC");
    token.cancel_query(NoTls).await.unwrap();
    assert_eq!(code_of(&running.await.unwrap().unwrap_err()), "57014");
    while client.simple_query("SELECT 1").await.is_err() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_nothing_running() {
    let options = PgOptions {
        max_connections: 1,
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    for sql in [ENDLESS, ENDLESS_ROWS, ENDLESS] {
        // The only place is free again once the task of who had it has ended.
        let mut raw = loop {
            let mut raw = Raw::connect(server.address).await;
            if raw.authenticate("ann", PASSWORD).await.kind == 'R' {
                break raw;
            }
            tokio::task::yield_now().await;
        };
        raw.read_to_ready().await;
        raw.send('Q', &[sql.as_bytes(), b"\0"].concat()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_back_its_own_query_and_is_dropped_in_the_end() {
    let options = PgOptions {
        max_connections: 1,
        write_timeout: Duration::from_millis(300),
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let mut raw = server.raw("ann").await;
    raw.send('Q', &[ENDLESS_ROWS.as_bytes(), b"\0"].concat())
        .await;
    // It reads nothing.
    while connect(&server.config("bob")).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_sessions_end_when_their_settings_say_so() {
    let server = TestServer::start().await;
    for (sql, code) in [
        ("SET idle_session_timeout = 100", "57P05"),
        (
            "SET idle_in_transaction_session_timeout = 100; BEGIN",
            "25P03",
        ),
    ] {
        let mut raw = server.raw("ann").await;
        raw.query(sql).await;
        let last = raw.read_to_end().await;
        assert_eq!(
            (last[0].field('S'), last[0].field('C')),
            ("FATAL".into(), code.into())
        );
    }
}

#[tokio::test]
async fn who_does_not_log_in_in_time_is_dropped() {
    let options = PgOptions {
        login_timeout: Duration::from_millis(100),
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let mut silent = Raw::connect(server.address).await;
    assert_eq!(silent.read_to_end().await.len(), 1);
    let mut half = Raw::connect(server.address).await;
    half.send_startup(&[("user", "ann")]).await;
    assert_eq!(half.read_to_end().await.last().unwrap().field('S'), "FATAL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_lets_statements_end_and_then_ends_them() {
    let options = PgOptions {
        shutdown_grace: Duration::from_secs(2),
        ..PgOptions::default()
    };
    let mut server = TestServer::with(options).await;
    let mut idle = server.raw("ann").await;
    let mut short = server.raw("ann").await;
    let mut long = server.raw("bob").await;
    short
        .send('Q', b"SELECT count(*) FROM generate_series(1, 300000)\0")
        .await;
    long.send('Q', &[ENDLESS.as_bytes(), b"\0"].concat()).await;
    // Both run once they have a turn, which this waits for.
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop.take();
    assert_eq!(idle.read_to_end().await[0].field('C'), "57P01");
    let kinds: String = short
        .read_to_end()
        .await
        .iter()
        .map(|message| message.kind)
        .collect();
    assert!(kinds == "TDCZE" || kinds == "E", "{kinds}");
    assert_eq!(long.read_to_end().await.last().unwrap().field('C'), "57P01");
    (&mut server.task).await.unwrap();
    assert!(connect(&server.config("ann")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_streamed_in_both_protocols() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    let before = resident_memory();
    let sql = "SELECT a, 'some text to make the row a little longer' FROM generate_series(1, 2000000) t(a)";
    for extended in [false, true] {
        if extended {
            raw.parse("", sql).await;
            raw.bind("", "").await;
            raw.execute("", 0).await;
            raw.sync().await;
        } else {
            raw.send('Q', &[sql.as_bytes(), b"\0"].concat()).await;
        }
        let mut rows = 0;
        loop {
            let message = raw.read().await.unwrap();
            match message.kind {
                'D' => rows += 1,
                'Z' => break,
                _ => {}
            }
        }
        assert_eq!(rows, 2_000_000);
    }
    let grown = resident_memory().saturating_sub(before);
    // Where tests share a process, others grow it too.
    if std::env::var_os("NEXTEST").is_some() {
        assert!(grown < 64 << 20, "{} MiB", grown >> 20);
    }
}

fn resident_memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[rstest]
#[case::nested_loop(
    "SELECT count(*) FROM generate_series(1, 300000) a(x) JOIN generate_series(1, 300000) b(x) ON a.x * b.x = -1"
)]
#[case::hash(
    "SELECT count(*) FROM generate_series(1, 300000) a(x) JOIN generate_series(1, 300000) b(x) ON a.x % 1 = b.x % 1 AND a.x * b.x = -1"
)]
#[case::explained(
    "EXPLAIN ANALYZE SELECT 1 FROM generate_series(1, 300000) a(x) JOIN generate_series(1, 300000) b(x) ON a.x * b.x = -1"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_finds_nothing_leaves_its_threads_when_it_is_cancelled(#[case] sql: &str) {
    let options = PgOptions {
        query_threads: 1,
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let client = server.client("ann").await;
    client
        .batch_execute("SET statement_timeout = '500ms'")
        .await
        .unwrap();
    let error = client.simple_query(sql).await.unwrap_err();
    assert_eq!(code_of(&error), "57014");
    // A cancel counts at once; what counts here is when the threads are free.
    client
        .batch_execute("SET statement_timeout = 0")
        .await
        .unwrap();
    let start = Instant::now();
    let soon = tokio::time::timeout(Duration::from_secs(10), value(&client, "SELECT 1")).await;
    assert_eq!(soon.as_deref(), Ok("1"), "after {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_sends_and_keeps_is_of_its_accounts_memory() {
    let options = PgOptions {
        account_memory: 2 << 20,
        session_memory: 2 << 20,
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let bob = server.client("bob").await;
    // A message is refused before it is gathered; there is no telling what would come after it.
    let mut raw = Raw::connect(server.address).await;
    raw.authenticate("ann", PASSWORD).await;
    raw.read_to_ready().await;
    raw.send_bytes(&[b'Q', 0, 0x40, 0, 0]).await;
    let refused = raw.read_to_ready().await;
    let codes: Vec<_> = refused
        .iter()
        .map(|m| (m.field('S'), m.field('C')))
        .collect();
    assert_eq!(codes, [("FATAL".to_owned(), "53200".to_owned())]);
    // What is kept by name stays, and what is let go of makes room.
    let ann = server.client("ann").await;
    let words = vec!["'word'"; 5_000].join(", ");
    let mut kept = 0;
    let error = loop {
        let prepare = format!("PREPARE p{kept} AS SELECT 'x' IN ({words})");
        match ann.simple_query(&prepare).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(code_of(&error), "53200");
    assert!(kept > 0);
    ann.simple_query("DEALLOCATE ALL").await.unwrap();
    let again = format!("PREPARE p AS SELECT 'x' IN ({words})");
    ann.simple_query(&again).await.unwrap();
    assert_eq!(value(&bob, "SELECT 1").await, "1");
}

/// `first` and what comes after it so many times.
fn chain(first: &str, then: &str, times: usize) -> String {
    format!("SELECT {first}{}", then.repeat(times))
}

#[rstest]
#[case(chain("1", " + 1", 1400), "1401")]
#[case(chain("0", " - 1::int2", 700), "-700")]
#[case(chain("1", " * 1::int8", 700), "1")]
#[case(chain("'a'", " || 1", 699), format!("a{}", "1".repeat(699)))]
#[case(chain("1.5", " + 0.5", 200), "101.5")]
#[case(chain("3.0", " / 2.0", 3), "0.37500000000000000000")]
#[case(chain("100", " / 2", 3), "12")]
#[case(chain("100", " % 7", 3), "2")]
#[case(chain("1 = 1", " AND 2 = 2", 600), "t")]
#[case(
    chain("timestamp '2026-01-01'", " + interval '1 day'", 100),
    "2026-04-11 00:00:00"
)]
#[case(chain("1", "::int8", 50), "1")]
#[tokio::test(flavor = "multi_thread")]
async fn a_long_chain_of_operators_is_answered(
    #[case] sql: String,
    #[case] expected: impl Into<String>,
) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    assert_eq!(value(&client, &sql).await, expected.into());
}

#[rstest]
#[case::each_step_has_its_own_type("SELECT 2147483647 + 1 + 1::int8", "22003")]
#[case::and_in_its_order("SELECT 1::int8 + 2147483647 + 1", "")]
#[case::a_null_comes_too_late("SELECT 2147483647 + 1 + NULL::int", "22003")]
#[case::calls_in_one_another(chain("1.0", " / 1.0", 400), "54001")]
#[case::of_two_kinds(chain("1", " - 1 + 1", 200), "54001")]
#[case::casts_in_one_another(chain("1", "::text::int", 200), "54001")]
#[case::calls_around_many_operators(
    chain("(1.5", " + 1.5", 500) + ")" + &" / 2".repeat(10),
    "54001"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_has_the_errors_of_its_steps_and_an_end(
    #[case] sql: impl Into<String>,
    #[case] code: &str,
) {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    let outcome = client.simple_query(&sql.into()).await;
    let found = outcome.err().map(|error| code_of(&error));
    assert_eq!(found.unwrap_or_default(), code);
}
