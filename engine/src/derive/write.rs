//! The write node: rows in, files out, one row for each file.
//!
//! It writes an account's rows, which come sorted, into files by span (see [`span_of`]), each under a name of its own, and
//! gives back what a commit needs to know of each. It commits nothing: the driver does, once, for all accounts.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int32Array, RecordBatch, StringArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Field, Schema, SchemaRef, TimestampMicrosecondType, UInt64Type,
};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, InputDistributionRequirements,
    Partitioning, PlanProperties,
};
use futures::{StreamExt, TryStreamExt};

use super::days::{day_of, month_of, span_of};
use crate::lake::{
    FileStatistics, Freshness, Lake, NewFile, Partition, Partitioning as TablePartitioning, TableId,
};

/// A file is closed at so many rows even if its span goes on, which bounds the memory that writing takes.
const MOST_ROWS: usize = 1 << 20;

/// Writes its input's rows as files of one account's partitions.
#[derive(Debug)]
pub(super) struct LakeWriteExec {
    input: Arc<dyn ExecutionPlan>,
    target: Target,
    properties: Arc<PlanProperties>,
}

/// Where the rows go.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub lake: Lake,
    pub table: TableId,
    pub account: Arc<str>,
    /// The present, by which the spans of files are told.
    pub today: i32,
}

impl LakeWriteExec {
    /// `input` has the columns of the table's file schema by name, in types that can be cast to it, in its sort order.
    pub fn new(input: Arc<dyn ExecutionPlan>, target: Target) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(written_schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            input,
            target,
            properties: Arc::new(properties),
        }
    }
}

fn written_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("size", DataType::UInt64, false),
        Field::new("date", DataType::Date32, true),
        Field::new("statistics", DataType::Utf8, false),
    ]))
}

impl DisplayAs for LakeWriteExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "LakeWriteExec: table={}, account={}",
            self.target.table.name(),
            self.target.account
        )
    }
}

impl ExecutionPlan for LakeWriteExec {
    fn name(&self) -> &'static str {
        "LakeWriteExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
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
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input, self.target.clone()))),
            _ => internal_err!("LakeWriteExec has one child"),
        }
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition])
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let files = write_files(input, self.target.clone());
        let rows = futures::stream::once(files).map(|files| to_batch(&files?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

async fn write_files(mut input: SendableRecordBatchStream, target: Target) -> Result<Vec<NewFile>> {
    let mut files = Vec::new();
    let mut open = OpenFile::default();
    while let Some(batch) = input.try_next().await? {
        let batch = in_file_schema(target.table, &batch)?;
        let spans = spans(&target, &batch)?;
        let mut from = 0;
        while from < batch.num_rows() {
            let span = spans.value(from);
            let until = (from..batch.num_rows())
                .find(|row| spans.value(*row) != span)
                .unwrap_or(batch.num_rows());
            if open.rows > 0 && (open.span != span || open.rows >= MOST_ROWS) {
                files.push(open.write(&target).await?);
            }
            open.span = span;
            open.rows += until - from;
            open.batches.push(batch.slice(from, until - from));
            from = until;
        }
    }
    if open.rows > 0 {
        files.push(open.write(&target).await?);
    }
    Ok(files)
}

#[derive(Default)]
struct OpenFile {
    span: i32,
    rows: usize,
    batches: Vec<RecordBatch>,
}

impl OpenFile {
    async fn write(&mut self, target: &Target) -> Result<NewFile> {
        let partition = Partition {
            account: Some(Arc::clone(&target.account)),
            date: match target.table.partitioning() {
                TablePartitioning::AccountAndDate(_) => Some(month_of(self.span)),
                _ => None,
            },
        };
        let moving = next_to(self.span, target.today);
        let batches = std::mem::take(&mut self.batches);
        self.rows = 0;
        target
            .lake
            .write(target.table, &partition, &batches, moving)
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))
    }
}

/// Files of the present month will be written again; those of months gone by hardly ever.
fn next_to(span: i32, today: i32) -> Freshness {
    if month_of(span) >= month_of(today) {
        Freshness::Moving
    } else {
        Freshness::Closed
    }
}

/// The span of each row, by the table's first sort column, which is an instant or a date; 0 for a table without dates.
fn spans(target: &Target, batch: &RecordBatch) -> Result<Int32Array> {
    let TablePartitioning::AccountAndDate(_) = target.table.partitioning() else {
        return Ok(Int32Array::from(vec![0; batch.num_rows()]));
    };
    let Some(key) = target
        .table
        .sort_columns()
        .first()
        .and_then(|name| batch.column_by_name(name))
    else {
        return internal_err!("{} has no sort column", target.table.name());
    };
    let today = target.today;
    Ok(match key.data_type() {
        DataType::Date32 => key
            .as_primitive::<Date32Type>()
            .values()
            .iter()
            .map(|day| month_of(*day))
            .collect(),
        _ => {
            // Sorted rows mostly repeat the day before: its span is worked out once.
            let mut last = (i32::MIN, 0);
            key.as_primitive::<TimestampMicrosecondType>()
                .values()
                .iter()
                .map(|micros| {
                    let day = day_of(*micros);
                    if day != last.0 {
                        last = (day, span_of(day, today));
                    }
                    last.1
                })
                .collect()
        }
    })
}

fn in_file_schema(table: TableId, batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = table.file_schema();
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            let column = batch.column_by_name(field.name()).ok_or_else(|| {
                DataFusionError::Internal(format!(
                    "the rows for {} lack {}",
                    table.name(),
                    field.name()
                ))
            })?;
            Ok(cast(column, field.data_type())?)
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

fn to_batch(files: &[NewFile]) -> Result<RecordBatch> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(files.iter().map(|f| &f.path))),
        Arc::new(UInt64Array::from_iter_values(files.iter().map(|f| f.size))),
        Arc::new(Date32Array::from_iter(
            files.iter().map(|f| f.partition.date),
        )),
        Arc::new(StringArray::from_iter_values(
            files.iter().map(|f| f.statistics.to_json()),
        )),
    ];
    Ok(RecordBatch::try_new(written_schema(), columns)?)
}

/// What a plan that ends in a [`LakeWriteExec`] has written.
pub(super) fn written(target: &Target, batches: &[RecordBatch]) -> Vec<NewFile> {
    let mut files = Vec::new();
    for batch in batches {
        let path = batch.column(0).as_string::<i32>();
        let size = batch.column(1).as_primitive::<UInt64Type>();
        let date = batch.column(2).as_primitive::<Date32Type>();
        let statistics = batch.column(3).as_string::<i32>();
        for row in 0..batch.num_rows() {
            files.push(NewFile {
                path: path.value(row).to_owned(),
                size: size.value(row),
                partition: Partition {
                    account: Some(Arc::clone(&target.account)),
                    date: date.is_valid(row).then(|| date.value(row)),
                },
                statistics: Arc::new(FileStatistics::from_json(
                    target.table,
                    statistics.value(row),
                )),
            });
        }
    }
    files
}
