//! The command line: what it prints, what it refuses, and with which exit code.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Program, Served, bare};

const EVENTS: &str = concat!(
    r#"{"event_id": "e1", "account_id": "acme", "type": "conversation_started", "occurred_at": "2026-01-10T11:00:00Z", "conversation_id": "c1", "channel": "web_chat", "profile_id": "p1"}"#,
    "\n",
    r#"{"event_id": "e2", "account_id": "acme", "type": "message_sent", "occurred_at": "2026-01-10T12:00:00Z", "conversation_id": "c1", "sender": "agent", "text": "Hello, \"you\""}"#,
    "\n",
    r#"{"event_id": "e3", "account_id": "acme", "type": "order_placed", "occurred_at": "2026-01-10T13:00:00Z", "order_id": "o1", "value": 10.25, "profile_id": "p1"}"#,
    "\nnot an event\n",
);

/// A folder with a lake that is not there yet, and a file of events.
struct Home {
    folder: TempDir,
    program: Program,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("events.ndjson"), EVENTS).unwrap();
        Self {
            program: Program::new(&folder.path().join("lake")),
            folder,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, content: &str) -> String {
        std::fs::write(self.folder.path().join(name), content).unwrap();
        self.path(name)
    }

    /// Landed and derived.
    fn filled() -> Self {
        let home = Self::new();
        home.program.ok(&["land", &home.path("events.ndjson")]);
        home.program.ok(&["derive"]);
        home
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn fails(output: &Output, code: i32, says: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for part in says {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

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
#[case::lake_scheme(&["--lake", "ftp://bucket/lake", "derive"], "unknown scheme \"ftp\"")]
#[case::lake_empty(&["--lake", "", "derive"], "it is empty")]
#[case::config_missing(&["--config", "no/such.toml", "derive"], "no/such.toml")]
fn wrong_use_exits_2(#[case] arguments: &[&str], #[case] says: &str) {
    let output = bare().args(arguments).output().unwrap();
    fails(&output, 2, &[says]);
    assert_eq!(stdout(&output), "");
}

#[test]
fn help_is_an_answer() {
    let output = bare().arg("--help").output().unwrap();
    assert!(output.status.success());
    for command in [
        "demo", "synth", "accounts", "land", "derive", "backfill", "query", "queries", "users",
        "serve",
    ] {
        assert!(
            stdout(&output).contains(&format!("\n  {command} ")),
            "{command}"
        );
    }
}

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
    let backwards = ["backfill", "--from", "2026-02-01", "--to", "2026-01-31"];
    fails(
        &home.program.run(&backwards),
        2,
        &["2026-02-01", "2026-01-31"],
    );
}

#[test]
fn json_has_the_types_that_are_promised() {
    let home = Home::filled();
    let sql = "SELECT 1 AS i, 0.5 AS d, CAST(0.25 AS DOUBLE PRECISION) AS f, order_id, value, ordered_at, ordered_on, \
               conversation_id, cancelled, make_array('a', NULL) AS list, \
               CAST('NaN' AS DOUBLE PRECISION) AS nan FROM orders";
    let rows = home
        .program
        .json(&["query", "--sql", sql, "--format", "json"]);
    let expected = json!([{
        "i": 1, "d": rows[0]["d"], "f": 0.25, "order_id": "o1", "value": "10.2500",
        "ordered_at": "2026-01-10T13:00:00.000000Z", "ordered_on": "2026-01-10", "conversation_id": null,
        "cancelled": false, "list": ["a", null], "nan": "NaN",
    }]);
    assert_eq!(rows, expected);
    let none = home.program.json(&[
        "query",
        "--sql",
        "SELECT 1 AS i WHERE false",
        "--format",
        "json",
    ]);
    assert_eq!(none, json!([]));
}

#[test]
fn tables_and_csv() {
    let home = Home::filled();
    let sql = "SELECT order_id, value, profile_id, '' AS empty, 'a,\"b\"' AS quoted, conversation_id FROM orders";
    let csv = home.program.ok(&["query", "--sql", sql, "--format", "csv"]);
    assert_eq!(
        String::from_utf8(csv).unwrap(),
        "order_id,value,profile_id,empty,quoted,conversation_id\r\no1,10.2500,p1,\"\",\"a,\"\"b\"\"\",\r\n"
    );
    let table = home
        .program
        .ok(&["query", "--sql", "SELECT order_id, value FROM orders"]);
    assert_eq!(
        String::from_utf8(table).unwrap(),
        " order_id |  value\n----------+---------\n o1       | 10.2500\n(1 row)\n"
    );
}

#[test]
fn a_result_can_be_a_file() {
    let home = Home::filled();
    let query = [
        "query",
        "--sql",
        "SELECT conversation_id, messages FROM conversations",
        "--output",
    ];
    let (json, parquet) = (home.path("r.json"), home.path("r.parquet"));
    home.program.ok(&[&query[..], &[&json]].concat());
    let rows: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(rows, json!([{"conversation_id": "c1", "messages": 1}]));
    home.program.ok(&[&query[..], &[&parquet]].concat());
    assert!(std::fs::read(&parquet).unwrap().starts_with(b"PAR1"));
    // A result that fails leaves what was there, and nothing beside it.
    let failing = [
        "query",
        "--sql",
        "SELECT 1 / (messages - 1) FROM conversations",
        "--output",
    ];
    fails(
        &home.program.run(&[&failing[..], &[&json]].concat()),
        1,
        &[],
    );
    assert_eq!(std::fs::read(&json).unwrap(), serde_json_lines(&rows));
    let left = std::fs::read_dir(home.folder.path()).unwrap().count();
    assert_eq!(left, 4, "events, lake and two results");
}

fn serde_json_lines(rows: &Value) -> Vec<u8> {
    let row = &rows[0];
    format!(
        "[\n  {{\"conversation_id\": {}, \"messages\": {}}}\n]\n",
        row["conversation_id"], row["messages"]
    )
    .into_bytes()
}

#[test]
fn saved_queries_take_arguments_by_place_and_by_name() {
    let home = Home::filled();
    let metrics = |arguments: &[&str]| {
        let rows = home.program.json(
            &[
                &["query", "headline_metrics"],
                arguments,
                &["--format", "json"],
            ]
            .concat(),
        );
        assert_eq!(rows.as_array().unwrap().len(), 1);
        rows[0]["conversations"].clone()
    };
    assert_eq!(metrics(&["2026-01-01", "2026-01-31"]), 1);
    assert_eq!(metrics(&["2026-01-01", "2026-01-31", "sms,email"]), 0);
    assert_eq!(
        metrics(&["to=2026-01-31", "from=2026-01-01", "channel=web_chat"]),
        1
    );
    assert_eq!(
        metrics(&["2026-01-01", "2026-01-31", "--account", "acme"]),
        1
    );
    fails(
        &home.program.run(&["query", "headlines"]),
        2,
        &["headlines", "headline_metrics"],
    );
    fails(
        &home
            .program
            .run(&["query", "headline_metrics", "until=2026-01-01"]),
        2,
        &["until", "from, to, channel"],
    );
    fails(
        &home.program.run(&["query", "headline_metrics", "soon"]),
        2,
        &["from", "soon", "a date as YYYY-MM-DD"],
    );
    fails(
        &home
            .program
            .run(&["query", "--sql", "SELECT nothing FROM conversations"]),
        1,
        &["nothing"],
    );
    fails(
        &home
            .program
            .run(&["query", "--sql", "CREATE TABLE t (i INT)"]),
        1,
        &[],
    );
    // Without a lake too: they are the program's.
    let listed = Home::new().program.json(&["queries", "--format", "json"]);
    let names: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|q| q["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"headline_metrics") && names.contains(&"opportunities"),
        "{names:?}"
    );
}

#[test]
fn an_account_sees_its_own_alone() {
    let home = Home::filled();
    let count = |account: &str| {
        let sql = "SELECT count(*) AS n FROM conversations";
        home.program.json(&[
            "query",
            "--sql",
            sql,
            "--account",
            account,
            "--format",
            "json",
        ])[0]["n"]
            .clone()
    };
    assert_eq!((count("acme"), count("other")), (json!(1), json!(0)));
    let rejected = [
        "query",
        "--sql",
        "SELECT * FROM rejected_events",
        "--account",
        "acme",
    ];
    fails(&home.program.run(&rejected), 1, &["rejected_events"]);
    fails(
        &home
            .program
            .run(&["query", "--sql", "SELECT 1", "--account", "a b"]),
        2,
        &["a b", "[A-Za-z0-9_-]"],
    );
}

#[test]
fn settings_are_put_set_shown_and_refused() {
    let home = Home::filled();
    let program = &home.program;
    let listed = |program: &Program| program.json(&["accounts", "list", "--format", "json"]);
    assert_eq!(
        listed(program)[0]["timezone"],
        "UTC",
        "a landed account has the defaults (E6)"
    );
    let file = home.file(
        "accounts.ndjson",
        "{\"account_id\": \"acme\", \"timezone\": \"America/New_York\"}\n\n{\"account_id\": \"beta\"}\n",
    );
    let put = |file: &str| String::from_utf8(program.ok(&["accounts", "put", file])).unwrap();
    assert_eq!(put(&file), "changed 2\nunchanged 0\n");
    assert_eq!(put(&file), "changed 0\nunchanged 2\n");
    program.ok(&[
        "accounts",
        "set",
        "acme",
        "currency=EUR",
        "windows.sms_clicked=36 hours",
    ]);
    let shown = program.json(&["accounts", "show", "acme", "--format", "json"]);
    assert_eq!(
        (
            &shown["timezone"],
            &shown["currency"],
            &shown["windows"]["sms_clicked"]
        ),
        (
            &json!("America/New_York"),
            &json!("EUR"),
            &json!("36 hours")
        )
    );
    fails(
        &program.run(&["accounts", "set", "acme", "timezone=Mars/Olympus"]),
        2,
        &["timezone", "Mars/Olympus", "IANA"],
    );
    fails(
        &program.run(&["accounts", "set", "acme", "colour=red"]),
        2,
        &["colour", "timezone"],
    );
    fails(
        &program.run(&["accounts", "set", "acme", "timezone"]),
        2,
        &["KEY=VALUE"],
    );
    fails(
        &program.run(&["accounts", "show", "nobody"]),
        1,
        &["nobody"],
    );
    let bad = home.file(
        "bad.ndjson",
        "{\"account_id\": \"gamma\"}\n{\"account_id\": \"acme\", \"currency\": \"euro\"}\n",
    );
    fails(
        &program.run(&["accounts", "put", &bad]),
        1,
        &[&bad, "line 2", "euro", "ISO 4217"],
    );
    assert_eq!(
        listed(program).as_array().unwrap().len(),
        2,
        "nothing of a refused file is put"
    );
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
fn users_are_added_listed_and_removed() {
    let home = Home::filled();
    let program = &home.program;
    let add = [
        "users",
        "add",
        "ann",
        "--role",
        "analyst",
        "--account",
        "acme",
        "--password-stdin",
    ];
    program.ok_with_input(&add, "a secret\n");
    let listed = program.json(&["users", "list", "--format", "json"]);
    assert_eq!(
        listed,
        json!([{"name": "ann", "role": "analyst", "account": "acme"}])
    );
    let file = std::fs::read_to_string(home.path("lake/users.json")).unwrap();
    assert!(!file.contains("a secret"));
    fails(
        &program.run(&["users", "add", "bob", "--role", "king", "--password-stdin"]),
        2,
        &["king", "operator"],
    );
    fails(
        &program.run(&["users", "add", "bob", "--role", "owner"]),
        2,
        &["--password-stdin"],
    );
    program.ok_with_input(&["users", "passwd", "ann", "--password-stdin"], "another\n");
    program.ok(&["users", "remove", "ann"]);
    fails(&program.run(&["users", "remove", "ann"]), 1, &["ann"]);
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
