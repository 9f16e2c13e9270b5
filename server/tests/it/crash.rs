//! `kill -9` in the middle of landing and of deriving, then the same command again: the same tables as without.
//!
//! When to kill is drawn as progress, not as time: once the lake holds so many more files.

use std::path::Path;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::program::Program;

const ROUNDS: u64 = 20;

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

fn tables(program: &Program) -> Vec<Value> {
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
        let program = Program::new(&lake);
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
