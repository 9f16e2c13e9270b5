//! Wrong use, help, and where settings of the program come from.

use std::path::Path;
use std::process::Command;

use rapport_engine::lake::LAYOUT;
use rstest::rstest;
use serde_json::Value;

use super::*;
use crate::program::bare;

#[rstest]
#[case::nothing(&[], "Usage")]
#[case::unknown_command(&["lend"], "lend")]
#[case::unknown_flag(&["derive", "--fast"], "--fast")]
#[case::no_path(&["land"], "<PATH>")]
#[case::now(&["--now", "yesterday", "derive"], "expected RFC 3339 with an offset")]
#[case::now_without_offset(&["--now", "2026-01-31T12:00:00", "derive"], "expected RFC 3339 with an offset")]
#[case::date(&["backfill", "--from", "2026-02-30", "--to", "2026-03-01"], "expected a date as YYYY-MM-DD")]
#[case::format(&["query", "--sql", "select 1", "--format", "xml"], "possible values: table, csv, json, parquet")]
#[case::name_and_sql(&["query", "headline_metrics", "--sql", "select 1"], "cannot be used with")]
#[case::neither(&["query"], "<NAME>")]
#[case::none_days(&["synth", "--days", "0", "--out", "x"], "1..=3650")]
#[case::keep(&["maintain", "--keep", "a while"], "accepted: N days, N hours")]
#[case::lake_scheme(&["--lake", "ftp://bucket/lake", "derive"], "unknown scheme \"ftp\"")]
#[case::lake_empty(&["--lake", "", "derive"], "it is empty")]
#[case::tls(&["serve", "--tls", "on"], "possible values: off, optional, required")]
#[case::derive(&["serve", "--derive", "sometimes"], "possible values: on, off")]
#[case::tls_without_certificate(&["serve", "--tls", "required"], "expected both --tls-cert FILE and --tls-key FILE")]
#[case::certificate_without_tls(&["serve", "--tls-cert", "a", "--tls-key", "b"], "expected --tls optional or --tls required")]
#[case::token_of_nobody(&["tokens", "add", "t"], "--account <ID>|--all-accounts")]
#[case::token_of_one_and_all(&["tokens", "add", "t", "--account", "a", "--all-accounts"], "cannot be used with")]
#[case::token_without_a_name(&["tokens", "add", "--all-accounts"], "<NAME>")]
#[case::tokens_without_a_command(&["tokens"], "Usage")]
#[case::config_missing(&["--config", "no/such.toml", "derive"], "no/such.toml")]
fn wrong_use_exits_2(#[case] arguments: &[&str], #[case] says: &str) {
    let output = bare().args(arguments).output().unwrap();
    fails(&output, 2, &[says]);
    assert_eq!(stdout(&output), "");
}

#[rstest]
#[case::role(&["users", "add", "ann", "--role", "king", "--password-stdin"], 2, "king")]
#[case::account_of_operator(&["users", "add", "ann", "--role", "operator", "--account", "acme", "--password-stdin"], 2, "acme")]
#[case::no_terminal(&["users", "add", "ann", "--role", "operator"], 2, "--password-stdin")]
#[case::token_name(&["tokens", "add", "a b", "--all-accounts"], 2, "\"a b\"")]
#[case::token_account(&["tokens", "add", "t", "--account", "a/b"], 2, "\"a/b\"")]
#[case::no_token_to_remove(&["tokens", "remove", "t"], 1, "lake")]
#[case::no_token_to_list(&["tokens", "list"], 1, "lake")]
#[case::nobody_to_remove(&["users", "remove", "ann"], 1, "lake")]
#[case::nobody_to_list(&["users", "list"], 1, "lake")]
#[case::address(&["serve", "--pg", "nonsense"], 2, "expected HOST:PORT")]
#[case::address_of_http(&["serve", "--http", "127.0.0.1"], 2, "expected HOST:PORT")]
#[case::address_of_demo(&["demo", "--pg", "nonsense"], 2, "expected HOST:PORT")]
fn what_cannot_be_makes_no_lake(#[case] arguments: &[&str], #[case] code: i32, #[case] says: &str) {
    let home = Home::new();
    fails(&home.program.run(arguments), code, &[says]);
    assert!(!Path::new(&home.path("lake")).exists());
}

