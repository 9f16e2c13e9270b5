//! The scan of resident columns.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::physical_plan::ParquetSource;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::conjunction;
use datafusion::physical_expr::{DynamicFilterTracking, EquivalenceProperties, PhysicalExpr};
use datafusion::physical_expr_common::physical_expr::{
    snapshot_generation, snapshot_physical_expr,
};
use datafusion::physical_optimizer::pruning::PruningPredicate;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::super::provider::{group_files, row_statistics};
use super::super::prune::{keep_files, pruning_predicate};
use super::super::snapshot::DataFile;
use super::{ColumnReader, Values};

/// The bits of a row id that number a row in its file; those above number the file.
const ROW_BITS: u32 = 40;

/// Returns the file and the row that a row id names.
pub(super) fn file_and_row(id: u64) -> (usize, u64) {
    ((id >> ROW_BITS) as usize, id & ((1 << ROW_BITS) - 1))
}

/// Says which file of the lake a Parquet scan reads: an extension of a `PartitionedFile`.
pub(crate) struct LakeFile {
    pub file: Arc<DataFile>,
    pub reader: Arc<ColumnReader>,
}

/// Describes a scan of columns of files.
#[derive(Clone)]
pub(crate) struct ResidentScan {
    pub reader: Arc<ColumnReader>,
    /// The files of each partition.
    pub groups: Vec<Vec<Arc<DataFile>>>,
    /// The columns, by their index in the table.
    pub projection: Vec<usize>,
    /// Whether a column of row ids follows the others.
    pub with_row_ids: bool,
}

impl ResidentScan {
    /// Returns what a plan scans, if it is a scan of a derived table that neither limits nor filters its rows.
    pub fn of(plan: &dyn ExecutionPlan, config: &ConfigOptions) -> Option<ResidentScan> {
        if let Some(resident) = plan.downcast_ref::<ResidentExec>() {
            return Some(resident.read.as_ref().clone());
        }
        let source = plan.downcast_ref::<DataSourceExec>()?;
        let (scan, parquet) = source.downcast_to_file_source::<ParquetSource>()?;
        if scan.limit.is_some() || parquet.table_parquet_options().global.pushdown_filters {
            return None;
        }
        let mut files: Vec<Arc<DataFile>> = vec![];
        let mut reader = None;
        for part in scan.file_groups.iter().flat_map(|group| group.iter()) {
            let known = part.extension::<Arc<LakeFile>>()?;
            // A large file may have been cut into ranges.
            if !files.contains(&known.file) {
                files.push(Arc::clone(&known.file));
            }
            reader = Some(Arc::clone(&known.reader));
        }
        let reader = reader?;
        let projection = match scan.file_source().projection() {
            Some(projection) => {
                let columns = projection.iter().map(|column| {
                    let column = column.expr.downcast_ref::<Column>()?;
                    Some(column.index())
                });
                columns.collect::<Option<Vec<_>>>()?
            }
            None => (0..reader.table().schema().fields().len()).collect(),
        };
        Some(ResidentScan {
            groups: group_files(&files, config.execution.target_partitions),
            reader,
            projection,
            with_row_ids: false,
        })
    }

    /// Returns its files: those of the first partition, then those of the next.
    pub fn files(&self) -> impl Iterator<Item = &Arc<DataFile>> {
        self.groups.iter().flatten()
    }

    /// Returns its number of rows, 0 if that is not known.
    pub fn rows(&self) -> u64 {
        let rows = self.files().map(|file| file.rows());
        rows.reduce(|all, rows| if all == 0 || rows == 0 { 0 } else { all + rows })
            .unwrap_or_default()
    }

    /// Tells whether its columns may become resident.
    pub fn is_admitted(&self) -> bool {
        let files: Vec<_> = self.files().cloned().collect();
        self.reader.admits(&files, &self.projection)
    }

    /// Reads first, in each partition, the files whose rows may come first in an order by a column.
    pub fn order_by(&mut self, column: &str, descending: bool) {
        for group in &mut self.groups {
            group.sort_by(|a, b| {
                let (least, greatest) = (
                    |file: &DataFile| file.statistics.least(column),
                    |file: &DataFile| file.statistics.greatest(column),
                );
                let order = match descending {
                    true => greatest(b).partial_cmp(&greatest(a)),
                    false => least(a).partial_cmp(&least(b)),
                };
                order.unwrap_or(std::cmp::Ordering::Equal)
            });
        }
    }

    fn schema(&self) -> Result<SchemaRef> {
        let columns = self.reader.table().schema().project(&self.projection)?;
        let mut fields = columns.fields().to_vec();
        if self.with_row_ids {
            fields.push(Arc::new(Field::new("row_id", DataType::UInt64, false)));
        }
        Ok(Arc::new(Schema::new(fields)))
    }

    /// Returns the projected columns of a file in batches of at most so many rows. `number` is the file's place among all.
    async fn batches(
        self: Arc<Self>,
        number: u64,
        file: Arc<DataFile>,
        schema: SchemaRef,
        most: usize,
        context: Arc<TaskContext>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
        let columns = self.reader.whole(&file, &self.projection, &context).await?;
        let stored = columns.iter().find_map(|values| match values {
            Values::Stored(values) => Some(values.len()),
            Values::Constant(_) => None,
        });
        let rows = stored.unwrap_or(file.rows() as usize);
        let most = most.max(1);
        // A constant column is made once and cut for each batch.
        let columns = columns.into_iter().map(|values| match values {
            Values::Stored(values) => Ok((values, true)),
            Values::Constant(value) => Ok((value.to_array_of_size(rows.min(most))?, false)),
        });
        let columns: Vec<(ArrayRef, bool)> = columns.collect::<Result<_>>()?;
        Ok((0..rows).step_by(most).map(move |start| {
            let length = most.min(rows - start);
            let mut cut = Vec::with_capacity(columns.len() + 1);
            for ((values, is_stored), field) in columns.iter().zip(schema.fields()) {
                let from = if *is_stored { start } else { 0 };
                cut.push(cast(&values.slice(from, length), field.data_type())?);
            }
            if self.with_row_ids {
                let first = (number << ROW_BITS) + start as u64;
                let ids = UInt64Array::from_iter_values(first..first + length as u64);
                cut.push(Arc::new(ids));
            }
            let options = RecordBatchOptions::new().with_row_count(Some(length));
            let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), cut, &options)?;
            Ok(batch)
        }))
    }
}

