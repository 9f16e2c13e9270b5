//! A cache of decoded columns of derived files.
//!
//! A shop's page and its other users read the same few files again and again, and decoding them is most of the cost of a
//! small query; an operator's query reads hundreds of small files, and opening them is most of its cost. Invariants: the
//! columns take no more memory than they are given, and no column is stale, because a path always names the same content.
//!
//! A column of few distinct words stays a dictionary: one byte a row instead of sixteen. Partition columns take no memory.

mod late;
mod scan;

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow::array::{Array, ArrayRef, UInt64Array, new_empty_array};
use arrow::compute::{cast, concat, concat_batches, take, take_arrays};
use arrow::datatypes::{DataType, Field};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_err};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, collect};
use parquet::arrow::arrow_reader::RowSelection;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::provider::partition_values;
use super::snapshot::DataFile;
use super::table::TableId;

pub(crate) use late::LateColumnsExec;
pub(crate) use scan::{LakeFile, ResidentExec, ResidentScan};

/// The bytes that the cache needs for a column besides its values: the key and its bookkeeping.
const COLUMN_OVERHEAD: usize = 256;
/// A file of at most so many rows is decoded whole for a few of them: that costs as much as to find them.
const SMALL_FILE_ROWS: u64 = 8192;
/// So often some rows are read of a larger file before its columns become resident: to decode them costs about as much.
const READS_BEFORE_WHOLE: u32 = 8;
/// The files whose reads are counted, at most.
const COUNTED_FILES: usize = 1024;
/// The bytes of a small shop's column, about: tells the cache how many columns to expect.
const TYPICAL_COLUMN: u64 = 4096;

/// Identifies a column of a file.
#[derive(Clone)]
struct ColumnKey {
    file: Arc<DataFile>,
    table: TableId,
    column: usize,
}

impl ColumnKey {
    fn parts(&self) -> (&str, TableId, usize) {
        (&self.file.path, self.table, self.column)
    }
}

impl PartialEq for ColumnKey {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for ColumnKey {}

impl Hash for ColumnKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

/// Weighs a column by its bytes in memory.
#[derive(Clone)]
struct ColumnBytes;

impl Weighter<ColumnKey, ArrayRef> for ColumnBytes {
    fn weight(&self, _: &ColumnKey, column: &ArrayRef) -> u64 {
        (column.get_array_memory_size() + COLUMN_OVERHEAD) as u64
    }
}

/// Caches decoded columns, and evicts those that are used least.
pub struct ResidentColumns {
    columns: Cache<ColumnKey, ArrayRef, ColumnBytes>,
    /// The most bytes that the columns may take.
    most: u64,
    /// How often some rows were read of files whose columns are not resident, by path.
    reads: Cache<String, Arc<AtomicU32>>,
}

impl fmt::Debug for ResidentColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResidentColumns")
            .field("bytes", &self.bytes())
            .field("most", &self.most)
            .finish()
    }
}

impl ResidentColumns {
    /// Creates a cache of at most so many bytes.
    ///
    /// # Errors
    /// None in practice: the cache refuses only options that are missing.
    pub fn new(bytes: u64) -> Result<Arc<ResidentColumns>> {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(usize::try_from(bytes / TYPICAL_COLUMN).unwrap_or(usize::MAX))
            .weight_capacity(bytes)
            // Each shard has a share of the bytes, and a column has to fit into one shard.
            .shards(1)
            .build()
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Ok(Arc::new(ResidentColumns {
            columns: Cache::with_options(options, ColumnBytes, hasher, lifecycle),
            most: bytes,
            reads: Cache::new(COUNTED_FILES),
        }))
    }

    /// Returns the bytes that the columns take now.
    pub fn bytes(&self) -> u64 {
        self.columns.weight()
    }

    /// Counts a read of some rows of a file, and returns how many there were.
    fn count_read(&self, file: &DataFile) -> u32 {
        let count = self.reads.get(&file.path).unwrap_or_else(|| {
            let count = Arc::<AtomicU32>::default();
            self.reads.insert(file.path.clone(), Arc::clone(&count));
            count
        });
        count.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }
}

/// Whose files a scan reads. Decides how much of the cache it may fill, because what it reads evicts other columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// One account's: three quarters.
    Account,
    /// All accounts': half.
    All,
}

/// Plans the scan of some columns, by their indices, of a file: of all rows, or of some.
pub(super) type ScanColumns = dyn Fn(&Arc<DataFile>, &[usize], Option<RowSelection>) -> Result<Arc<dyn ExecutionPlan>>
    + Send
    + Sync;

/// Reads columns of a table's files: from memory where they are resident.
pub(crate) struct ColumnReader {
    pub(super) columns: Arc<ResidentColumns>,
    pub(super) table: TableId,
    pub(super) reach: Reach,
    /// Reads columns that are not resident.
    pub(super) scan: Arc<ScanColumns>,
}

impl ColumnReader {
    /// Returns the table whose files it reads.
    pub fn table(&self) -> TableId {
        self.table
    }

