//! `serve` and `demo`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use super::*;
use crate::program::{Served, bare};

fn get(served: &Served, path: &str) -> String {
    let mut stream = TcpStream::connect(served.http).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: rapport\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn serving_answers_and_ends_on_a_signal() {
    let home = Home::filled();
    let mut served = home.program.serve();
    let answer = get(&served, "/healthz");
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n"),
        "{answer}"
    );
    assert!(get(&served, "/nothing").starts_with("HTTP/1.1 404 "));
    // It is ready once it has looked at the lake.
    while !get(&served, "/readyz").starts_with("HTTP/1.1 200 ") {
        std::thread::yield_now();
    }
    let figures = get(&served, "/metrics");
    for figure in [
        "# TYPE rapport_lake_version gauge",
        "rapport_lake_version{table=\"conversation_events\"} 1",
        "rapport_memory_reserved_bytes 0",
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
    let killed = Command::new("kill")
        .arg(served.child.id().to_string())
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
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
