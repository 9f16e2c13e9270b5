//! Reads and writes the checkpoints of a table's log: Parquet files with all actions that a version rests on.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, MapArray, RecordBatch};
use arrow::compute::{filter_record_batch, is_not_null, or};
use arrow::datatypes::Int64Type;
use arrow::json::LineDelimitedWriter;
use bytes::Bytes;
use deltalake_core::DeltaTable;
use deltalake_core::checkpoints::create_checkpoint;
use futures::future::try_join_all;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::actions::Stated;
use super::error::LakeError;
use super::log::TableLog;
use super::snapshot::{FileChanges, Partition};

/// Number of versions between two checkpoints. Opening a table reads at most this many log entries.
const EVERY: i64 = 50;

/// The columns whose values are read as an entry's lines.
const AS_LINES: [&str; 3] = ["txn", "metaData", "protocol"];
/// What is read of the files; statistics as JSON, as entries have them.
const OF_FILES: [&str; 6] = [
    "add.path",
    "add.partitionValues",
    "add.size",
    "add.modificationTime",
    "add.stats",
    "add.deletionVector",
];
/// Rows that one thread parses at once.
const BATCH_ROWS: usize = 4096;

impl TableLog {
    /// Reads the actions in a file of a checkpoint.
    pub(super) async fn read_checkpoint(&self, file: Bytes) -> Result<FileChanges, LakeError> {
        let batches = self.blocking(move || batches(file)).await?;
        let parts = batches.into_iter().map(|batch| {
            let log = self.clone();
            self.blocking(move || log.actions(&batch))
        });
        let mut actions = FileChanges::default();
        for part in try_join_all(parts).await? {
            actions.extend(part);
        }
        Ok(actions)
    }

    fn actions(&self, batch: &RecordBatch) -> Result<FileChanges, LakeError> {
        let mut actions = self.parse_lines(0, &lines(batch)?)?;
        let Some(adds) = batch.column_by_name("add").and_then(|c| c.as_struct_opt()) else {
            return Ok(actions);
        };
        let column = |name: &str| adds.column_by_name(name);
        let lacks = |name: &str| {
            let reason = format!("a checkpoint in its log has no column add.{name} of its type");
            move || self.damaged(reason)
        };
        let numbers = |name: &str| {
            let numbers = column(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
            numbers.ok_or_else(lacks(name))
        };
        let strings = |name: &str| {
            let strings = column(name).and_then(|c| c.as_string_opt::<i32>());
            strings.ok_or_else(lacks(name))
        };
        let (paths, statistics) = (strings("path")?, strings("stats")?);
        let (sizes, times) = (numbers("size")?, numbers("modificationTime")?);
        let partitions = column("partitionValues").and_then(|c| c.as_map_opt());
        let partitions = partitions.ok_or_else(lacks("partitionValues"))?;
        let vectors = column("deletionVector");
        for row in (0..adds.len()).filter(|row| adds.is_valid(*row)) {
            let partition = Partition::parse(self.id, |name| value_of(partitions, row, name));
            actions.adds.push(self.data_file(Stated {
                path: paths.value(row),
                size: sizes.value(row),
                partition: partition.map_err(|reason| self.damaged(reason))?,
                version: 0,
                modification_time: times.value(row),
                statistics: statistics.is_valid(row).then(|| statistics.value(row)),
                has_deleted_rows: vectors.is_some_and(|vectors| vectors.is_valid(row)),
            })?);
        }
        Ok(actions)
    }

    /// Writes a checkpoint where one is due after a commit.
    pub(super) async fn checkpoint_when_due(&self, version: i64) {
        if version % EVERY == 0 {
            self.checkpoint(version).await;
        }
    }

    /// Writes a checkpoint. It only speeds up opening, so a failure is logged and otherwise ignored.
    pub(super) async fn checkpoint(&self, version: i64) {
        let made = async {
            let mut table = DeltaTable::new(Arc::clone(&self.log));
            let loaded = table.load_version(version.unsigned_abs()).await;
            loaded.map_err(self.delta())?;
            let made = create_checkpoint(&table, None).await;
            made.map_err(self.delta())?;
            let written = format!("_delta_log/{version:020}.checkpoint.parquet");
            self.durable
                .sync_files([written.as_str(), "_delta_log/_last_checkpoint"])
                .await
        };
        if let Err(error) = made.await {
            tracing::warn!(table = self.id.name(), %error, "no checkpoint was written");
        }
    }
}

/// Decodes what is needed of a checkpoint's file.
fn batches(file: Bytes) -> Result<Vec<RecordBatch>, LakeError> {
    // The types are those of the Delta protocol, however the writer held them in memory.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?;
    let columns = AS_LINES.into_iter().chain(OF_FILES);
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
    Ok(reader.build()?.collect::<Result<_, _>>()?)
}

/// Writes the actions of a batch that are not files as lines of an entry.
fn lines(batch: &RecordBatch) -> Result<Vec<u8>, LakeError> {
    let schema = batch.schema();
    let columns = AS_LINES
        .iter()
        .filter_map(|name| schema.index_of(name).ok());
    let others = batch.project(&columns.collect::<Vec<_>>())?;
    let mut is_any = BooleanArray::from(vec![false; batch.num_rows()]);
    for column in others.columns() {
        is_any = or(&is_any, &is_not_null(column)?)?;
    }
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&filter_record_batch(&others, &is_any)?)?;
    writer.finish()?;
    Ok(writer.into_inner())
}

/// Returns the value of a key in a row of a map of strings.
fn value_of<'a>(maps: &'a MapArray, row: usize, key: &str) -> Option<&'a str> {
    let (keys, values) = (
        maps.keys().as_string_opt::<i32>()?,
        maps.values().as_string_opt::<i32>()?,
    );
    let offsets = maps.value_offsets();
    let mut entries = offsets[row] as usize..offsets[row + 1] as usize;
    let found = entries.find(|entry| keys.value(*entry) == key)?;
    values.is_valid(found).then(|| values.value(found))
}
