//! Lakes of other layouts: an older one is brought up to date when it is opened and goes on as if it had always been so; a
//! newer one is refused, also by an engine that had it open before.
//!
//! `tests/lakes` has a lake of each older layout as a program of that layout left it: `accounts.ndjson` was put,
//! `landed.ndjson` landed and derived, then `landed-later.ndjson`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rapport_engine::lake::{LAYOUT, TableId};
use rapport_engine::session::Identity;
use rapport_engine::{Engine, NoProgress};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{TestLake, files, rows};

fn now() -> DateTime<Utc> {
    "2026-03-20T12:00:00Z".parse().unwrap()
}

/// The folder of the lake of a layout.
fn fixture(layout: u32) -> PathBuf {
    let lakes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lakes");
    lakes.join(format!("layout-{layout}"))
}

/// The lines of a file of a fixture.
fn lines(layout: u32, file: &str) -> Vec<String> {
    let text = fs::read_to_string(fixture(layout).join(file)).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).unwrap()),
        }
    }
}

/// A copy of the lake of a layout, after `change` was made to its folder.
async fn older(layout: u32, change: impl FnOnce(&Path)) -> TestLake {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    copy(&fixture(layout).join("lake"), &lake);
    change(&lake);
    TestLake::of_folder(folder, now()).await
}

/// A new lake with what the lake of a layout has.
async fn anew(layout: u32) -> TestLake {
    let lake = TestLake::new(now()).await;
    lake.put(&lines(layout, "accounts.ndjson")).await;
    for file in ["landed.ndjson", "landed-later.ndjson"] {
        lake.land_as(file, &lines(layout, file)).await;
        lake.derive().await;
    }
    lake
}

/// The derived tables that have columns which those of a layout lack, and one more.
fn outdated(layout: u32, more: Option<TableId>) -> Vec<TableId> {
    let newer = |id: &TableId| match id {
        TableId::Conversations | TableId::Orders | TableId::DailyMetrics => layout < 2,
        _ => false,
    };
    let derived = TableId::DERIVED.into_iter();
    derived
        .filter(|id| newer(id) || more == Some(*id))
        .collect()
}

/// Events that come after the lake was brought up to date; each of some days that it has.
fn more() -> Vec<String> {
    let line = |id: &str, fields: &str| {
        format!(
            r#"{{"event_id": "n-{id}", "account_id": "acme", "occurred_at": "2026-01-10T14:00:00Z", {fields}}}"#
        )
    };
    vec![
        line(
            "1",
            r#""type": "conversation_started", "conversation_id": "c-3", "channel": "email", "profile_id": "p-9""#,
        ),
        line(
            "2",
            r#""type": "conversation_escalated", "conversation_id": "c-3", "reason": "angry", "procedure": "Refunds", "mood": 1"#,
        ),
        line(
            "3",
            r#""type": "order_placed", "order_id": "1003", "value": 7, "profile_id": "p-9", "gift": true"#,
        ),
        line(
            "4",
            r#""type": "touch", "profile_id": "p-9", "channel": "email", "kind": "opened", "message_id": "m-9", "is_machine_open": true"#,
        ),
    ]
}

/// The rows of all tables. The reason of an unknown type lists the types that a program knows, which older ones did not all.
async fn all(engine: &Engine) -> Vec<(&'static str, Vec<String>)> {
    engine.lake().refresh().await.unwrap();
    let mut all = Vec::new();
    for id in TableId::ALL {
        let rows = rows(engine, id).await.into_iter();
        let rows = rows.map(|row| row.replace("conversation_rated, ", ""));
        all.push((id.name(), rows.collect()));
    }
    all
}

/// What saved queries answer.
async fn answer(engine: &Engine) -> String {
    let session = engine.session(Identity::operator("ann")).await.unwrap();
    let mut answers = String::new();
    for query in ["headline_metrics", "procedures_performance", "tag_counts"] {
        let sql = format!("SELECT * FROM {query}('2026-01-01', '2026-02-01')");
        let batches = session.sql(&sql).await.unwrap().collect().await.unwrap();
        let rows = arrow::util::pretty::pretty_format_batches(&batches).unwrap();
        answers.push_str(&rows.to_string());
    }
    answers
}

