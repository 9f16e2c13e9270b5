//! `kill -9` in the middle of landing and of deriving, by commands and by a server, then the same again: the same tables as
//! without.
//!
//! When to kill is drawn as progress, not as time: once the lake holds so many more files.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::http::Http;
use crate::program::{Program, Served};

const ROUNDS: u64 = 20;
/// How often a server is killed, and the lines of a request.
const SERVER_ROUNDS: u64 = 5;
const LINES: usize = 40;

/// All relations and raw tables, in an order of their own; rejected lines without the time of their landing.
const TABLES: [&str; 9] = [
    "SELECT * FROM raw.conversation_events ORDER BY account_id, event_id, occurred_at",
    "SELECT * FROM raw.order_events ORDER BY account_id, event_id, occurred_at",
    "SELECT * FROM raw.touch_events ORDER BY account_id, event_id, occurred_at",
    "SELECT source, line, reason, raw FROM rejected_events ORDER BY source, line",
    "SELECT * FROM conversations ORDER BY account_id, conversation_id",
    "SELECT * FROM orders ORDER BY account_id, order_id",
    "SELECT * FROM attributed_orders ORDER BY account_id, order_id, conversation_id",
    "SELECT * FROM daily_metrics ORDER BY account_id, date, channel",
    "SELECT * FROM accounts ORDER BY account_id",
];

pub fn tables(program: &Program) -> Vec<Value> {
    TABLES
        .iter()
        .map(|sql| program.json(&["query", "--sql", sql, "--format", "json"]))
        .collect()
}

fn files(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path()),
            _ => 1,
        })
        .sum()
}

/// Runs a command until the lake has so many files more, then kills it.
fn kill_after(program: &Program, lake: &Path, arguments: &[&str], more: u64) {
    let before = files(lake);
    let mut child = program
        .command(arguments)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while child.try_wait().unwrap().is_none() && files(lake) < before + more {
        std::thread::yield_now();
    }
    // It may have ended by itself just now.
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn a_command_that_was_killed_is_finished_by_the_next() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("events");
    let (events, accounts) = (folder.to_str().unwrap(), folder.join("accounts.ndjson"));
    let whole = Program::new(&home.path().join("whole"));
    let size = ["--accounts", "2", "--days", "6", "--conversations", "60"];
    whole.ok(&[&["synth", "--out", events], &size[..]].concat());
    std::fs::write(folder.join("bad.ndjson"), "nothing\n{}\n").unwrap();
    let put = ["accounts", "put", accounts.to_str().unwrap()];
    whole.ok(&put);
    let made = files(&home.path().join("whole"));
    whole.ok(&["land", events]);
    let landed = files(&home.path().join("whole")) - made;
    whole.ok(&["derive"]);
    let derived = files(&home.path().join("whole")) - made - landed;
    let expected = tables(&whole);

    let mut random = SmallRng::seed_from_u64(1);
    for round in 0..ROUNDS {
        let lake = home.path().join(format!("round-{round}"));
        // Each shop is a round of its own.
        let program = Program::new(&lake).with("RAPPORT_ROUND_EVENTS", "1");
        program.ok(&put);
        kill_after(
            &program,
            &lake,
            &["land", events],
            random.random_range(0..=landed),
        );
        program.ok(&["land", events]);
        kill_after(
            &program,
            &lake,
            &["derive"],
            random.random_range(0..=derived),
        );
        program.ok(&["derive"]);
        assert_eq!(tables(&program), expected, "round {round}");
        std::fs::remove_dir_all(&lake).unwrap();
    }
}

/// Serves a lake without a deriver, to one who may write.
fn serve(program: &Program, token: &str) -> (Served, Http) {
    let ports = ["--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let mut command = program.command(&[&["serve", "--derive", "off"], &ports[..]].concat());
    command.env("RAPPORT_LIMITS_COMMIT_DELAY", "off");
    let served = Served::start(command);
    let http = Http::bearing(served.http, token).saying("content-type", "application/x-ndjson");
    (served, http)
}

/// E1: each event of a request that was answered is in the lake, once, and sending all again lands the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_has_what_it_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("events");
    let (events, accounts) = (folder.to_str().unwrap(), folder.join("accounts.ndjson"));
    let whole = Program::new(&home.path().join("whole"));
    let size = ["--accounts", "2", "--days", "4", "--conversations", "40"];
    whole.ok(&[&["synth", "--out", events], &size[..]].concat());
    let put = ["accounts", "put", accounts.to_str().unwrap()];
    whole.ok(&put);
    whole.ok(&["land", events]);
    whole.ok(&["derive"]);
    let expected = tables(&whole);
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path != accounts {
            let text = std::fs::read_to_string(path).unwrap();
            lines.extend(text.lines().map(|line| format!("{line}\n")));
        }
    }
    let requests: Vec<String> = lines.chunks(LINES).map(|chunk| chunk.concat()).collect();
    let kept = "SELECT event_id FROM (SELECT event_id FROM raw.conversation_events UNION ALL \
        SELECT event_id FROM raw.order_events UNION ALL SELECT event_id FROM raw.touch_events)";

    let mut random = SmallRng::seed_from_u64(2);
    for round in 0..SERVER_ROUNDS {
        let lake = home.path().join(format!("round-{round}"));
        let program = Program::new(&lake);
        program.ok(&put);
        let token = program.ok(&["tokens", "add", "t", "--all-accounts", "--rights", "write"]);
        let token = std::str::from_utf8(&token).unwrap().trim();
        let (served, http) = serve(&program, token);
        let more = random.random_range(0..=8 * requests.len() as u64);
        let before = files(&lake);
        let done = Arc::new(AtomicBool::new(false));
        let all_sent = Arc::clone(&done);
        let killing = tokio::task::spawn_blocking(move || {
            while files(&lake) < before + more && !all_sent.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            drop(served);
            lake
        });
        let mut acknowledged = 0;
        for request in &requests {
            match http.try_post(request.clone()).await {
                Ok(reply) => assert_eq!(reply.status, 200, "{}", reply.text()),
                Err(_) => break,
            }
            acknowledged += 1;
        }
        done.store(true, Ordering::Relaxed);
        let lake = killing.await.unwrap();
        let kept = program.json(&["query", "--sql", kept, "--format", "json"]);
        for line in &lines[..(acknowledged * LINES).min(lines.len())] {
            let event: Value = serde_json::from_str(line).unwrap();
            let same = kept.as_array().unwrap().iter();
            let found = same
                .filter(|row| row["event_id"] == event["event_id"])
                .count();
            assert_eq!(found, 1, "round {round}: {line}");
        }
        let (_served, http) = serve(&program, token);
        for request in &requests {
            assert_eq!(http.post(request.clone()).await.status, 200);
        }
        program.ok(&["derive"]);
        assert_eq!(tables(&program), expected, "round {round}");
        std::fs::remove_dir_all(&lake).unwrap();
    }
}
