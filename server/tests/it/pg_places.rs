//! Who gets a place: logins that fail or stall, accounts that want all of them, and what stands idle.

use std::time::Duration;

use rapport::pg::PgOptions;
use rapport::users::LoginLimits;

use crate::support::raw::Raw;
use crate::support::{PASSWORD, TestServer, code_of, connect, error_of, value};

#[tokio::test]
async fn who_has_no_password_takes_no_place() {
    let options = PgOptions {
        max_connections: 1,
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let mut stalled = Vec::new();
    for _ in 0..8 {
        let mut raw = Raw::connect(server.address).await;
        raw.send_startup(&[("user", "ann")]).await;
        // It is asked for a password, and says nothing.
        assert_eq!(raw.read().await.unwrap().kind, 'R');
        stalled.push(raw);
    }
    let client = server.client("ann").await;
    assert_eq!(value(&client, "SELECT 1").await, "1");
}

#[tokio::test]
async fn too_many_who_are_on_their_way_in_are_told_so() {
    let server = TestServer::start().await;
    let mut entering = Vec::new();
    let refused = loop {
        assert!(entering.len() < 1000, "nobody is refused");
        let mut raw = Raw::connect(server.address).await;
        raw.send_startup(&[("user", "ann")]).await;
        let answer = raw.read().await.unwrap();
        if answer.kind == 'E' {
            break answer;
        }
        entering.push(raw);
    };
    assert_eq!(
        (refused.field('S'), refused.field('C')),
        ("FATAL".into(), "53300".into())
    );
    drop(entering);
    // The places are free once the server has seen the ends.
    while connect(&server.config("ann")).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_account_has_so_many_connections_and_others_have_theirs() {
    let options = PgOptions {
        connections_per_account: 2,
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let _first = server.client("ann").await;
    let _second = server.client("ann").await;
    let error = connect(&server.config("ann")).await.err().unwrap();
    assert_eq!(
        error_of(&error),
        (
            "53300".into(),
            "too many connections for this account".into()
        )
    );
    for user in ["bob", "bob", "ops", "ops", "ops"] {
        assert_eq!(value(&server.client(user).await, "SELECT 1").await, "1");
    }
}

#[tokio::test]
async fn logins_may_fail_so_often_and_tell_nothing_of_who_there_is() {
    let options = PgOptions {
        login_limits: LoginLimits::per_minute(3),
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    for user in ["ann", "nobody"] {
        for _ in 0..3 {
            let mut raw = Raw::connect(server.address).await;
            assert_eq!(raw.authenticate(user, "wrong").await.field('C'), "28P01");
        }
        // Then even the right password does not help for a while.
        let mut raw = Raw::connect(server.address).await;
        let error = raw.authenticate(user, PASSWORD).await;
        assert_eq!(
            (error.field('S'), error.field('C'), error.field('M')),
            (
                "FATAL".into(),
                "28000".into(),
                "too many failed logins".into()
            )
        );
    }
    let client = server.client("bob").await;
    assert_eq!(value(&client, "SELECT 1").await, "1");
}

#[tokio::test]
async fn nobody_stands_idle_for_longer_than_the_server_lets_them() {
    let options = PgOptions {
        idle_timeout: Duration::from_millis(100),
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    for (sql, code) in [
        ("SET idle_session_timeout = 0", "57P05"),
        (
            "BEGIN; SET idle_in_transaction_session_timeout = 0",
            "25P03",
        ),
    ] {
        let mut raw = server.raw("ann").await;
        raw.query(sql).await;
        assert_eq!(raw.read_to_end().await[0].field('C'), code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_that_nobody_has_fetched_from_take_no_turn_and_no_time() {
    let options = PgOptions {
        statements_per_account: 1,
        // A turn that is held is held for good, however slow the machine.
        queue_timeout: Duration::from_secs(10),
        ..PgOptions::default()
    };
    let server = TestServer::with(options).await;
    let client = server.client("ann").await;
    client.simple_query("BEGIN").await.unwrap();
    for number in 0..50 {
        let endless =
            "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 10000000) b";
        client
            .simple_query(&format!("DECLARE c{number} CURSOR FOR {endless}"))
            .await
            .unwrap();
    }
    client
        .simple_query("DECLARE d CURSOR FOR SELECT * FROM generate_series(1, 3)")
        .await
        .unwrap();
    assert_eq!(value(&client, "FETCH d").await, "1");
    assert_eq!(value(&client, "SELECT 1").await, "1");
    assert_eq!(value(&client, "FETCH d").await, "2");
    // Its query has ended by now, though a row is left.
    assert_eq!(value(&client, "SELECT 2").await, "2");
    // One that runs on has its turn, and its time ends it.
    client
        .simple_query("SET statement_timeout = '200ms'")
        .await
        .unwrap();
    let error = client.simple_query("FETCH c0").await.unwrap_err();
    assert_eq!(code_of(&error), "57014");
}

/// A client that has sent Execute and Sync gets the whole answer, also from a server that stops meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_leaves_no_group_of_messages_half_answered() {
    let mut server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    raw.parse("", "SELECT pg_sleep(0.3)").await;
    raw.bind("", "").await;
    raw.execute("", 0).await;
    // The statement runs, and its Sync comes while the server stops.
    raw.send('H', b"").await;
    assert_eq!(raw.read().await.unwrap().kind, '1');
    server.stop.take();
    raw.sync().await;
    let messages = raw.read_to_end().await;
    let kinds: String = messages.iter().map(|message| message.kind).collect();
    assert_eq!(kinds, "2DCZE");
    assert_eq!(messages.last().unwrap().field('C'), "57P01");
    (&mut server.task).await.unwrap();
}
