//! `synth`, `land`, `derive` and `backfill`.

use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::program::bare;

#[test]
fn landing_reports_counts_and_strict_exits_3() {
    let home = Home::new();
    let events = home.path("events.ndjson");
    let first = home.program.json(&["land", &events, "--format", "json"]);
    assert_eq!(
        (
            &first["landed"],
            &first["duplicates"],
            &first["rejected"],
            &first["lines"]
        ),
        (&json!(3), &json!(0), &json!(1), &json!(4))
    );
    let again = home.program.run(&["land", &events, "--strict"]);
    assert_eq!(again.status.code(), Some(3));
    assert_eq!(stdout(&again), "landed 0\nduplicates 3\nrejected 1\n");
    let piped = home.program.ok_with_input(&["land", "-", "--strict"], "\n");
    assert_eq!(
        String::from_utf8(piped).unwrap(),
        "landed 0\nduplicates 0\nrejected 0\n"
    );
    let rejected = home.program.json(&[
        "query",
        "--format",
        "json",
        "--sql",
        "SELECT source, line, reason, raw FROM rejected_events",
    ]);
    assert_eq!(rejected.as_array().unwrap().len(), 1);
    assert_eq!(rejected[0]["source"], events);
    assert_eq!(
        (&rejected[0]["line"], &rejected[0]["raw"]),
        (&json!(4), &json!("not an event"))
    );
}

#[test]
fn what_cannot_be_landed_is_named_and_lands_nothing() {
    let home = Home::new();
    let events = home.path("events.ndjson");
    fails(
        &home.program.run(&["land", &events, "no/such/file"]),
        1,
        &["cannot open no/such/file"],
    );
    let cut = home.path("cut.gz");
    std::fs::write(&cut, [0x1f, 0x8b, 8, 0, 0, 0]).unwrap();
    fails(
        &home.program.run(&["land", &events, &cut]),
        1,
        &[&cut, "cut off"],
    );
    let report = home.program.json(&["land", &events, "--format", "json"]);
    assert_eq!(report["landed"], 3);
}

#[test]
fn a_lake_that_cannot_be_written_is_named() {
    let home = Home::new();
    let file = home.file("file", "");
    let output = bare()
        .args(["--lake", &file, "land", &home.path("events.ndjson")])
        .output()
        .unwrap();
    fails(&output, 2, &[&file, "it is a file"]);
    let inside = format!("{file}/lake");
    let output = bare()
        .args(["--lake", &inside, "land", &home.path("events.ndjson")])
        .output()
        .unwrap();
    fails(&output, 2, &[&inside]);
}

#[rstest]
#[case::derive(&["derive"])]
#[case::query(&["query", "--sql", "select 1"])]
#[case::accounts(&["accounts", "list"])]
fn reading_does_not_make_a_lake(#[case] arguments: &[&str]) {
    let home = Home::new();
    fails(
        &home.program.run(arguments),
        1,
        &["no lake at", "land events there first"],
    );
    assert!(!Path::new(&home.path("lake")).exists());
}

#[rstest]
#[case::missing_file(1, &["land", "missing.ndjson"])]
#[case::unknown_setting(2, &["accounts", "set", "acme", "nonsense=1"])]
#[case::wrong_value(2, &["accounts", "set", "acme", "currency=euro"])]
#[case::no_value(2, &["accounts", "set", "acme", "currency"])]
#[case::wrong_account(2, &["accounts", "set", "a/b", "currency=EUR"])]
#[case::missing_settings(1, &["accounts", "put", "missing.ndjson"])]
fn what_fails_does_not_make_a_lake(#[case] code: i32, #[case] arguments: &[&str]) {
    let home = Home::new();
    fails(&home.program.run(arguments), code, &[]);
    assert!(!Path::new(&home.path("lake")).exists());
}

