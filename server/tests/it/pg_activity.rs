//! `system.queries`, `system.sessions` and what follows from memory's shares: seen, and kept within bounds.

use rapport::pg::PgOptions;
use tokio_postgres::Client;

use crate::support::{MUCH_MEMORY, TestServer, code_of, column, rows, value};

async fn of(client: &Client, sql: &str) -> String {
    value(client, sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn users_see_their_own_statements_and_operators_all() {
    let server = TestServer::start().await;
    let (ann, bob, ops) = (
        server.client("ann").await,
        server.client("bob").await,
        server.client("ops").await,
    );
    of(&ann, "SELECT 'of ann'").await;
    of(&bob, "SELECT 'of bob'").await;
    let seen = "SELECT query FROM system.queries WHERE query LIKE 'SELECT ''of%' ORDER BY 1";
    let texts = |names: &[&str]| -> Vec<Option<String>> {
        names
            .iter()
            .map(|name| Some(format!("SELECT 'of {name}'")))
            .collect()
    };
    assert_eq!(column(&ann, seen).await, texts(&["ann"]));
    assert_eq!(column(&bob, seen).await, texts(&["bob"]));
    assert_eq!(column(&ops, seen).await, texts(&["ann", "bob"]));
    let who = "SELECT DISTINCT user_name FROM system.queries UNION SELECT user_name FROM system.sessions \
               UNION SELECT usename FROM pg_stat_activity ORDER BY 1";
    assert_eq!(column(&ann, who).await, [Some("ann".to_owned())]);
    assert_eq!(column(&ops, who).await.len(), 3);
}

/// A count over all accounts would tell an account how much others do.
#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_numbers_tell_nothing_of_others() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.client("ann").await, server.client("bob").await);
    for _ in 0..5 {
        of(&bob, "SELECT 1").await;
    }
    of(&ann, "SELECT 1").await;
    let ids = column(&ann, "SELECT query_id FROM system.queries ORDER BY 1").await;
    assert_eq!(ids, [Some("1".to_owned()), Some("2".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_told_of_with_its_end_its_rows_and_its_memory() {
    let server = TestServer::start().await;
    let ann = server.client("ann").await;
    ann.simple_query("SELECT a FROM generate_series(1, 1000) a(a) ORDER BY a DESC")
        .await
        .unwrap();
    ann.simple_query("SELECT 1/0").await.unwrap_err();
    ann.simple_query("SELEC 1").await.unwrap_err();
    ann.query("SELECT $1::int8 + 1", &[&4_i64]).await.unwrap();
    let told = rows(
        &ann,
        "SELECT state, rows, error_code, query, peak_memory_bytes > 0, ended_at >= began_at, running_ms >= 0
         FROM system.queries WHERE state <> 'running' ORDER BY query_id",
    )
    .await;
    let told: Vec<Vec<&str>> = told
        .iter()
        .map(|row| row.iter().map(|v| v.as_deref().unwrap_or("")).collect())
        .collect();
    assert_eq!(
        told,
        [
            [
                "finished",
                "1000",
                "",
                "SELECT a FROM generate_series(1, 1000) a(a) ORDER BY a DESC",
                "t",
                "t",
                "t"
            ],
            ["failed", "0", "22012", "SELECT 1/0", "f", "t", "t"],
            ["failed", "0", "42601", "SELEC 1", "f", "t", "t"],
            // Told of once, though it came as Parse, Bind and Execute.
            ["finished", "1", "", "SELECT $1::int8 + 1", "f", "t", "t"],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_waits_or_stands_still_is_seen_doing_so() {
    let options = PgOptions {
        statements_per_account: 1,
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let ops = server.client("ops").await;
    let seen = |text: &str| {
        format!("SELECT state FROM system.queries WHERE query = '{text}' AND account_id = 'acme'")
    };
    let is = async |text: &str, state: &str| {
        while column(&ops, &seen(text)).await != [Some(state.to_owned())] {
            tokio::task::yield_now().await;
        }
    };
    // A portal of which only some rows are wanted gives its turn back.
    let mut raw = server.raw("ann").await;
    raw.query("BEGIN").await;
    raw.parse("", "SELECT * FROM generate_series(1, 1000000)")
        .await;
    raw.bind("p", "").await;
    raw.execute("p", 10).await;
    raw.sync().await;
    assert_eq!(raw.kinds().await.replace('D', ""), "12sZ");
    is("SELECT * FROM generate_series(1, 1000000)", "suspended").await;
    assert_eq!(
        of(
            &ops,
            "SELECT state FROM system.sessions WHERE account_id = 'acme'"
        )
        .await,
        "idle in transaction"
    );

    let busy = server.client("ann").await;
    let token = busy.cancel_token();
    let running = tokio::spawn(async move { busy.simple_query("SELECT pg_sleep(600)").await });
    is("SELECT pg_sleep(600)", "running").await;
    let waiting = server.client("ann").await;
    let waiting = tokio::spawn(async move { waiting.simple_query("SELECT 77").await });
    is("SELECT 77", "queued").await;
    token.cancel_query(tokio_postgres::NoTls).await.unwrap();
    assert!(running.await.unwrap().is_err());
    waiting.await.unwrap().unwrap();
    is("SELECT pg_sleep(600)", "canceled").await;
    is("SELECT 77", "finished").await;

    // And goes on where it stood, with a turn of its own.
    raw.execute("p", 0).await;
    raw.sync().await;
    let messages = raw.read_to_ready().await;
    let done = messages.iter().find(|message| message.kind == 'C');
    assert_eq!(done.unwrap().tag(), "SELECT 999990");
    is("SELECT * FROM generate_series(1, 1000000)", "finished").await;
}

/// As Superset's button does.
#[tokio::test(flavor = "multi_thread")]
async fn users_stop_their_own_statements_by_process_id() {
    let server = TestServer::start().await;
    let (ann, bob, ops) = (
        server.client("ann").await,
        server.client("bob").await,
        server.client("ops").await,
    );
    for (lever, state) in [
        ("pg_cancel_backend", "57014"),
        ("pg_terminate_backend", "57P01"),
    ] {
        let busy = server.client("ann").await;
        let pid = of(&busy, "SELECT pg_backend_pid()").await;
        let running = tokio::spawn(async move { busy.simple_query("SELECT pg_sleep(600)").await });
        let began = format!(
            "SELECT count(*) FROM system.sessions WHERE pid = {pid} AND query = 'SELECT pg_sleep(600)'"
        );
        while of(&ann, &began).await != "1" {
            tokio::task::yield_now().await;
        }
        assert_eq!(of(&bob, &format!("SELECT {lever}({pid})")).await, "f");
        let stop = format!("SELECT {lever}(pid) FROM pg_stat_activity WHERE pid = '{pid}'");
        assert!(column(&bob, &stop).await.is_empty());
        assert!(!running.is_finished());
        assert_eq!(of(&ann, &stop).await, "t");
        assert_eq!(code_of(&running.await.unwrap().unwrap_err()), state);
    }
    let pid = of(&ann, "SELECT pg_backend_pid()").await;
    assert_eq!(
        of(&ops, &format!("SELECT pg_terminate_backend({pid}, 0)")).await,
        "t"
    );
    ann.simple_query("SELECT 1").await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_asks_for_too_much_memory_is_told_so_and_nobody_else_is() {
    let options = PgOptions {
        session_memory: 64 << 20,
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let (ann, bob) = (server.client("ann").await, server.client("bob").await);
    let error = ann.simple_query(MUCH_MEMORY).await.unwrap_err();
    assert_eq!(code_of(&error), "53200");
    let error = error.as_db_error().unwrap();
    assert_eq!(error.message(), "out of memory");
    assert_eq!(
        error.detail(),
        Some("the statements of one session may hold 64.0 MB at a time")
    );
    // What is sorted can spill instead.
    let sorted = "SELECT count(*), min(n) FROM (SELECT row_number() OVER (ORDER BY a % 7919, a) n FROM generate_series(1, 3000000) t(a)) s";
    assert_eq!(rows(&ann, sorted).await[0][0].as_deref(), Some("3000000"));
    let peak = "SELECT max(peak_memory_bytes) <= 64 * 1024 * 1024 FROM system.queries";
    assert_eq!(of(&ann, peak).await, "t");
    assert_eq!(of(&bob, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_sessions_share_its_memory() {
    let options = PgOptions {
        account_memory: 16 << 20,
        session_memory: 1 << 30,
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let ann = server.client("ann").await;
    let error = ann.simple_query(MUCH_MEMORY).await.unwrap_err();
    let detail = error.as_db_error().unwrap().detail();
    assert_eq!(
        detail,
        Some("the statements of one account may hold 16.0 MB at a time")
    );
}
