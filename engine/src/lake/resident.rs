//! A cache of decoded columns of derived files.
//!
//! A shop's page and its other users read the same few files again and again, and decoding them is most of the cost of a
//! small query. Invariants: the columns take no more memory than they are given, and no column is stale, because a path always
//! names the same content.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, collect,
};
use futures::{StreamExt, TryStreamExt, stream};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::snapshot::DataFile;
use super::table::TableId;

/// The bytes that the cache needs for a column besides its values: the key and its bookkeeping.
const COLUMN_OVERHEAD: usize = 256;
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
        }))
    }

    /// Returns the bytes that the columns take now.
    pub fn bytes(&self) -> u64 {
        self.columns.weight()
    }

    /// Tells whether these columns of files may be cached. Columns that would fill nearly all of the memory would evict the
    /// others, as might a file whose number of rows another writer left out.
    pub fn admits(&self, files: &[Arc<DataFile>], schema: &Schema) -> bool {
        let rows: u64 = files.iter().map(|file| file.rows()).sum();
        let width: u64 = schema.fields().iter().map(|field| value_bytes(field)).sum();
        files.iter().all(|file| file.rows() > 0) && rows.saturating_mul(width) <= self.most / 4 * 3
    }

    /// Returns a whole column. If it is not cached, one of the statements that want it decodes it, and the others wait.
    async fn column(
        &self,
        key: &ColumnKey,
        scan: &ScanColumn,
        context: &Arc<TaskContext>,
    ) -> Result<ArrayRef> {
        let decode = async {
            let plan = scan(&key.file, key.column)?;
            let field = plan.schema();
            // On a task of its own, so that a statement that is paused does not keep the others of its shop waiting.
            let batches = SpawnedTask::spawn(collect(plan, Arc::clone(context)));
            let batches = batches.join().await;
            let batches = batches.map_err(|error| DataFusionError::External(Box::new(error)))??;
            let parts: Vec<&dyn Array> = batches.iter().map(|b| b.column(0).as_ref()).collect();
            match parts.as_slice() {
                [] => Ok(new_empty_array(field.field(0).data_type())),
                parts => Ok(concat(parts)?),
            }
        };
        self.columns.get_or_insert_async(key, decode).await
    }
}

/// Estimates the bytes of a value.
fn value_bytes(field: &Field) -> u64 {
    match field.data_type() {
        DataType::List(_) => 64,
        other => other.primitive_width().map_or(32, |width| width as u64),
    }
}

/// Plans the scan of one column, by its index, of a file.
pub(super) type ScanColumn =
    dyn Fn(&Arc<DataFile>, usize) -> Result<Arc<dyn ExecutionPlan>> + Send + Sync;

/// Describes a scan of resident columns.
pub(super) struct ResidentScan {
    pub columns: Arc<ResidentColumns>,
    pub table: TableId,
    /// The files of each partition.
    pub groups: Vec<Vec<Arc<DataFile>>>,
    /// The columns, by their index in the table; at least one.
    pub projection: Vec<usize>,
    /// Reads a column that is not cached.
    pub scan: Arc<ScanColumn>,
    pub statistics: Arc<Statistics>,
}

/// Reads resident columns, and caches those that are not resident yet.
pub(super) struct ResidentExec {
    read: Arc<ResidentScan>,
    metrics: ExecutionPlanMetricsSet,
    properties: Arc<PlanProperties>,
}

impl ResidentExec {
    /// Plans the scan.
    ///
    /// # Errors
    /// If the table does not have a column.
    pub fn try_new(read: ResidentScan) -> Result<ResidentExec> {
        let schema: SchemaRef = Arc::new(read.table.schema().project(&read.projection)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(read.groups.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(ResidentExec {
            read: Arc::new(read),
            metrics: ExecutionPlanMetricsSet::new(),
            properties: Arc::new(properties),
        })
    }
}

impl fmt::Debug for ResidentExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResidentExec")
            .field("table", &self.read.table)
            .field("groups", &self.read.groups)
            .field("projection", &self.read.projection)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for ResidentExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let schema = self.schema();
        let columns: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let table = self.read.table.name();
        let group = |files: &Vec<Arc<DataFile>>| {
            let paths = files.iter().map(|file| format!("{table}/{}", file.path));
            format!("[{}]", paths.collect::<Vec<_>>().join(", "))
        };
        let groups: Vec<String> = self.read.groups.iter().map(group).collect();
        let s = if groups.len() == 1 { "" } else { "s" };
        // The form of a Parquet scan, so that code that hides the names of files from users recognises it.
        write!(
            f,
            "ResidentExec: file_groups={{{} group{s}: [{}]}}, projection=[{}]",
            groups.len(),
            groups.join(", "),
            columns.join(", ")
        )
    }
}

impl ExecutionPlan for ResidentExec {
    fn name(&self) -> &'static str {
        "ResidentExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => internal_err!("ResidentExec has no children"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(files) = self.read.groups.get(partition).cloned() else {
            return internal_err!("ResidentExec has no partition {partition}");
        };
        let schema = self.schema();
        let rows = context.session_config().batch_size();
        let read = Arc::clone(&self.read);
        let output = BaselineMetrics::new(&self.metrics, partition);
        let whole = stream::iter(files).then(move |file| {
            let (read, schema) = (Arc::clone(&read), Arc::clone(&schema));
            let context = Arc::clone(&context);
            async move { read.file(file, schema, &context).await }
        });
        let batches = whole.map_ok(move |file| stream::iter(slices(file, rows)).map(Ok));
        let batches = batches
            .try_flatten()
            .inspect_ok(move |batch: &RecordBatch| {
                output.record_output(batch.num_rows());
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            batches,
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        Ok(match partition {
            None => Arc::clone(&self.read.statistics),
            Some(_) => Arc::new(Statistics::new_unknown(&self.schema())),
        })
    }
}

impl ResidentScan {
    /// Returns the projected columns of a file as one batch.
    async fn file(
        &self,
        file: Arc<DataFile>,
        schema: SchemaRef,
        context: &Arc<TaskContext>,
    ) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(self.projection.len());
        for column in &self.projection {
            let key = ColumnKey {
                file: Arc::clone(&file),
                table: self.table,
                column: *column,
            };
            let column = self.columns.column(&key, self.scan.as_ref(), context);
            columns.push(column.await?);
        }
        Ok(RecordBatch::try_new(schema, columns)?)
    }
}

/// Cuts the rows of a file into batches of at most `rows` rows.
fn slices(file: RecordBatch, rows: usize) -> impl Iterator<Item = RecordBatch> + Send {
    let starts = (0..file.num_rows()).step_by(rows.max(1));
    starts.map(move |start| file.slice(start, rows.min(file.num_rows() - start)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

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

    /// With 32 bytes a row, three quarters of the memory are 96 rows.
    #[test]
    fn no_scan_fills_the_memory_by_itself() {
        let resident = ResidentColumns::new(4096).unwrap();
        let columns = Schema::new(vec![Field::new("id", DataType::Utf8View, true)]);
        assert!(resident.admits(&[file(90), file(6)], &columns));
        assert!(!resident.admits(&[file(90), file(7)], &columns));
        assert!(
            !resident.admits(&[file(1), file(0)], &columns),
            "unknown rows"
        );
    }
}
