//! A version that is read from a log is the one that was committed, whatever checkpoints there are; or none.

#![allow(clippy::unwrap_used, clippy::panic)]

mod sequences;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use deltalake_core::DeltaTable;
use deltalake_core::kernel::{Metadata, MetadataExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::lake::layout::{LAYOUT, LAYOUT_PROPERTY};
use crate::lake::snapshot::{DataFile, Partition};
use crate::lake::stats::FileStatistics;
use crate::lake::store::Location;
use crate::lake::write::NewFile;
use crate::lake::{Change, Operation, TableId};

const TABLE: TableId = TableId::Conversations;
const ACCOUNTS: [&str; 3] = ["acme", "café 100%", "b{1}"];
const APPLICATIONS: [&str; 3] = ["order_events", "behind/acme", "zone_rules/Europe/Paris"];

/// What a version has.
#[derive(Debug, Clone, PartialEq)]
struct State {
    /// By path; without the versions that added them, which checkpoints do not have.
    files: BTreeMap<String, DataFile>,
    transactions: Vec<Option<i64>>,
    metadata: Metadata,
}

impl State {
    fn of(table: &TableSnapshot) -> Self {
        let files = table.all_files().into_iter().map(|file| {
            let file = DataFile {
                version: 0,
                ..file.as_ref().clone()
            };
            (file.path.clone(), file)
        });
        let all: Vec<_> = files.collect();
        let files: BTreeMap<String, DataFile> = all.iter().cloned().collect();
        assert_eq!(files.len(), all.len(), "a path is twice in a version");
        Self {
            files,
            transactions: APPLICATIONS.map(|name| table.transaction(name)).into(),
            metadata: table.metadata().unwrap().clone(),
        }
    }

    /// What deltalake reads.
    async fn by_deltalake(log: &TableLog, version: i64) -> Self {
        let mut table = DeltaTable::new(Arc::clone(&log.log));
        table.load_version(version.unsigned_abs()).await.unwrap();
        let state = table.snapshot().unwrap();
        let known = state.log_data();
        let files = known.iter().map(|file| {
            let values: HashMap<_, _> = file.partition_values_map();
            let value = |column: &str| values.get(column).and_then(Option::as_deref);
            let file = DataFile {
                path: file.path().into_owned(),
                size: file.size().unsigned_abs(),
                partition: Partition::parse(TABLE, value).unwrap(),
                version: 0,
                committed_at: file.modification_time(),
                statistics: Arc::new(FileStatistics::from_json(TABLE, &file.stats().unwrap())),
            };
            (file.path.clone(), file)
        });
        let files = files.collect();
        let mut transactions = Vec::new();
        for name in APPLICATIONS {
            let recorded = state.transaction_version(log.log.as_ref(), name).await;
            transactions.push(recorded.unwrap());
        }
        Self {
            files,
            transactions,
            metadata: state.metadata().clone(),
        }
    }
}

/// A table without rows, in memory.
async fn table() -> TableLog {
    let location = Location::resolve("memory:///lake", &Default::default(), true).unwrap();
    let log = TableLog::new(TABLE, &location).unwrap();
    log.create().await.unwrap();
    log
}

async fn newest(log: &TableLog) -> TableSnapshot {
    log.load().await.unwrap().unwrap()
}

async fn commit(log: &TableLog, change: Change) -> TableSnapshot {
    let base = newest(log).await;
    let changes = log.commit(&base, change).await.unwrap().unwrap();
    base.advanced(base.version() + 1, changes)
}

/// A file of an account; `seed` decides what else.
fn file(account: usize, seed: u8, path: Option<String>) -> NewFile {
    let partition = Partition::new(ACCOUNTS[account], i32::from(seed % 3) * 31);
    let day = format!("2026-01-{:02}", seed % 28 + 1);
    let at = format!("{day}T00:00:00.{seed:06}Z");
    let of = |text: &str| json!({"conversation_id": text, "started_at": at, "started_on": day});
    let nulls = json!({"conversation_id": 0, "started_at": 0, "started_on": 0, "idle_at": 7});
    let statistics = json!({
        "numRecords": 7, "minValues": of("\"a\\ü"), "maxValues": of("z"), "nullCount": nulls,
    });
    let folder = partition.folder(TABLE);
    NewFile {
        path: path.unwrap_or_else(|| format!("{folder}part-{}.parquet", uuid::Uuid::now_v7())),
        size: u64::from(seed),
        partition,
        statistics: Arc::new(FileStatistics::from_json(TABLE, &statistics.to_string())),
    }
}

fn adds(files: impl IntoIterator<Item = u8>) -> Change {
    Change {
        adds: files.into_iter().map(|seed| file(0, seed, None)).collect(),
        ..Change::new(Operation::Derive)
    }
}

/// What `_last_checkpoint` says.
#[derive(Debug, Clone, Copy)]
enum Hinted {
    AsWritten,
    Nothing,
    Nonsense,
    Version(i64),
}

async fn hint(log: &TableLog, hinted: Hinted) {
    let text = match hinted {
        Hinted::AsWritten => return,
        Hinted::Nothing => return delete(log, HINT).await,
        Hinted::Nonsense => "{\"version\":".to_owned(),
        Hinted::Version(version) => json!({"version": version, "size": 1}).to_string(),
    };
    put(log, HINT, text).await;
}

async fn put(log: &TableLog, path: &str, bytes: impl Into<Bytes>) {
    let bytes: Bytes = bytes.into();
    log.store()
        .put(&Path::from(path), bytes.into())
        .await
        .unwrap();
}

async fn bytes(log: &TableLog, path: &str) -> Bytes {
    log.fetch(&Path::from(path)).await.unwrap().unwrap()
}

async fn delete(log: &TableLog, path: &str) {
    match log.store().delete(&Path::from(path)).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

async fn expire_before(log: &TableLog, version: i64) {
    for version in 0..version {
        delete(log, &entry_path(version)).await;
    }
}

fn checkpoint_path(version: i64) -> String {
    format!("_delta_log/{version:020}.checkpoint.parquet")
}

/// Leaves half of a checkpoint.
async fn tear(log: &TableLog, version: i64) {
    let path = checkpoint_path(version);
    let whole = bytes(log, &path).await;
    put(log, &path, whole.slice(..whole.len() / 2)).await;
}

#[tokio::test]
async fn a_large_entry_is_parsed_in_parts() {
    let log = table().await;
    let change = adds((0..4000).map(|n| (n % 251) as u8));
    let committed = State::of(&commit(&log, change).await);
    let entry = bytes(&log, &entry_path(1)).await;
    assert!(entry.len() > 2 * super::super::actions::PART_BYTES);
    let whole = log.parse_lines(1, &entry).unwrap();
    let parts = log.parse(1, entry).await.unwrap();
    assert_eq!(parts.adds, whole.adds, "in their order");
    assert_eq!(State::of(&newest(&log).await), committed);
    assert_eq!(State::by_deltalake(&log, 1).await, committed);
}

/// Writes a checkpoint's rows as two files, as a checkpoint in parts.
async fn split(log: &TableLog, version: i64) -> [String; 2] {
    let whole = bytes(log, &checkpoint_path(version)).await;
    let builder = ParquetRecordBatchReaderBuilder::try_new(whole).unwrap();
    let rows: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    let rows = arrow::compute::concat_batches(&rows[0].schema(), &rows).unwrap();
    let half = rows.num_rows() / 2;
    let names = [1, 2].map(|part| {
        format!(
            "_delta_log/{version:020}.checkpoint.{part:010}.{:010}.parquet",
            2
        )
    });
    let halves = [
        rows.slice(0, half),
        rows.slice(half, rows.num_rows() - half),
    ];
    for (name, part) in names.iter().zip(halves) {
        let mut file = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut file, part.schema(), None).unwrap();
        writer.write(&part).unwrap();
        writer.close().unwrap();
        put(log, name, file).await;
    }
    delete(log, &checkpoint_path(version)).await;
    names
}

/// A log of four versions with a checkpoint at the third, and what its newest has.
async fn with_checkpoint() -> (TableLog, State) {
    let log = table().await;
    for version in 1..=4 {
        let committed = commit(&log, adds([version, 10 * version])).await;
        if committed.version() == 3 {
            log.checkpoint(3).await;
        }
    }
    let state = State::of(&newest(&log).await);
    assert_eq!(state.files.len(), 8);
    (log, state)
}

#[tokio::test]
async fn a_checkpoint_in_parts_counts_if_all_are_there() {
    let (log, state) = with_checkpoint().await;
    let [_, second] = split(&log, 3).await;
    let mut read = vec![newest(&log).await];
    expire_before(&log, 4).await;
    read.push(newest(&log).await);
    for table in read {
        assert_eq!((State::of(&table), table.read_from()), (state.clone(), 3));
    }
    delete(&log, &second).await;
    let error = log.load().await.unwrap_err().to_string();
    assert!(
        error.contains("conversations") && error.contains("checkpoint"),
        "{error}"
    );
}

#[rstest]
#[case("80a083e8-7026-4e79-81be-64bd76c43a11.json")]
#[case("80a083e8-7026-4e79-81be-64bd76c43a11.parquet")]
#[tokio::test]
async fn a_checkpoint_of_an_unknown_form_is_named_where_entries_do_not_suffice(#[case] form: &str) {
    let (log, state) = with_checkpoint().await;
    let (known, other) = (
        checkpoint_path(3),
        format!("_delta_log/{:020}.checkpoint.{form}", 3),
    );
    put(&log, &other, bytes(&log, &known).await).await;
    delete(&log, &known).await;
    let table = newest(&log).await;
    assert_eq!((State::of(&table), table.read_from()), (state, BEGINNING));
    expire_before(&log, 3).await;
    let error = log.load().await.unwrap_err().to_string();
    assert!(
        error.contains("conversations") && error.contains(form),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_expired_after_it_was_listed_is_listed_again() {
    let (log, state) = with_checkpoint().await;
    let listed = log.files(0).await.unwrap();
    log.checkpoint(4).await;
    expire_before(&log, 4).await;
    delete(&log, &checkpoint_path(3)).await;
    assert!(log.replay_any(&listed, 4).await.unwrap().is_none());
    assert_eq!(State::of(&newest(&log).await), state);
}

#[tokio::test]
async fn no_version_is_read_over_a_gap() {
    let (log, _) = with_checkpoint().await;
    tear(&log, 3).await;
    delete(&log, &entry_path(2)).await;
    let error = log.load().await.unwrap_err().to_string();
    assert!(error.contains("neither all entries"), "{error}");
    assert!(log.load_version(9).await.is_err(), "not committed yet");
    assert_eq!(log.load_version(1).await.unwrap().all_files().len(), 2);
}

#[tokio::test]
async fn a_table_without_a_log_is_none() {
    let location = Location::resolve("memory:///lake", &Default::default(), true).unwrap();
    let log = TableLog::new(TABLE, &location).unwrap();
    assert!(log.load().await.unwrap().is_none());
}

const VECTOR: &str = r#"{"add": {"path": "p.parquet", "partitionValues": {"account_id": "acme", "month": "2026-01-01"},
    "size": 1, "modificationTime": 1, "dataChange": true, "stats": null, "deletionVector": {"storageType": "u"}}}"#;
const FEATURES: &str = r#"{"protocol": {"minReaderVersion": 3, "minWriterVersion": 7,
    "readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}}"#;

#[rstest]
#[case::feature(FEATURES, "deletionVectors")]
#[case::version(
    r#"{"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}"#,
    "version 2"
)]
#[case::deleted_rows(VECTOR, "deletionVectors")]
#[case::not_json("{\"add\": {\"path\"", "version 1 is damaged")]
#[tokio::test]
async fn what_cannot_be_read_rightly_is_refused_by_name(#[case] entry: &str, #[case] named: &str) {
    let log = table().await;
    put(&log, &entry_path(1), entry.replace('\n', "")).await;
    let error = log.load().await.unwrap_err().to_string();
    assert!(
        error.contains("conversations") && error.contains(named),
        "{error}"
    );
}

#[tokio::test]
async fn a_newer_layout_is_refused_also_in_a_checkpoint() {
    let log = table().await;
    let newer = (LAYOUT + 1).to_string();
    let base = newest(&log).await;
    let metadata = base.metadata().unwrap().clone();
    let change = Change {
        metadata: Some(
            metadata
                .add_config_key(LAYOUT_PROPERTY.into(), newer)
                .unwrap(),
        ),
        ..Change::new(Operation::Upgrade)
    };
    assert!(matches!(
        log.commit(&base, change).await,
        Err(LakeError::Layout { .. })
    ));
    log.checkpoint(1).await;
    expire_before(&log, 2).await;
    assert!(matches!(log.load().await, Err(LakeError::Layout { .. })));
}
