//! Which rules local time goes by: those of a newer database than the program's own, without another program.
//!
//! The databases here are made up: what the real rules are on the machine must not matter.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::program::{Served, bare};
use crate::support::{PASSWORD, connect, value};

/// A file of rules (TZif, RFC 8536) of clocks that never change: what they are called, and their hours west of UTC.
fn rules(name: &str, west: i32) -> Vec<u8> {
    let header = |version: u8| {
        let mut header = b"TZif".to_vec();
        header.push(version);
        header.extend([0; 15]);
        // Leap seconds and the like, and changes: none; one kind of clock, and its name.
        for count in [0, 0, 0, 0, 1, name.len() as u32 + 1] {
            header.extend(count.to_be_bytes());
        }
        header
    };
    let mut clock = (-west * 3_600).to_be_bytes().to_vec();
    clock.extend([0, 0]);
    clock.extend(name.as_bytes());
    clock.push(0);
    let footer = format!("\n{name}{west}\n");
    [
        &header(b'2')[..],
        &clock,
        &header(b'2'),
        &clock,
        footer.as_bytes(),
    ]
    .concat()
}

/// A database of one zone, America/Vancouver.
fn database(version: &str, name: &str, west: i32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put =
        |file: &str, content: &[u8]| std::fs::write(folder.path().join(file), content).unwrap();
    put("tzdata.zi", format!("# version {version}\n").as_bytes());
    std::fs::create_dir(folder.path().join("America")).unwrap();
    put("America/Vancouver", &rules(name, west));
    folder
}

/// Runs a command that works with a database; answers with what it prints.
#[track_caller]
fn printed(mut command: Command, zones: &Path) -> String {
    let output = command.env("TZDIR", zones).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

/// A chat half an hour before midnight by one database and half an hour after it by the other.
const CHATS: &str = concat!(
    r#"{"event_id": "e1", "account_id": "west", "type": "conversation_started", "occurred_at": "2026-11-15T07:30:00Z", "conversation_id": "c1", "channel": "sms"}"#,
    "\n",
    r#"{"event_id": "e1", "account_id": "utc", "type": "conversation_started", "occurred_at": "2026-11-15T07:30:00Z", "conversation_id": "c1", "channel": "sms"}"#,
    "\n",
);

fn shops() -> Home {
    let home = Home::new();
    let settings = r#"{"account_id": "west", "timezone": "America/Vancouver"}"#;
    home.program
        .ok(&["accounts", "put", &home.file("accounts.ndjson", settings)]);
    home.program
        .ok(&["land", &home.file("chats.ndjson", CHATS)]);
    home
}

/// SPEC T2, T4: a zone whose rules change has its days counted anew, as one that an account changes to.
#[test]
fn t2_days_go_by_the_newer_database() {
    let home = shops();
    let (before, after) = (database("2998a", "PST", 8), database("2998b", "MST", 7));
    let derive = |zones: &TempDir| -> u64 {
        let printed = printed(
            home.program.command(&["derive", "--format", "json"]),
            zones.path(),
        );
        let report: Value = serde_json::from_str(&printed).unwrap();
        let tables = report["tables"].as_array().unwrap();
        let conversations = tables
            .iter()
            .find(|table| table["table"] == "conversations");
        conversations.unwrap()["accounts"].as_u64().unwrap()
    };
    let days = |zones: &TempDir| -> String {
        let sql = "SELECT account_id, started_on FROM conversations ORDER BY account_id";
        let query = ["query", "--format", "csv", "--sql", sql];
        printed(home.program.command(&query), zones.path())
    };
    let rows = |west: &str| format!("account_id,started_on\r\nutc,2026-11-15\r\nwest,{west}\r\n");
    assert_eq!(derive(&before), 2);
    assert_eq!(days(&before), rows("2026-11-14"));
    assert_eq!(derive(&before), 0);
    // Only the account is derived again whose zone has other rules, and once.
    assert_eq!(derive(&after), 1);
    assert_eq!(days(&after), rows("2026-11-15"));
    assert_eq!(derive(&after), 0);
}

#[test]
fn the_version_tells_the_database_in_use() {
    let told = |zones: &TempDir| {
        let mut command = bare();
        command.arg("--version");
        printed(command, zones.path())
    };
    let newer = database("2998a", "PST", 8);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        told(&newer),
        format!(
            "rapport {version} (time zones 2998a, of {})\n",
            newer.path().display()
        )
    );
    let older = told(&database("2020a", "PST", 8));
    assert!(older.ends_with(", built in)\n"), "{older}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_by_the_newer_database() {
    let home = shops();
    let zones = database("2998a", "XST", 3);
    let add = [
        "users",
        "add",
        "ops",
        "--role",
        "operator",
        "--password-stdin",
    ];
    home.program.ok_with_input(&add, PASSWORD);
    let serve = ["serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let mut command = home.program.command(&serve);
    command.env("TZDIR", zones.path());
    let served = Served::start(command);
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(served.pg.port())
        .user("ops")
        .password(PASSWORD)
        .dbname("rapport");
    let client = connect(&config).await.unwrap();
    let shown = format!("2998a, of {}", zones.path().display());
    assert_eq!(value(&client, "SHOW timezone_database").await, shown);
    let refused = client.simple_query("SET timezone_database = '2025b'").await;
    assert_eq!(refused.unwrap_err().code().unwrap().code(), "55P02");
    client
        .simple_query("SET TIME ZONE 'america/vancouver'")
        .await
        .unwrap();
    for (asked, expected) in [
        ("SHOW timezone", "America/Vancouver"),
        (
            "SELECT timestamptz '2026-11-15 07:30Z'",
            "2026-11-15 04:30:00-03",
        ),
        (
            "SELECT timestamptz '2026-11-15 07:30' = timestamptz '2026-11-15 10:30Z'",
            "t",
        ),
        (
            "SELECT to_char(timestamptz '2026-07-15 07:30Z', 'HH24:MI TZ OF')",
            "04:30 XST -03",
        ),
        (
            "SELECT timestamp '2026-07-15 07:30' AT TIME ZONE 'America/Vancouver'",
            "2026-07-15 07:30:00-03",
        ),
        (
            "SELECT date_trunc('day', timestamptz '2026-07-15 02:30Z')",
            "2026-07-14 00:00:00-03",
        ),
        (
            "SELECT extract(timezone FROM timestamptz '2026-07-15 02:30Z')",
            "-10800",
        ),
        (
            "SELECT local_date(timestamptz '2026-07-15 02:30Z', 'America/Vancouver')",
            "2026-07-14",
        ),
        (
            "SELECT day_start(DATE '2026-07-15', 'America/Vancouver')",
            "2026-07-15 00:00:00-03",
        ),
        (
            "SELECT current_date = (now() AT TIME ZONE 'America/Vancouver')::date",
            "t",
        ),
        // What the folder lacks is the program's own.
        (
            "SELECT timestamptz '2026-07-15 07:30Z' AT TIME ZONE 'Asia/Tokyo'",
            "2026-07-15 16:30:00",
        ),
        (
            "SELECT count(*) FROM pg_timezone_names WHERE name IN ('America/Vancouver', 'Asia/Tokyo')",
            "2",
        ),
    ] {
        assert_eq!(value(&client, asked).await, expected, "{asked}");
    }
}