    /// Tells whether these columns of files may become resident. Not those of a file whose number of rows another writer
    /// left out: they might fill the memory.
    pub fn admits(&self, files: &[Arc<DataFile>], columns: &[usize]) -> bool {
        let rows: u64 = files.iter().map(|file| file.rows()).sum();
        let most = match self.reach {
            Reach::Account => self.columns.most / 4 * 3,
            Reach::All => self.columns.most / 2,
        };
        files.iter().all(|file| file.rows() > 0)
            && rows.saturating_mul(self.row_bytes(columns)) <= most
    }

    /// Estimates the bytes of these columns in a row.
    pub fn row_bytes(&self, columns: &[usize]) -> u64 {
        let schema = self.table.file_schema();
        let fields = columns
            .iter()
            .filter_map(|column| schema.fields().get(*column));
        fields.map(|field| value_bytes(field)).sum()
    }

    /// Returns whole columns of a file. Those that are not resident are decoded by one of the statements that want them, and
    /// the others wait.
    pub(super) async fn whole(
        &self,
        file: &Arc<DataFile>,
        columns: &[usize],
        context: &Arc<TaskContext>,
    ) -> Result<Vec<Values>> {
        let stored = self.table.file_schema().fields().len();
        // Every statement asks in this order, so that no two wait for each other.
        let mut wanted: Vec<usize> = columns.iter().copied().filter(|c| *c < stored).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        for column in wanted {
            let key = self.key(file, column);
            match self.columns.columns.get_value_or_guard_async(&key).await {
                Ok(values) => drop(found.insert(column, values)),
                Err(guard) => missing.push((column, guard)),
            }
        }
        if !missing.is_empty() {
            let indices: Vec<usize> = missing.iter().map(|(column, _)| *column).collect();
            let plan = (self.scan)(file, &indices, None)?;
            let schema = plan.schema();
            // On a task of its own, so that a statement that is paused does not keep the others of its shop waiting.
            let batches = SpawnedTask::spawn(collect(plan, Arc::clone(context)));
            let batches = batches.join().await;
            let batches = batches.map_err(|error| DataFusionError::External(Box::new(error)))??;
            for (index, (column, guard)) in missing.into_iter().enumerate() {
                let parts: Vec<&dyn Array> =
                    batches.iter().map(|b| b.column(index).as_ref()).collect();
                let values = match parts.as_slice() {
                    [] => new_empty_array(schema.field(index).data_type()),
                    parts => concat(parts)?,
                };
                let values = compact(&values, self.table.file_schema().field(column));
                // The cache refuses what another statement has inserted meanwhile: the same values.
                let _ = guard.insert(Arc::clone(&values));
                found.insert(column, values);
            }
        }
        let partition = partition_values(file);
        let values = columns.iter().map(|column| match found.get(column) {
            Some(values) => Ok(Values::Stored(Arc::clone(values))),
            None => match partition.get(column.wrapping_sub(stored)) {
                Some(value) => Ok(Values::Constant(value.clone())),
                None => internal_err!("{} has no column {column}", self.table.name()),
            },
        });
        values.collect()
    }

    /// Returns some rows of a file, by their numbers, in that order.
    pub(super) async fn rows(
        &self,
        file: &Arc<DataFile>,
        columns: &[usize],
        rows: &[u64],
        context: &Arc<TaskContext>,
    ) -> Result<Vec<ArrayRef>> {
        if self.decodes_whole(file, columns) {
            let schema = self.table.schema();
            let whole = self.whole(file, columns, context).await?;
            let types = columns.iter().map(|c| schema.field(*c).data_type());
            let values = whole.iter().zip(types);
            return values
                .map(|(values, data_type)| values.take(rows, data_type))
                .collect();
        }
        let mut sorted = rows.to_vec();
        sorted.sort_unstable();
        let ranges = sorted.iter().map(|row| *row as usize..*row as usize + 1);
        let selection = RowSelection::from_consecutive_ranges(ranges, file.rows() as usize);
        let plan = (self.scan)(file, columns, Some(selection))?;
        let schema = plan.schema();
        let batches = collect(plan, Arc::clone(context)).await?;
        let found = concat_batches(&schema, &batches)?;
        if found.num_rows() != sorted.len() {
            return internal_err!("a file of {} lacks rows", self.table.name());
        }
        let ranks = rows.iter().map(|row| sorted.partition_point(|r| r < row));
        let ranks: UInt64Array = ranks.map(|rank| rank as u64).collect();
        Ok(take_arrays(found.columns(), &ranks, None)?)
    }

    /// Tells whether the columns of a file of which a statement wants few rows are decoded whole: where they are resident
    /// already, where the file is small, and where such statements keep coming.
    fn decodes_whole(&self, file: &Arc<DataFile>, columns: &[usize]) -> bool {
        if !self.admits(std::slice::from_ref(file), columns) {
            return false;
        }
        let stored = self.table.file_schema().fields().len();
        let mut stored = columns.iter().filter(|column| **column < stored);
        let cached = &self.columns.columns;
        file.rows() <= SMALL_FILE_ROWS
            || stored.all(|column| cached.peek(&self.key(file, *column)).is_some())
            || self.columns.count_read(file) > READS_BEFORE_WHOLE
    }