#[test]
fn deriving_reports_what_it_rewrote() {
    let home = Home::new();
    home.program.ok(&["land", &home.path("events.ndjson")]);
    let report = home.program.json(&["derive", "--format", "json"]);
    assert_eq!(report["orphans"], 0);
    let rows = |report: &Value, table: &str| -> Value {
        let tables = report["tables"].as_array().unwrap();
        tables.iter().find(|t| t["table"] == table).unwrap()["rows"].clone()
    };
    assert_eq!(rows(&report, "conversations"), 1);
    assert_eq!(rows(&report, "attributed_orders"), 1);
    let text = String::from_utf8(home.program.ok(&["derive"])).unwrap();
    assert!(text.ends_with("orphans 0\n"), "{text}");
    let backfill = ["backfill", "--from", "2026-01-01", "--to", "2026-01-31"];
    home.program
        .ok(&[&backfill[..], &["--account", "acme"]].concat());
    fails(
        &home
            .program
            .run(&[&backfill[..], &["--account", "nobody"]].concat()),
        2,
        &["nobody"],
    );
    // An account with settings exists, though there is nothing to derive of it.
    home.program
        .ok(&["accounts", "set", "quiet", "currency=EUR"]);
    home.program
        .ok(&[&backfill[..], &["--account", "quiet"]].concat());
    let backwards = ["backfill", "--from", "2026-02-01", "--to", "2026-01-31"];
    fails(
        &home.program.run(&backwards),
        2,
        &["2026-02-01", "2026-01-31"],
    );
}

#[test]
fn maintaining_reports_what_it_did() {
    let home = Home::filled();
    let more = EVENTS.replace(r#""event_id": "e"#, r#""event_id": "f"#);
    home.program.ok(&["land", &home.file("more.ndjson", &more)]);
    home.program.ok(&["derive"]);
    let count = [
        "query",
        "--format",
        "json",
        "--sql",
        "SELECT count(*) AS n FROM raw.conversation_events",
    ];
    let report = home.program.json(&["maintain", "--format", "json"]);
    let table = &report["tables"][0];
    assert_eq!(table["table"], "conversation_events");
    assert_eq!(
        (&table["compacted"], &table["into"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(home.program.json(&count)[0]["n"], 4);
    let text = String::from_utf8(home.program.ok(&["maintain", "--keep", "1 day"])).unwrap();
    assert!(
        text.starts_with("conversation_events 0 files compacted into 0, 0 deleted of 0 bytes, 0 log entries deleted\n"),
        "{text}"
    );
    let short = home.program.run(&["maintain", "--keep", "23 hours"]);
    fails(&short, 2, &["expected 1 day or more"]);
}

#[test]
fn a_partition_that_cannot_be_compacted_is_told_and_exits_1() {
    let home = Home::filled();
    let more = EVENTS.replace(r#""event_id": "e"#, r#""event_id": "f"#);
    home.program.ok(&["land", &home.file("more.ndjson", &more)]);
    home.program.ok(&["derive"]);
    let day = home.path("lake/order_events/account_id=acme/event_date=2026-01-10");
    let file = std::fs::read_dir(&day).unwrap().next().unwrap();
    std::fs::remove_file(file.unwrap().path()).unwrap();
    let output = home.program.run(&["maintain", "--format", "json"]);
    fails(
        &output,
        1,
        &["event_date=2026-01-10", "1 partitions or tables could not"],
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["tables"][0]["into"], 1);
    let failed = report["tables"][1]["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 1, "{failed:?}");
}

#[test]
fn synth_makes_what_lands() {
    let home = Home::new();
    for format in ["ndjson", "parquet"] {
        let out = home.path(format);
        let synth = |out: &str| {
            let options = [
                "--accounts",
                "2",
                "--days",
                "5",
                "--conversations",
                "40",
                "--seed",
                "7",
            ];
            let arguments = [&["synth", "--format", format, "--out", out], &options[..]].concat();
            home.program.ok(&arguments)
        };
        let made = synth(&out);
        assert_eq!(made, synth(&home.path(&format!("{format}-again"))));
        home.program
            .ok(&["accounts", "put", &format!("{out}/accounts.ndjson")]);
        let landed = home
            .program
            .json(&["land", &out, "--strict", "--format", "json"]);
        let events = String::from_utf8(made).unwrap();
        let events: u64 = events
            .lines()
            .find_map(|line| line.strip_prefix("events "))
            .unwrap()
            .parse()
            .unwrap();
        let (new, known) = (
            landed["landed"].as_u64().unwrap(),
            landed["duplicates"].as_u64().unwrap(),
        );
        assert_eq!(new + known, events);
        // Both forms hold the same events.
        assert_eq!(new > 0, format == "ndjson");
        assert_eq!(landed["skipped"].as_array().unwrap().len(), 1);
    }
}
