//! `serve` and `demo`.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use rstest::rstest;

use super::*;
use crate::program::{Served, bare, get};
use crate::support::{PASSWORD, connect, value};

/// Waits until the server tells this figure; answers with all of them.
fn figures_with(served: &Served, figure: &str) -> String {
    loop {
        let figures = get(served.http, "/metrics");
        if figures.contains(figure) {
            return figures;
        }
        std::thread::yield_now();
    }
}

fn end(served: &Served) {
    let mut kill = Command::new("kill");
    assert!(
        kill.arg(served.child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
}

/// Deletes a table's rows behind the lake's back.
fn lose(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lose(&path);
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn serving_answers_and_ends_on_a_signal() {
    let home = Home::filled();
    let mut served = home.program.serve();
    let answer = get(served.http, "/healthz");
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n"),
        "{answer}"
    );
    assert!(get(served.http, "/nothing").starts_with("HTTP/1.1 404 "));
    // It is ready once it has looked at the lake.
    while !get(served.http, "/readyz").starts_with("HTTP/1.1 200 ") {
        std::thread::yield_now();
    }
    let figures = get(served.http, "/metrics");
    for figure in [
        "# TYPE rapport_lake_version gauge",
        "rapport_lake_version{table=\"conversation_events\"} 1",
        "rapport_memory_reserved_bytes 0",
        "rapport_derived_behind_seconds 0",
        "rapport_derive_failing 0",
    ] {
        assert!(figures.contains(figure), "{figure}: {figures}");
    }
    assert!(!figures.contains("acme"), "{figures}");
    // A request that never ends keeps nothing from stopping.
    let mut half = TcpStream::connect(served.http).unwrap();
    half.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let taken = home.program.run(&[
        "serve",
        "--pg",
        &served.pg.to_string(),
        "--http",
        "127.0.0.1:0",
    ]);
    fails(&taken, 1, &[&served.pg.to_string(), "--pg"]);
    fails(
        &home.program.run(&["serve", "--pg", "everywhere"]),
        2,
        &["everywhere", "HOST:PORT"],
    );
    end(&served);
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_waits_for_no_statement() {
    let home = Home::filled();
    let add = [
        "users",
        "add",
        "ops",
        "--role",
        "operator",
        "--password-stdin",
    ];
    home.program.ok_with_input(&add, PASSWORD);
    let mut served = home.program.serve();
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(served.pg.port())
        .user("ops")
        .password(PASSWORD)
        .dbname("rapport");
    let busy = connect(&config).await.unwrap();
    let running = tokio::spawn(async move { busy.simple_query("SELECT pg_sleep(600)").await });
    let client = connect(&config).await.unwrap();
    let begun = "SELECT count(*) FROM system.queries WHERE query = 'SELECT pg_sleep(600)' AND state = 'running'";
    while value(&client, begun).await != "1" {
        tokio::task::yield_now().await;
    }
    end(&served);
    // Where HTTP is gone, the first one has been heard.
    while TcpStream::connect(served.http).is_ok() {
        std::thread::yield_now();
    }
    end(&served);
    assert_eq!(served.child.wait().unwrap().code(), Some(1));
    running.await.unwrap().unwrap_err();
}

#[test]
fn readiness_tells_which_part_is_missing_and_no_more() {
    let home = Home::filled();
    home.file("mine.sql", "no query at all");
    let serve = ["serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let mut command = home.program.command(&serve);
    command.env("RAPPORT_QUERIES", home.folder.path());
    let served = Served::start(command);
    let mut answer = get(served.http, "/readyz");
    while answer.contains("the lake") {
        std::thread::yield_now();
        answer = get(served.http, "/readyz");
    }
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\nnot ready: no session can be opened\n"),
        "{answer}"
    );
}

#[test]
fn what_lands_is_derived() {
    let home = Home::filled();
    let served = home.program.serve();
    let order = r#"{"event_id": "e9", "account_id": "acme", "type": "order_placed", "occurred_at": "2026-01-11T13:00:00Z", "order_id": "o2", "value": 1, "profile_id": "p1"}"#;
    home.program
        .ok(&["land", &home.file("order.ndjson", order)]);
    figures_with(&served, "rapport_derives_total{outcome=\"finished\"} ");
    figures_with(&served, "rapport_derived_behind_seconds 0\n");
    let count = [
        "query",
        "--sql",
        "SELECT count(*) AS n FROM orders",
        "--format",
        "json",
    ];
    assert_eq!(home.program.json(&count)[0]["n"], 2);
}

#[test]
fn a_derive_that_fails_is_told_while_queries_are_answered_and_the_lake_is_kept_up_with() {
    let home = Home::new();
    home.program.ok(&["land", &home.path("events.ndjson")]);
    lose(Path::new(&home.path("lake/conversation_events")));
    let served = home.program.serve();
    let mut figures = figures_with(&served, "\nrapport_derive_failing 1");
    assert!(
        figures.contains("rapport_derives_total{outcome=\"failed\"} "),
        "{figures}"
    );
    // The time counts from when the server saw it first.
    while figures.contains("rapport_derived_behind_seconds 0\n") {
        figures = figures_with(&served, "rapport_derived_behind_seconds ");
    }
    let ready = get(served.http, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 200 "), "{ready}");
    // The next attempt is far; what is put meanwhile is seen all the same.
    let set = ["accounts", "set", "acme", "currency=EUR"];
    home.program.ok(&set);
    figures_with(&served, "rapport_lake_version{table=\"accounts\"} 1");
}

#[test]
fn the_demo_needs_nothing_and_is_found_again() {
    let home = Home::new();
    let demo = || {
        let mut command = bare();
        command.current_dir(home.folder.path()).args([
            "demo",
            "--pg",
            "127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
        ]);
        let mut served = Served::start(command);
        let mut lines = Vec::new();
        while lines.len() < 10 {
            lines.push(served.line());
        }
        lines.retain(|line| line.contains("PGPASSWORD="));
        // The ports differ from run to run; the passwords do not.
        let passwords: Vec<String> = lines
            .iter()
            .map(|line| line.split_whitespace().next().unwrap().to_owned())
            .collect();
        assert_eq!(passwords.len(), 2);
        passwords
    };
    assert_eq!(demo(), demo());
    let lake = Program::new(&home.folder.path().join("rapport-demo"));
    let rows = lake.json(&["query", "headline_metrics", "--format", "json"]);
    assert_eq!(rows.as_array().unwrap().len(), 4);
    assert!(rows[0]["conversations"].as_i64().unwrap() > 0);
    // A lake that holds anything else is not touched.
    home.program.ok(&["land", &home.path("events.ndjson")]);
    fails(&home.program.run(&["demo"]), 2, &["holds other data"]);
}

#[rstest]
#[case::flag("flag")]
#[case::environment("environment")]
#[case::file("file")]
fn a_server_leaves_deriving_to_others_if_told(#[case] told_by: &str) {
    let home = Home::new();
    home.program.ok(&["land", &home.path("events.ndjson")]);
    let serve = ["serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let mut command = home.program.command(&serve);
    match told_by {
        "flag" => command.args(["--derive", "off"]),
        "environment" => command.env("RAPPORT_DERIVE", "off"),
        _ => command.args(["--config", &home.file("rapport.toml", "derive = \"off\"\n")]),
    };
    let served = Served::start(command);
    // Once it has looked, one that derives would begin to.
    while !get(served.http, "/readyz").starts_with("HTTP/1.1 200 ") {
        std::thread::yield_now();
    }
    let figures = get(served.http, "/metrics");
    assert!(
        !figures.contains("rapport_derived_behind_seconds 0\n"),
        "{figures}"
    );
    let derived = home.program.json(&["derive", "--format", "json"]);
    assert_eq!(derived["tables"][0]["rows"], 1, "{derived}");
    // What others derive it sees and serves.
    figures_with(&served, "rapport_lake_version{table=\"conversations\"} 1\n");
    let figures = figures_with(&served, "rapport_derived_behind_seconds 0\n");
    assert!(!figures.contains("rapport_derives_total"), "{figures}");
}