#[rstest]
#[case(0)]
#[case(1)]
#[tokio::test(flavor = "multi_thread")]
async fn an_older_lake_goes_on_as_one_that_was_made_today(#[case] layout: u32) {
    let (old, new) = (older(layout, |_| {}).await, anew(layout).await);
    for id in TableId::ALL {
        let table = old.engine.lake().current();
        assert_eq!(table.get(id).layout(), LAYOUT, "{}", id.name());
        let is_outdated = outdated(layout, None).contains(&id);
        assert_eq!(table.get(id).is_outdated(), is_outdated, "{}", id.name());
    }
    old.derive().await;
    assert_eq!(all(&old.engine).await, all(&new.engine).await);
    assert_eq!(answer(&old.engine).await, answer(&new.engine).await);
    let again = old.land(&lines(layout, "landed-later.ndjson")).await;
    assert_eq!((again.landed, again.duplicates), (0, 5), "E1");
    for lake in [&old, &new] {
        assert_eq!(lake.land(&more()).await.landed, 4);
        assert!(!lake.derive().await.is_clean());
        assert!(lake.derive().await.is_clean());
    }
    assert_eq!(all(&old.engine).await, all(&new.engine).await);
    assert_eq!(answer(&old.engine).await, answer(&new.engine).await);
    maintain(&old.engine).await.unwrap();
    assert_eq!(all(&old.reopened().await).await, all(&new.engine).await);
}

async fn maintain(engine: &Engine) -> Result<(), rapport_engine::EngineError> {
    let keep = chrono::TimeDelta::days(7);
    let report = engine.maintain(keep, &NoProgress).await?;
    assert_eq!(report.failed(), 0, "{report:?}");
    Ok(())
}

/// The entries of a table's log, by version.
fn entries(table: &Path) -> Vec<PathBuf> {
    let log = fs::read_dir(table.join("_delta_log")).unwrap();
    let mut entries: Vec<PathBuf> = log.map(|entry| entry.unwrap().path()).collect();
    entries.retain(|path| path.extension().is_some_and(|known| known == "json"));
    entries.sort();
    entries
}

/// Changes every action in a table's log.
fn edit_log(table: &Path, edit: impl Fn(&mut Value)) {
    for entry in entries(table) {
        let text = fs::read_to_string(&entry).unwrap();
        let lines = text.lines().map(|line| {
            let mut action: Value = serde_json::from_str(line).unwrap();
            edit(&mut action);
            format!("{action}\n")
        });
        fs::write(&entry, lines.collect::<String>()).unwrap();
    }
}

/// Takes a column out of a table, as if it had never had it.
fn without_column(table: &Path, column: &str) {
    for path in files(table) {
        if path.extension().is_none_or(|known| known != "parquet") {
            continue;
        }
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap());
        let batches = reader.unwrap().build().unwrap();
        let batches = batches.map(|batch| {
            let mut batch = batch.unwrap();
            let at = batch.schema().index_of(column).unwrap();
            batch.remove_column(at);
            batch
        });
        let batches: Vec<RecordBatch> = batches.collect();
        let file = File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batches[0].schema(), None).unwrap();
        for batch in &batches {
            writer.write(batch).unwrap();
        }
        writer.close().unwrap();
    }
    edit_log(table, |action| {
        if let Some(add) = action.get_mut("add") {
            let path = table.join(add["path"].as_str().unwrap());
            add["size"] = json!(fs::metadata(path).unwrap().len());
        }
        if let Some(metadata) = action.get_mut("metaData") {
            let schema = metadata["schemaString"].as_str().unwrap();
            let mut schema: Value = serde_json::from_str(schema).unwrap();
            let fields = schema["fields"].as_array_mut().unwrap();
            let before = fields.len();
            fields.retain(|field| field["name"] != column);
            assert_eq!(fields.len(), before - 1);
            metadata["schemaString"] = json!(schema.to_string());
        }
    });
}