#[test]
fn limits_that_cannot_be_make_no_lake() {
    let home = Home::new();
    let mut serve = home.program.command(&["serve"]);
    let output = serve.env("RAPPORT_LIMITS_CONNECTIONS", "0").output();
    fails(&output.unwrap(), 2, &["limits.connections cannot be 0"]);
    assert!(!Path::new(&home.path("lake")).exists());
}

#[test]
fn help_is_an_answer() {
    let output = bare().arg("--help").output().unwrap();
    assert!(output.status.success());
    for command in [
        "demo", "synth", "accounts", "land", "derive", "backfill", "maintain", "query", "queries",
        "users", "tokens", "serve",
    ] {
        assert!(
            stdout(&output).contains(&format!("\n  {command} ")),
            "{command}"
        );
    }
}

#[test]
fn flags_beat_the_environment_and_that_beats_the_file() {
    let home = Home::new();
    let config = home.file(
        "rapport.toml",
        &format!("lake = {:?}\nthreads = 1\n", home.path("from-file")),
    );
    let events = home.path("events.ndjson");
    let land = |command: &mut Command| {
        let output = command
            .args(["--config", &config, "land", &events])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    };
    land(&mut bare());
    assert!(Path::new(&home.path("from-file")).is_dir());
    land(bare().env("RAPPORT_LAKE", home.path("from-env")));
    assert!(Path::new(&home.path("from-env")).is_dir());
    land(
        bare()
            .env("RAPPORT_LAKE", home.path("from-env"))
            .args(["--lake", &home.path("from-flag")]),
    );
    assert!(Path::new(&home.path("from-flag")).is_dir());

    let misspelt = home.file("misspelt.toml", "laek = \"x\"\n");
    let output = bare()
        .args(["--config", &misspelt, "derive"])
        .output()
        .unwrap();
    fails(&output, 2, &["laek", "lake"]);
    let output = bare()
        .env("RAPPORT_MEMORY_LIMIT", "much")
        .args(["--config", &config, "derive"])
        .output()
        .unwrap();
    fails(&output, 2, &["much", "512MiB"]);
}

#[test]
fn a_lake_of_a_newer_release_is_refused_by_every_command() {
    let home = Home::filled();
    // What a release of a newer layout leaves in the log of a table.
    let log = Path::new(&home.path("lake")).join("orders/_delta_log");
    let version = |number: usize| log.join(format!("{number:020}.json"));
    let first = std::fs::read_to_string(version(0)).unwrap();
    let metadata = first.lines().find(|line| line.contains("\"metaData\""));
    let mut metadata: Value = serde_json::from_str(metadata.unwrap()).unwrap();
    metadata["metaData"]["configuration"]["rapport.layout"] = "99".into();
    let next = (0..).find(|number| !version(*number).exists()).unwrap();
    std::fs::write(version(next), metadata.to_string()).unwrap();

    let events = home.path("events.ndjson");
    let commands: [&[&str]; 8] = [
        &["land", &events],
        &["derive"],
        &["backfill", "--from", "2026-01-10", "--to", "2026-01-10"],
        &["maintain"],
        &["query", "headline_metrics"],
        &["query", "--sql", "SELECT 1"],
        &["accounts", "list"],
        &["serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"],
    ];
    for command in commands {
        let output = home.program.run(command);
        let newest = format!("layouts up to {LAYOUT}");
        fails(&output, 1, &["/lake/", "has layout 99", &newest]);
        assert_eq!(stdout(&output), "", "{command:?}");
    }
    assert!(!version(next + 1).exists());
}
