//! The scan of files that are read once, for deriving.
//!
//! An account's events lie in thousands of files of some hundred rows. DataFusion's Parquet scan makes expressions, options
//! and readers anew for each file and hands on its rows by themselves, so that every operator above works on batches of some
//! hundred rows. This scan fetches small files whole and a few ahead, decodes their columns in the types of the table at
//! once, and hands on the rows of several files in one batch.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::provider::{external, partition_values, row_statistics};
use super::snapshot::DataFile;
use super::table::TableId;
use super::{Lake, files};

/// The files that are being fetched while the rows of another are decoded.
const FETCHED_AHEAD: usize = 2;

/// Reads some columns of files.
#[derive(Debug)]
pub(super) struct FilesExec {
    read: Arc<Read>,
    /// The files of each partition.
    groups: Vec<Vec<Arc<DataFile>>>,
    properties: Arc<PlanProperties>,
}

#[derive(Debug)]
struct Read {
    lake: Lake,
    table: TableId,
    /// The columns, by their index in the table.
    projection: Vec<usize>,
    /// All columns of a file, as a query reads them.
    types: SchemaRef,
    /// The projected columns that files have.
    in_files: SchemaRef,
    output: SchemaRef,
}

impl FilesExec {
    /// Plans the scan. `projection` names columns by their index in the table.
    ///
    /// # Errors
    /// If the table does not have a column.
    pub fn try_new(
        lake: Lake,
        table: TableId,
        groups: Vec<Vec<Arc<DataFile>>>,
        projection: Vec<usize>,
    ) -> Result<FilesExec> {
        let whole = table.schema();
        let of_files = table.file_schema().fields().len();
        let all: Vec<usize> = (0..of_files).collect();
        let (in_files, output) = (
            projection
                .iter()
                .copied()
                .filter(|column| *column < of_files),
            whole.project(&projection)?,
        );
        let read = Read {
            lake,
            table,
            types: Arc::new(whole.project(&all)?),
            in_files: Arc::new(whole.project(&in_files.collect::<Vec<_>>())?),
            output: Arc::new(output),
            projection,
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&read.output)),
            Partitioning::UnknownPartitioning(groups.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(FilesExec {
            read: Arc::new(read),
            groups,
            properties: Arc::new(properties),
        })
    }
}

impl Read {
    /// Returns the projected rows of a file, in batches of at most so many rows.
    async fn batches(
        self: Arc<Self>,
        file: Arc<DataFile>,
        rows: usize,
    ) -> Result<impl Stream<Item = Result<RecordBatch>> + use<>> {
        let open = files::open(&self.lake, self.table, &file.path, file.size).await;
        let batches = open.and_then(|open| {
            let wanted = Arc::clone(&self.in_files);
            open.read_as(&self.types, wanted, rows)
        });
        let constants = partition_values(&file);
        let batches = batches.map_err(external)?.map_err(external);
        Ok(batches.and_then(move |batch| {
            let batch = self.with_partition(&batch, &constants);
            std::future::ready(batch)
        }))
    }

    /// Adds the projected partition columns to the rows of a file.
    fn with_partition(&self, batch: &RecordBatch, values: &[ScalarValue]) -> Result<RecordBatch> {
        let of_files = self.types.fields().len();
        let rows = batch.num_rows();
        let mut stored = batch.columns().iter();
        let mut columns = Vec::with_capacity(self.projection.len());
        for column in &self.projection {
            let values = match column.checked_sub(of_files) {
                None => stored.next().cloned(),
                Some(place) => match values.get(place) {
                    Some(value) => Some(value.to_array_of_size(rows)?),
                    None => None,
                },
            };
            match values {
                Some(values) => columns.push(values),
                None => return internal_err!("{} has no column {column}", self.table.name()),
            }
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(rows));
        let output = Arc::clone(&self.output);
        Ok(RecordBatch::try_new_with_options(output, columns, &rows)?)
    }
}

/// Joins batches until each has at least so many rows, or is the last.
fn joined(
    batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    schema: SchemaRef,
    rows: usize,
) -> impl Stream<Item = Result<RecordBatch>> + Send + 'static {
    stream::try_unfold(Box::pin(batches), move |mut batches| {
        let schema = Arc::clone(&schema);
        async move {
            let (mut parts, mut gathered) = (vec![], 0);
            while gathered < rows
                && let Some(batch) = batches.try_next().await?
            {
                gathered += batch.num_rows();
                parts.push(batch);
            }
            match parts.is_empty() {
                true => Ok(None),
                false => Ok(Some((concat_batches(&schema, &parts)?, batches))),
            }
        }
    })
}

impl DisplayAs for FilesExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let columns = self.read.output.fields().iter();
        let columns: Vec<&str> = columns.map(|field| field.name().as_str()).collect();
        let files: usize = self.groups.iter().map(Vec::len).sum();
        let table = self.read.table.name();
        write!(
            f,
            "FilesExec: {files} files of {table}, projection=[{}]",
            columns.join(", ")
        )
    }
}

impl ExecutionPlan for FilesExec {
    fn name(&self) -> &'static str {
        "FilesExec"
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
            false => internal_err!("FilesExec has no children"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(files) = self.groups.get(partition).cloned() else {
            return internal_err!("FilesExec has no partition {partition}");
        };
        let rows = context.session_config().batch_size();
        let read = Arc::clone(&self.read);
        let opened = stream::iter(files)
            .map(move |file| Arc::clone(&read).batches(file, rows))
            .buffered(FETCHED_AHEAD);
        let schema = self.schema();
        let batches = joined(opened.try_flatten(), Arc::clone(&schema), rows);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        Ok(Arc::new(match partition {
            None => row_statistics(&self.schema(), self.groups.iter().flatten()),
            Some(_) => Statistics::new_unknown(&self.schema()),
        }))
    }
}