/// Reads resident columns, and caches those that are not resident yet.
pub(crate) struct ResidentExec {
    read: Arc<ResidentScan>,
    /// Of a file for whose statistics this is false, no row is wanted. It becomes stricter while the plan runs.
    wanted: Option<Arc<dyn PhysicalExpr>>,
    metrics: ExecutionPlanMetricsSet,
    properties: Arc<PlanProperties>,
}

impl ResidentExec {
    /// Plans the scan.
    ///
    /// # Errors
    /// If the table does not have a column.
    pub fn try_new(read: ResidentScan) -> Result<ResidentExec> {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(read.schema()?),
            Partitioning::UnknownPartitioning(read.groups.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(ResidentExec {
            read: Arc::new(read),
            wanted: None,
            metrics: ExecutionPlanMetricsSet::new(),
            properties: Arc::new(properties),
        })
    }
}

impl fmt::Debug for ResidentExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResidentExec")
            .field("table", &self.read.reader.table())
            .field("groups", &self.read.groups)
            .field("projection", &self.read.projection)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for ResidentExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let schema = self.schema();
        let columns: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let table = self.read.reader.table().name();
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
        )?;
        match &self.wanted {
            Some(wanted) => write!(f, ", wanted={wanted}"),
            None => Ok(()),
        }
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
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        match &self.wanted {
            Some(wanted) => f(wanted),
            None => Ok(TreeNodeRecursion::Continue),
        }
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

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        pushed: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters = pushed.parent_filters;
        // Statistics leave rows that no filter wants, so the filters stay where they are. The others have pruned files already.
        let answers = FilterPushdownPropagation::with_parent_pushdown_result(vec![
            PushedDown::No;
            filters.len()
        ]);
        let dynamic = filters.into_iter().map(|pushed| pushed.filter);
        let is_dynamic = |f: &_| DynamicFilterTracking::classify(f).contains_dynamic_filter();
        let mut dynamic = dynamic.filter(is_dynamic).peekable();
        if dynamic.peek().is_none() {
            return Ok(answers);
        }
        Ok(answers.with_updated_node(Arc::new(ResidentExec {
            read: Arc::clone(&self.read),
            wanted: Some(conjunction(dynamic.chain(self.wanted.clone()))),
            metrics: self.metrics.clone(),
            properties: Arc::clone(&self.properties),
        })))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(files) = self.read.groups.get(partition).cloned() else {
            return internal_err!("ResidentExec has no partition {partition}");
        };
        let before: usize = self.read.groups.iter().take(partition).map(Vec::len).sum();
        let schema = self.schema();
        let rows = context.session_config().batch_size();
        let read = Arc::clone(&self.read);
        let output = BaselineMetrics::new(&self.metrics, partition);
        let mut skip = Skip {
            wanted: self.wanted.clone(),
            predicate: None,
            files: MetricBuilder::new(&self.metrics).counter("files_skipped", partition),
        };
        let files = stream::iter((before as u64..).zip(files));
        let whole = files.then(move |(number, file)| {
            let (read, schema) = (Arc::clone(&read), Arc::clone(&schema));
            let context = Arc::clone(&context);
            let skipped = skip.skips(&read, &schema, &file);
            async move {
                if skipped {
                    return Ok(None);
                }
                let batches = read.batches(number, file, schema, rows, context);
                batches.await.map(Some)
            }
        });
        let whole = whole.try_filter_map(async |file| Ok(file));
        let batches = whole.map_ok(stream::iter).try_flatten();
        let batches = batches.inspect_ok(move |batch: &RecordBatch| {
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
        Ok(Arc::new(match partition {
            None => row_statistics(&self.schema(), self.read.files()),
            Some(_) => Statistics::new_unknown(&self.schema()),
        }))
    }
}

/// Skips files by what the plan has found so far.
struct Skip {
    wanted: Option<Arc<dyn PhysicalExpr>>,
    /// `wanted` as it was last, by its generation; `None` where it cannot be asked of files.
    predicate: Option<(u64, Option<PruningPredicate>)>,
    files: Count,
}

impl Skip {
    /// Tells whether no row of a file is wanted any more.
    fn skips(&mut self, read: &ResidentScan, schema: &SchemaRef, file: &Arc<DataFile>) -> bool {
        let Some(wanted) = &self.wanted else {
            return false;
        };
        let generation = snapshot_generation(wanted);
        if !matches!(&self.predicate, Some((known, _)) if *known == generation) {
            let wanted = snapshot_physical_expr(Arc::clone(wanted));
            let predicate = wanted.and_then(|wanted| pruning_predicate(schema, wanted));
            self.predicate = Some((generation, predicate.ok()));
        }
        let Some((_, Some(predicate))) = &self.predicate else {
            return false;
        };
        let table = read.reader.table();
        let kept = keep_files(table, schema, predicate, vec![Arc::clone(file)]);
        let skipped = kept.is_ok_and(|kept| kept.is_empty());
        self.files.add(usize::from(skipped));
        skipped
    }
}
