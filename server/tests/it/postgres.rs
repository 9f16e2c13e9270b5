//! The same answers as PostgreSQL 15, over the same tables.
//!
//! The queries stand in `tests/postgres/*.sql`, by topic (see [`case`]), and what PostgreSQL answers in
//! `tests/postgres/answers/*.snap` (see [`answer`]). One test asks our server and compares with that: columns, types, rows
//! as text and in binary, and the codes of errors. The other makes the record: a PostgreSQL of the test's own gets the
//! relations of the lake, with the types that the endpoint describes and the rows that it copies out.

mod answer;
mod case;
mod compare;
mod real;
mod record;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{SinkExt, TryStreamExt, pin_mut};
use tempfile::TempDir;
use tokio_postgres::{Client, Config};

use crate::program::{Program, Served};
use crate::support::{column, connect, rows};
use answer::{Answer, short_digest};
use case::{Case, cases};
use compare::wrong;
use real::RealPostgres;
use record::{ANEW, assert_recorded, read, recorded, written};

const PASSWORD: &str = "correct horse";
const USER: &str = "ops";

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// Our server over a lake of invented shops.
struct Ours {
    served: Served,
    _home: TempDir,
}

impl Ours {
    fn start() -> Ours {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
        let now: DateTime<Utc> = "2026-02-01T12:00:00Z".parse().unwrap();
        let program = Program::new(&home.path().join("lake")).now(now);
        let out = path("events");
        let synth = [
            "synth",
            "--accounts",
            "3",
            "--days",
            "45",
            "--conversations",
            "400",
            "--seed",
            "7",
            "--out",
            &out,
        ];
        program.ok(&synth);
        let mut events: Vec<String> = std::fs::read_dir(&out)
            .unwrap()
            .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
            .collect();
        events.retain(|file| !file.ends_with("accounts.ndjson"));
        program.ok(&["accounts", "put", &format!("{out}/accounts.ndjson")]);
        let mut land = vec!["land"];
        land.extend(events.iter().map(String::as_str));
        program.ok(&land);
        program.ok(&["derive"]);
        program.ok_with_input(
            &[
                "users",
                "add",
                USER,
                "--role",
                "operator",
                "--password-stdin",
            ],
            PASSWORD,
        );
        Ours {
            served: program.serve(),
            _home: home,
        }
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.served.pg.port())
            .user(USER)
            .password(PASSWORD)
            .dbname("rapport");
        config
    }
}

/// The names of the relations of our server.
async fn relations(ours: &Client) -> Vec<String> {
    let tables =
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
    let tables: Vec<String> = column(ours, tables).await.into_iter().flatten().collect();
    assert_eq!(tables.len(), 10, "the relations of an operator: {tables:?}");
    tables
}

/// What a relation of our server holds, as `COPY` writes it.
async fn copied(ours: &Client, relation: &str) -> Vec<Bytes> {
    let copy = format!("COPY {relation} TO STDOUT");
    let rows = ours.copy_out(&copy).await.unwrap();
    rows.try_collect().await.unwrap()
}

/// The relations of our server: how many rows each has, and their digest.
async fn contents(ours: &Client) -> String {
    let mut contents = String::new();
    for relation in relations(ours).await {
        let bytes = copied(ours, &relation).await.concat();
        let mut rows: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        rows.sort();
        let digest = short_digest(&rows.concat());
        writeln!(contents, "{relation}: {} rows, {digest}", rows.len()).unwrap();
    }
    contents
}

