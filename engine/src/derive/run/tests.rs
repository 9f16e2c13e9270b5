//! Derives that end, or meet others, between two of their commits.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use super::*;
use crate::lake::{ALL_DATES, Marked};
use crate::{EngineOptions, Include, LandSource, NoProgress};

/// Lakes of one name are one lake: a second engine is another process.
async fn open(lake: &tempfile::TempDir) -> Engine {
    Engine::open(EngineOptions {
        lake: lake.path().to_str().unwrap().to_owned(),
        create: true,
        threads: 2,
        now: Some("2026-03-20T12:00:00Z".parse().unwrap()),
        ..EngineOptions::default()
    })
    .await
    .unwrap()
}

async fn land(engine: &Engine, lines: &[String]) {
    let source = LandSource::bytes("test", lines.join("\n"));
    engine.land(vec![source], &NoProgress).await.unwrap();
}

fn event(id: &str, at: &str, fields: &str) -> String {
    format!(
        r#"{{"event_id": "{id}", "account_id": "acme", "occurred_at": "{at}T10:00:00Z", {fields}}}"#
    )
}

/// Other conversations and orders, so that a few new events are not most of the account.
fn bulk() -> Vec<String> {
    (0..20)
        .flat_map(|i| {
            let start = format!(
                r#""type": "conversation_started", "conversation_id": "b{i}", "channel": "web_chat""#
            );
            let order = format!(r#""type": "order_placed", "order_id": "b{i}", "value": 1"#);
            [
                event(&format!("bs{i}"), "2026-02-01", &start),
                event(&format!("bo{i}"), "2026-02-01", &order),
            ]
        })
        .collect()
}

fn all() -> Request {
    Request {
        failed: true,
        pending: true,
        ..Request::default()
    }
}

/// Derives some tables, as a derive does that is killed after them.
async fn derive_some(engine: &Engine, tables: &[TableId]) {
    let all = all();
    let mut run = Run::prepare(engine, &all).await.unwrap();
    run.derive_tables(tables, &NoProgress).await.unwrap();
}

/// A derived table as text, whatever files it is in.
async fn rows_of(engine: &Engine, id: TableId) -> String {
    let files = engine.lake().refresh().await.unwrap().get(id).all_files();
    let context = datafusion::prelude::SessionContext::new_with_config_rt(
        Default::default(),
        Arc::clone(engine.runtime()),
    );
    let table = crate::lake::LakeScan::over(engine.lake().clone(), id, files);
    let rows = context.read_table(table).unwrap().collect().await.unwrap();
    let text = arrow::util::pretty::pretty_format_batches(&rows)
        .unwrap()
        .to_string();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

async fn all_rows(engine: &Engine) -> Vec<String> {
    let mut tables = Vec::new();
    for id in TableId::DERIVED {
        tables.push(rows_of(engine, id).await);
    }
    tables
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_e2_events_that_waited_through_a_killed_derive_are_found() {
    let batches = [
        bulk(),
        vec![
            event(
                "m1",
                "2026-03-01",
                r#""type": "message_sent", "conversation_id": "c1", "sender": "shopper", "text": "Hi""#,
            ),
            event(
                "r1",
                "2026-03-01",
                r#""type": "order_refunded", "order_id": "o1", "value": 3"#,
            ),
        ],
        vec![
            event(
                "s1",
                "2026-03-05",
                r#""type": "conversation_started", "conversation_id": "c1", "channel": "web_chat""#,
            ),
            event(
                "p1",
                "2026-03-05",
                r#""type": "order_placed", "order_id": "o1", "value": 9"#,
            ),
        ],
    ];
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let whole = open(&folders[0]).await;
    land(&whole, &batches.concat()).await;
    whole.derive(&NoProgress).await.unwrap();
    let expected = all_rows(&whole).await;
    let conversations = rows_of(&whole, TableId::Conversations).await;
    assert!(conversations.contains("| c1 ") && conversations.contains("| Hi "));

    for killed_after in 0..TableId::DERIVED.len() {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder).await;
        land(&engine, &batches[0]).await;
        engine.derive(&NoProgress).await.unwrap();
        land(&engine, &batches[1]).await;
        derive_some(&engine, &TableId::DERIVED[..killed_after]).await;
        land(&engine, &batches[2]).await;
        // Another process goes on, and may be killed too.
        let other = open(&folder).await;
        derive_some(&other, &TableId::DERIVED[..killed_after]).await;
        let last = open(&folder).await;
        last.derive(&NoProgress).await.unwrap();
        assert_eq!(
            all_rows(&last).await,
            expected,
            "killed after {killed_after} tables"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_a_lake_opened_between_two_commits_serves_tables_that_agree() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let message = |id: &str| {
        event(
            id,
            "2026-03-01",
            r#""type": "message_sent", "conversation_id": "b1", "sender": "human""#,
        )
    };
    let touch = r#""type": "touch", "profile_id": "p", "channel": "sms", "kind": "clicked", "message_id": "m""#;
    let files = |engine: &Engine| {
        let served = engine.lake().served();
        TableId::DERIVED.map(|id| -> Vec<String> {
            let files = served.get(id).all_files();
            files.iter().map(|file| file.path.clone()).collect()
        })
    };
    // Nothing is derived yet: then nothing is served.
    land(&engine, &bulk()).await;
    derive_some(&engine, &TableId::DERIVED[..2]).await;
    assert!(files(&open(&folder).await).iter().all(Vec::is_empty));
    engine.derive(&NoProgress).await.unwrap();
    let whole = files(&open(&folder).await);
    assert!(!whole[0].is_empty());

    // Two derives in a row that get no further than the first tables.
    for (id, killed_after) in [("x1", 2), ("x2", 1)] {
        let lines = [message(id), event(&format!("t{id}"), "2026-03-02", touch)];
        land(&engine, &lines).await;
        derive_some(&engine, &TableId::DERIVED[..killed_after]).await;
        let other = open(&folder).await;
        assert_eq!(files(&other), whole, "after {id}");
        let current = other.lake().current();
        assert_ne!(
            current.get(TableId::Conversations).all_files()[0].path,
            whole[0][0]
        );
        // What has landed since is served as landed, and known as not derived.
        let served = other.lake().served();
        let landed = served.get(TableId::ConversationEvents);
        assert_eq!(
            landed.version(),
            engine.lake().current().get(landed.id()).version()
        );
        let consumed = served
            .get(TableId::Conversations)
            .transaction(landed.id().name());
        let newer = landed
            .all_files()
            .iter()
            .filter(|f| Some(f.version) > consumed)
            .count();
        assert_eq!(newer, if id == "x1" { 1 } else { 2 });
    }
    let last = open(&folder).await;
    last.derive(&NoProgress).await.unwrap();
    assert_eq!(files(&last), files(&open(&folder).await));
    assert_ne!(files(&last), whole);
}

/// The Parquet files in a derived table's folder.
fn stored(folder: &std::path::Path, id: TableId) -> BTreeSet<String> {
    let table = folder.join(id.name());
    let mut folders = vec![table.clone()];
    let mut files = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "parquet")
                && !path.starts_with(table.join("_delta_log"))
            {
                files.insert(
                    path.strip_prefix(&table)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                );
            }
        }
    }
    files
}

fn named(engine: &Engine, id: TableId) -> BTreeSet<String> {
    let files = engine.lake().current().get(id).all_files();
    files.iter().map(|file| file.path.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_derive_that_lost_its_race_are_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    land(&engine, &bulk()).await;
    let all = all();
    let mut late = Run::prepare(&engine, &all).await.unwrap();
    let other = open(&folder).await;
    other.derive(&NoProgress).await.unwrap();
    let versions = |lake: &LakeSnapshot| TableId::DERIVED.map(|id| lake.get(id).version());
    let before = versions(&other.lake().current());
    let Derived {
        tables, dropped, ..
    } = late
        .derive_tables(&TableId::DERIVED, &NoProgress)
        .await
        .unwrap();
    assert!(tables.iter().all(|table| table.rows == 0), "{tables:?}");
    assert!(dropped.is_empty(), "the other has derived them");
    assert_eq!(versions(&other.lake().refresh().await.unwrap()), before);
    for id in TableId::DERIVED {
        assert_eq!(stored(folder.path(), id), named(&other, id));
    }
}

/// Takes a landed file of an account away, and puts it back.
struct Hidden {
    file: PathBuf,
    hidden: PathBuf,
}

impl Hidden {
    fn of(engine: &Engine, folder: &tempfile::TempDir, account: &str) -> Hidden {
        let events = engine.lake().current();
        let events = events
            .get(TableId::ConversationEvents)
            .files(Some(account), ALL_DATES);
        let table = folder.path().join("conversation_events");
        let file = table.join(&events[0].path);
        let hidden = folder.path().join("hidden");
        std::fs::rename(&file, &hidden).unwrap();
        Hidden { file, hidden }
    }

    fn put_back(self) {
        std::fs::rename(self.hidden, self.file).unwrap();
    }
}

fn of(lines: &[String], account: &str) -> Vec<String> {
    let rename = |line: &String| line.replace("acme", account);
    lines.iter().map(rename).collect()
}

/// How many conversations an account has, as served.
fn conversations(engine: &Engine, account: &str) -> u64 {
    let served = engine.lake().served();
    let files = served
        .get(TableId::Conversations)
        .files(Some(account), ALL_DATES);
    files.iter().map(|file| file.rows()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_fails_keeps_no_other_from_being_derived() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    land(&engine, &bulk()).await;
    land(&engine, &of(&bulk()[..4], "beta")).await;
    let hidden = Hidden::of(&engine, &folder, "beta");
    let report = engine.derive(&NoProgress).await.unwrap();
    let failed: Vec<_> = report
        .failed
        .iter()
        .map(|f| (f.account.as_str(), f.table))
        .collect();
    assert_eq!(failed, [("beta", "conversations")]);
    let all = conversations(&engine, "acme");
    assert!(all > 0);
    assert_eq!(conversations(&engine, "beta"), 0);
    assert_eq!(engine.lake().marked_accounts().failed, 1);

    // What came for the others goes on being derived, and who failed is not tried again unless that is wanted.
    let more = r#""type": "conversation_started", "conversation_id": "c1", "channel": "sms""#;
    let more = of(&[event("s1", "2026-03-19", more)], "gamma");
    land(&engine, &more).await;
    let others = Include {
        failed: false,
        ..Include::ALL
    };
    let report = engine.derive_including(others, &NoProgress).await.unwrap();
    assert_eq!(report.failed, []);
    assert_eq!(conversations(&engine, "gamma"), 1);
    // It fails alone now: nothing is committed, and the derive as a whole has failed.
    let error = engine.derive(&NoProgress).await.unwrap_err();
    assert!(error.to_string().contains("beta"), "{error}");

    // Another process learns from the log who is behind.
    let other = open(&folder).await;
    assert_eq!(conversations(&other, "acme"), all);
    hidden.put_back();
    let report = other.derive(&NoProgress).await.unwrap();
    assert_eq!(report.failed, []);
    assert_eq!(other.lake().marked_accounts(), Marked::default());
    assert_eq!(conversations(&other, "beta"), 2);
    let anew = tempfile::tempdir().unwrap();
    let fresh = open(&anew).await;
    for lines in [bulk(), of(&bulk()[..4], "beta"), more] {
        land(&fresh, &lines).await;
    }
    fresh.derive(&NoProgress).await.unwrap();
    for table in TableId::DERIVED {
        let (healed, fresh) = (rows_of(&other, table).await, rows_of(&fresh, table).await);
        assert_eq!(healed, fresh, "{}", table.name());
    }
    assert!(other.derive(&NoProgress).await.unwrap().is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_derive_that_failed_are_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    land(&engine, &of(&bulk()[..4], "beta")).await;
    let _hidden = Hidden::of(&engine, &folder, "beta");
    let error = engine.derive(&NoProgress).await.unwrap_err();
    assert!(error.to_string().contains("beta"), "{error}");
    assert!(stored(folder.path(), TableId::Conversations).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_derive_that_was_overtaken_counts_no_orphan_twice() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let message = |n: u8| {
        let fields = r#""type": "message_sent", "conversation_id": "c1", "sender": "shopper""#;
        event(&format!("m{n}"), "2026-03-01", fields)
    };
    land(&engine, &bulk()).await;
    land(&engine, &[message(1)]).await;
    let all = all();
    let mut late = Run::prepare(&engine, &all).await.unwrap();
    let other = open(&folder).await;
    land(&other, &[message(2)]).await;
    assert_eq!(other.derive(&NoProgress).await.unwrap().orphans, 2);

    let newest = engine.lake().refresh().await.unwrap();
    for tables in [&TableId::DERIVED[..1], &TableId::DERIVED] {
        late.derive_tables(tables, &NoProgress).await.unwrap();
        let left = engine.lake().refresh().await.unwrap();
        for table in TableId::DERIVED {
            assert_eq!(left.get(table).version(), newest.get(table).version());
        }
    }
    assert_eq!(engine.derive(&NoProgress).await.unwrap().orphans, 2);
}

mod rounds;
