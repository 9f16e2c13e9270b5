//! The same answers as a real PostgreSQL 15, over the same tables.
//!
//! The queries stand in `tests/postgres/*.sql`, by topic (see [`case`]). A PostgreSQL of the test's own gets the relations
//! of a small lake, with the types that the endpoint describes and the rows that it copies out; then every query runs
//! against both, as text and in binary, and columns, types, rows and errors are compared.

mod case;
mod compare;
mod real;

use std::path::PathBuf;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{SinkExt, TryStreamExt, pin_mut};
use tempfile::TempDir;
use tokio_postgres::{Client, Config};

use crate::program::{Program, Served};
use crate::support::{connect, rows};
use case::{Case, cases};
use compare::differences;
use real::RealPostgres;

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

/// Makes the relations of our server tables of PostgreSQL's.
async fn load(ours: &Client, theirs: &Client) {
    let tables =
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
    let tables = rows(ours, tables).await;
    assert_eq!(tables.len(), 10, "the relations of an operator: {tables:?}");
    for table in tables.iter().filter_map(|row| row[0].as_deref()) {
        let columns = rows(
            ours,
            &format!(
                "SELECT quote_ident(attname), format_type(atttypid, atttypmod) FROM pg_attribute \
                 WHERE attrelid = 'public.{table}'::regclass AND attnum > 0 ORDER BY attnum"
            ),
        )
        .await;
        let columns: Vec<String> = columns
            .iter()
            .map(|row| row.iter().flatten().cloned().collect::<Vec<_>>().join(" "))
            .collect();
        let create = format!("CREATE TABLE {table} ({})", columns.join(", "));
        theirs.batch_execute(&create).await.unwrap();
        let source = ours
            .copy_out(&format!("COPY {table} TO STDOUT"))
            .await
            .unwrap();
        let sink = theirs
            .copy_in::<_, Bytes>(&format!("COPY {table} FROM STDIN"))
            .await
            .unwrap();
        pin_mut!(source);
        pin_mut!(sink);
        while let Some(data) = source.try_next().await.unwrap() {
            sink.send(data).await.unwrap();
        }
        sink.finish().await.unwrap();
    }
}

/// Runs the cases of a file, and tells where the answers differ.
async fn check(cases: Vec<Case>, ours: Config, theirs: Config) -> Vec<String> {
    let (ours, theirs) = (
        connect(&ours).await.unwrap(),
        connect(&theirs).await.unwrap(),
    );
    let mut wrong = Vec::new();
    for case in cases {
        if let Some(what) = differences(&case, &ours, &theirs).await {
            wrong.push(format!(
                "{}:{} {}\n    {what}",
                case.file, case.line, case.name
            ));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_those_of_a_real_postgresql() {
    let real = tokio::task::spawn_blocking(RealPostgres::start);
    let ours = tokio::task::spawn_blocking(Ours::start).await.unwrap();
    let real = real.await.unwrap();
    let admin = connect(&real.config("postgres", "postgres")).await.unwrap();
    admin
        .batch_execute(&format!("CREATE ROLE {USER} SUPERUSER LOGIN"))
        .await
        .unwrap();
    admin
        .batch_execute(&format!("CREATE DATABASE rapport OWNER {USER}"))
        .await
        .unwrap();
    let theirs = real.config(USER, "rapport");
    load(
        &connect(&ours.config()).await.unwrap(),
        &connect(&theirs).await.unwrap(),
    )
    .await;

    let files = cases(&folder("postgres"));
    let count: usize = files.iter().map(Vec::len).sum();
    assert!(count > 200, "only {count} queries were found");
    let tasks: Vec<_> = files
        .into_iter()
        .map(|cases| tokio::spawn(check(cases, ours.config(), theirs.clone())))
        .collect();
    let mut wrong = Vec::new();
    for task in tasks {
        wrong.append(&mut task.await.unwrap());
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} queries are answered otherwise than PostgreSQL answers them, or not as they are marked:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