/// Makes the relations of our server tables of PostgreSQL's.
async fn load(ours: &Client, theirs: &Client) {
    for relation in relations(ours).await {
        let columns = rows(
            ours,
            &format!(
                "SELECT quote_ident(attname), format_type(atttypid, atttypmod) FROM pg_attribute \
                 WHERE attrelid = 'public.{relation}'::regclass AND attnum > 0 ORDER BY attnum"
            ),
        )
        .await;
        let columns: Vec<String> = columns
            .iter()
            .map(|row| row.iter().flatten().cloned().collect::<Vec<_>>().join(" "))
            .collect();
        let create = format!("CREATE TABLE {relation} ({})", columns.join(", "));
        theirs.batch_execute(&create).await.unwrap();
        let copy = format!("COPY {relation} FROM STDIN");
        let sink = theirs.copy_in::<_, Bytes>(&copy).await.unwrap();
        pin_mut!(sink);
        for data in copied(ours, &relation).await {
            sink.send(data).await.unwrap();
        }
        sink.finish().await.unwrap();
    }
}

/// Asks a server the cases of a file.
async fn ask(cases: Vec<Case>, server: Config) -> Vec<(Case, Result<Answer, String>)> {
    let client = connect(&server).await.unwrap();
    let mut answers = Vec::new();
    for case in cases {
        let answer = Answer::ask(&client, &case).await;
        answers.push((case, answer));
    }
    answers
}

/// Asks a server the cases of all files, each by a connection of its own.
async fn ask_all(server: &Config) -> BTreeMap<String, Vec<(Case, Result<Answer, String>)>> {
    let files = cases(&folder("postgres"));
    let count: usize = files.values().map(Vec::len).sum();
    assert!(count > 200, "only {count} queries were found");
    let asked = files
        .into_iter()
        .map(|(file, cases)| (file, tokio::spawn(ask(cases, server.clone()))));
    let mut answers = BTreeMap::new();
    for (file, asked) in asked.collect::<Vec<_>>() {
        answers.insert(file, asked.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_those_that_are_recorded_of_postgresql() {
    let ours = tokio::task::spawn_blocking(Ours::start).await.unwrap();
    let client = connect(&ours.config()).await.unwrap();
    assert_eq!(
        contents(&client).await.trim(),
        recorded("relations").trim(),
        "the lake has other rows than those that the answers are recorded of; {ANEW}"
    );
    let mut faults = Vec::new();
    for (file, answers) in ask_all(&ours.config()).await {
        let mut recorded = read(&recorded(&file));
        for (case, ours) in answers {
            let fault = match recorded.remove(&case.name) {
                Some(theirs) => wrong(case.expected, &ours, &theirs),
                None => Some(format!("has no recorded answer; {ANEW}")),
            };
            faults.extend(
                fault.map(|what| format!("{file}.sql:{} {}\n    {what}", case.line, case.name)),
            );
        }
        let unasked = recorded.into_keys();
        faults.extend(unasked.map(|name| format!("{file}.snap: {name:?} is no query; {ANEW}")));
    }
    assert!(
        faults.is_empty(),
        "{} queries are answered otherwise than PostgreSQL answers them, or not as they are marked:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a PostgreSQL 15; with INSTA_UPDATE=always it records its answers"]
async fn recorded_answers_are_those_of_a_real_postgresql() {
    let real = tokio::task::spawn_blocking(RealPostgres::start);
    let ours = tokio::task::spawn_blocking(Ours::start).await.unwrap();
    let real = real.await.unwrap();
    let admin = connect(&real.config("postgres", "postgres")).await.unwrap();
    for statement in [
        format!("CREATE ROLE {USER} SUPERUSER LOGIN"),
        format!("CREATE DATABASE rapport OWNER {USER}"),
    ] {
        admin.batch_execute(&statement).await.unwrap();
    }
    let theirs = real.config(USER, "rapport");
    let ours = connect(&ours.config()).await.unwrap();
    load(&ours, &connect(&theirs).await.unwrap()).await;
    assert_recorded("relations", &contents(&ours).await);
    for (file, answers) in ask_all(&theirs).await {
        let whole = |(case, answer): (Case, Result<Answer, String>)| {
            let answer = answer.unwrap_or_else(|torn| panic!("{file}.sql:{}: {torn}", case.line));
            (case, answer)
        };
        let answers: Vec<_> = answers.into_iter().map(whole).collect();
        assert_recorded(&file, &written(&answers));
    }
}