    fn key(&self, file: &Arc<DataFile>, column: usize) -> ColumnKey {
        ColumnKey {
            file: Arc::clone(file),
            table: self.table,
            column,
        }
    }
}

/// The values of a column of a file.
pub(super) enum Values {
    /// They are stored, if need be as a dictionary.
    Stored(ArrayRef),
    /// They are equal: a partition column.
    Constant(ScalarValue),
}

impl Values {
    /// Returns the values of some rows.
    fn take(&self, rows: &[u64], data_type: &DataType) -> Result<ArrayRef> {
        match self {
            Values::Stored(values) => {
                let rows = UInt64Array::from_iter_values(rows.iter().copied());
                Ok(cast(&take(values, &rows, None)?, data_type)?)
            }
            Values::Constant(value) => value.to_array_of_size(rows.len()),
        }
    }
}

/// Returns the form in which a column stays in memory. A column of words stays as it is if another writer gave it more words
/// than its dictionary can hold.
fn compact(values: &ArrayRef, field: &Field) -> ArrayRef {
    let DataType::Dictionary(key, _) = field.data_type() else {
        return Arc::clone(values);
    };
    let words = DataType::Dictionary(key.clone(), Box::new(values.data_type().clone()));
    cast(values, &words).unwrap_or_else(|_| Arc::clone(values))
}

/// Estimates the bytes of a value.
fn value_bytes(field: &Field) -> u64 {
    match field.data_type() {
        DataType::List(item) if item.data_type().is_nested() => 1024,
        DataType::List(_) => 64,
        DataType::Dictionary(..) => 1,
        other => other.primitive_width().map_or(32, |width| width as u64),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow::array::StringViewArray;

    use super::*;
    use crate::lake::{FileStatistics, Partition};

    fn file(rows: u64) -> Arc<DataFile> {
        let statistics = format!("{{\"numRecords\": {rows}}}");
        Arc::new(DataFile {
            path: format!("part-{rows}.parquet"),
            size: 1,
            partition: Partition::default(),
            version: 1,
            committed_at: 0,
            statistics: Arc::new(FileStatistics::from_json(
                TableId::Conversations,
                &statistics,
            )),
        })
    }

    fn reader(bytes: u64, reach: Reach) -> ColumnReader {
        ColumnReader {
            columns: ResidentColumns::new(bytes).unwrap(),
            table: TableId::Conversations,
            reach,
            scan: Arc::new(|_, _, _| internal_err!("nothing is read")),
        }
    }

    fn columns<const N: usize>(names: [&str; N]) -> [usize; N] {
        names.map(|name| TableId::Conversations.schema().index_of(name).unwrap())
    }

    /// With 32 bytes a row, three quarters of the memory are 96 rows, and half is 64.
    #[test]
    fn no_scan_fills_the_memory_by_itself() {
        let id = columns(["conversation_id"]);
        let account = reader(4096, Reach::Account);
        assert!(account.admits(&[file(90), file(6)], &id));
        assert!(!account.admits(&[file(90), file(7)], &id));
        assert!(!account.admits(&[file(1), file(0)], &id), "unknown rows");
        let all = reader(4096, Reach::All);
        assert!(all.admits(&[file(64)], &id));
        assert!(!all.admits(&[file(65)], &id));
        let words = columns(["channel", "account_id"]);
        assert!(account.admits(&[file(3072)], &words));
    }

    #[test]
    fn words_take_a_byte_a_row_unless_there_are_too_many() {
        let schema = TableId::Conversations.file_schema();
        let field = schema.field_with_name("channel").unwrap();
        let words = |distinct: usize| -> ArrayRef {
            let words = (0..1000).map(|n| Some(format!("word {}", n % distinct)));
            Arc::new(words.collect::<StringViewArray>())
        };
        for (distinct, bytes) in [(3, 1000..4000), (200, 16_000..32_000)] {
            let words = words(distinct);
            let kept = compact(&words, field);
            let size = kept.get_array_memory_size();
            assert!(bytes.contains(&size), "{distinct} words: {size} bytes");
            let back = Values::Stored(kept).take(&[999, 1, 1], words.data_type());
            let expected = Values::Stored(words.clone()).take(&[999, 1, 1], words.data_type());
            assert_eq!(&back.unwrap(), &expected.unwrap());
        }
    }

    #[test]
    fn a_large_file_is_decoded_whole_once_some_of_its_rows_are_wanted_often() {
        let id = columns(["conversation_id"]);
        let reader = reader(64 << 20, Reach::Account);
        let (small, large, other) = (file(8192), file(8193), file(8194));
        assert!(reader.decodes_whole(&small, &id));
        for _ in 0..READS_BEFORE_WHOLE {
            assert!(!reader.decodes_whole(&large, &id));
        }
        assert!(!reader.decodes_whole(&other, &id));
        assert!(reader.decodes_whole(&large, &id));
        assert!(!reader.decodes_whole(&file(10 << 20), &id), "too large");
    }
}
