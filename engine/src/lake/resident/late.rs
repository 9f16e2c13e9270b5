//! Late materialisation: columns that only pass through a plan are read for the rows that come out of it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, UInt64Array};
use arrow::compute::interleave;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::cast::as_uint64_array;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionMapping;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::scan::{ResidentScan, file_and_row};

/// Replaces the row ids of a scan, the last column of its input, by further columns of those rows.
pub(crate) struct LateColumnsExec {
    input: Arc<dyn ExecutionPlan>,
    /// The scan that the ids are from.
    read: Arc<ResidentScan>,
    /// The further columns, by their index in the table.
    late: Vec<usize>,
    metrics: ExecutionPlanMetricsSet,
    properties: Arc<PlanProperties>,
}

impl LateColumnsExec {
    /// Plans it. `read` is the scan that the row ids are from.
    ///
    /// # Errors
    /// If the table does not have a column.
    pub fn try_new(
        input: Arc<dyn ExecutionPlan>,
        read: Arc<ResidentScan>,
        late: Vec<usize>,
    ) -> Result<LateColumnsExec> {
        let from = input.schema();
        let early: Vec<usize> = (0..from.fields().len().saturating_sub(1)).collect();
        let mut fields = from.project(&early)?.fields().to_vec();
        let table = read.reader.table().schema();
        fields.extend(table.project(&late)?.fields().iter().cloned());
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        // What is known of the columns of the input holds on.
        let mapping = ProjectionMapping::from_indices(&early, &from)?;
        let known = input.equivalence_properties();
        let properties = PlanProperties::new(
            known.project(&mapping, schema),
            input.output_partitioning().project(&mapping, known),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Ok(LateColumnsExec {
            input,
            read,
            late,
            metrics: ExecutionPlanMetricsSet::new(),
            properties: Arc::new(properties),
        })
    }
}

impl fmt::Debug for LateColumnsExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateColumnsExec")
            .field("input", &self.input)
            .field("late", &self.late)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for LateColumnsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let table = self.read.reader.table().schema();
        let late = self.late.iter().map(|c| table.field(*c).name().as_str());
        let late: Vec<&str> = late.collect();
        write!(f, "LateColumnsExec: columns=[{}]", late.join(", "))
    }
}

impl ExecutionPlan for LateColumnsExec {
    fn name(&self) -> &'static str {
        "LateColumnsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(input), true) = (children.pop(), children.is_empty()) else {
            return internal_err!("LateColumnsExec has one child");
        };
        let read = Arc::clone(&self.read);
        let late = self.late.clone();
        Ok(Arc::new(LateColumnsExec::try_new(input, read, late)?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, Arc::clone(&context))?;
        let (read, late, schema) = (
            Arc::clone(&self.read),
            Arc::new(self.late.clone()),
            self.schema(),
        );
        let output = BaselineMetrics::new(&self.metrics, partition);
        let rows = rows.and_then(move |batch| {
            let (read, late) = (Arc::clone(&read), Arc::clone(&late));
            let (schema, context) = (Arc::clone(&schema), Arc::clone(&context));
            async move { complete(batch, &read, &late, schema, &context).await }
        });
        let rows = rows.inspect_ok(move |batch| output.record_output(batch.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// Replaces the row ids of a batch by the late columns.
async fn complete(
    batch: RecordBatch,
    read: &Arc<ResidentScan>,
    late: &[usize],
    schema: SchemaRef,
    context: &Arc<TaskContext>,
) -> Result<RecordBatch> {
    let Some((ids, early)) = batch.columns().split_last() else {
        return internal_err!("there are no row ids");
    };
    if batch.num_rows() == 0 {
        return Ok(RecordBatch::new_empty(schema));
    }
    let ids: &UInt64Array = as_uint64_array(ids)?;
    // The rows of each file, in the order of the batch, and where a row of the batch is among them.
    let mut parts: Vec<(usize, Vec<u64>)> = vec![];
    let mut part_of: HashMap<usize, usize> = HashMap::new();
    let mut places = Vec::with_capacity(ids.len());
    for id in ids.values() {
        let (file, row) = file_and_row(*id);
        let part = *part_of.entry(file).or_insert_with(|| {
            parts.push((file, vec![]));
            parts.len() - 1
        });
        if let Some((_, rows)) = parts.get_mut(part) {
            places.push((part, rows.len()));
            rows.push(row);
        }
    }
    let files: Vec<_> = read.files().cloned().collect();
    let parts: Vec<_> = parts
        .into_iter()
        .map(|(file, rows)| (files.get(file).cloned(), rows))
        .collect();
    let fetched = parts.into_iter().map(|(file, rows)| async move {
        match file {
            Some(file) => read.reader.rows(&file, late, &rows, context).await,
            None => internal_err!("a row id names no file"),
        }
    });
    let threads = context.session_config().target_partitions().max(1);
    let fetched = stream::iter(fetched).buffered(threads);
    let fetched: Vec<_> = fetched.try_collect().await?;
    let mut columns = early.to_vec();
    for column in 0..late.len() {
        let parts = fetched.iter().filter_map(|part| part.get(column));
        let parts: Vec<&dyn Array> = parts.map(AsRef::as_ref).collect();
        columns.push(interleave(&parts, &places)?);
    }
    Ok(RecordBatch::try_new(schema, columns)?)
}