#[rstest]
#[case::landed(TableId::TouchEvents, "is_machine_open")]
#[case::landed_texts(TableId::OrderEvents, "properties")]
#[case::rejected(TableId::RejectedEvents, "raw_bytes")]
#[case::derived(TableId::Conversations, "escalation_procedure")]
#[case::derived_from_derived(TableId::AttributedOrders, "profile_id")]
#[tokio::test(flavor = "multi_thread")]
async fn a_table_gets_the_columns_that_it_lacks(#[case] id: TableId, #[case] column: &str) {
    let old = older(0, |lake| without_column(&lake.join(id.name()), column)).await;
    let new = anew(0).await;
    let outdated = outdated(0, Some(id));
    let lake = old.engine.lake();
    let is_outdated = outdated.contains(&id);
    assert_eq!(lake.current().get(id).is_outdated(), is_outdated);
    // The new column is known to every reader of the table, and null in its old rows.
    let newest = entries(&old.folder.path().join("lake").join(id.name()));
    let newest = fs::read_to_string(newest.last().unwrap()).unwrap();
    assert!(newest.contains(&format!("\\\"{column}\\\"")), "{newest}");
    assert_eq!(
        rows(&old.engine, id).await.len(),
        rows(&new.engine, id).await.len()
    );
    answer(&old.engine).await;

    let report = old.derive().await;
    let written = report.tables.iter().filter(|table| table.files > 0);
    let anew: Vec<&str> = written.map(|table| table.table).collect();
    let expected: Vec<&str> = outdated.iter().map(|id| id.name()).collect();
    assert_eq!(anew, expected, "only what is outdated is derived anew");
    assert!(!lake.current().get(id).is_outdated());
    assert!(old.derive().await.is_clean());
    assert_eq!(all(&old.engine).await, all(&new.engine).await);
    for lake in [&old, &new] {
        assert_eq!(lake.land(&more()).await.landed, 4);
        lake.derive().await;
    }
    assert_eq!(all(&old.engine).await, all(&new.engine).await);
    // Files with and without the column become one.
    maintain(&old.engine).await.unwrap();
    assert_eq!(all(&old.engine).await, all(&new.engine).await);
    assert_eq!(answer(&old.engine).await, answer(&new.engine).await);
}

/// States in each table's log that another program has brought it to a newer layout.
fn make_newer(lake: &Path) {
    for id in TableId::ALL {
        let table = lake.join(id.name());
        let entries = entries(&table);
        let first = fs::read_to_string(&entries[0]).unwrap();
        let metadata = first.lines().find(|line| line.contains("\"metaData\""));
        let mut metadata: Value = serde_json::from_str(metadata.unwrap()).unwrap();
        let newer = (LAYOUT + 1).to_string();
        metadata["metaData"]["configuration"]["rapport.layout"] = json!(newer);
        let entry = format!("_delta_log/{:020}.json", entries.len());
        fs::write(table.join(entry), format!("{metadata}\n")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_lake_is_refused_also_where_it_is_open() {
    let lake = anew(0).await;
    // It has looked at the lake before, and has something to do.
    let running = lake.reopened().await;
    lake.land(&more()).await;
    let served = answer(&running).await;
    let path = lake.folder.path().join("lake");
    make_newer(&path);
    let (before, url) = (files(&path), format!("{}/", path.display()));

    let land = running.land(vec![more_source()], &NoProgress).await;
    let errors = [
        Engine::open(lake.options()).await.map(drop).unwrap_err(),
        land.map(drop).unwrap_err(),
        running.derive(&NoProgress).await.map(drop).unwrap_err(),
        maintain(&running).await.unwrap_err(),
        running
            .put_accounts(vec![settings()])
            .await
            .map(drop)
            .unwrap_err(),
    ];
    for error in errors {
        let error = error.to_string();
        let layout = format!("has layout {}", LAYOUT + 1);
        let newest = format!("up to {LAYOUT}");
        for part in [url.as_str(), layout.as_str(), newest.as_str(), "rapport"] {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
    assert_eq!(files(&path), before, "nothing is written to a newer lake");
    assert_eq!(answer(&running).await, served, "what was read is served");
}

fn more_source() -> rapport_engine::LandSource {
    let line = more()[0].replace("n-1", "n-9");
    rapport_engine::LandSource::bytes("more.ndjson", line)
}

fn settings() -> rapport_data::Settings {
    rapport_data::Settings::defaults("gamma").unwrap()
}
