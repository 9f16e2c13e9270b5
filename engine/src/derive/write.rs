//! The execution plan node that writes derived rows as files.
//!
//! It writes an account's sorted rows into one file per span of days (see [`span_of`]) and returns one row per file with
//! what a commit needs. It does not commit: the run does, once for all accounts.
//!
//! Among the rows of conversations and orders, keys without a start come last. They are not rows of those tables; the node
//! returns them too, so that finding them does not take reading all events again.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray,
    UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType, UInt64Type,
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
use super::entity::Entity;
use crate::lake::files;
use crate::lake::{
    FileStatistics, Freshness, Lake, Missing, NewFile, Partition,
    Partitioning as TablePartitioning, TableId, conform,
};

/// Maximum number of rows of a file, which bounds the memory of writing. A span with more rows gets several files.
const MAX_ROWS: usize = 1 << 20;

/// Writes its input's rows as files of one account's partitions.
#[derive(Debug)]
pub(super) struct LakeWriteExec {
    input: Arc<dyn ExecutionPlan>,
    target: Target,
    properties: Arc<PlanProperties>,
}

/// The table and account that rows are written to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub lake: Lake,
    pub table: TableId,
    pub account: Arc<str>,
    /// The UTC day of `now()`, which decides the spans of files.
    pub today: i32,
    /// The entity of the rows, if rows without a start are to be returned as keys.
    pub entity: Option<Entity>,
}

/// Written files, and keys without a start.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The files, which no commit names yet.
    pub files: Vec<NewFile>,
    /// The keys without a start.
    pub waiting: Vec<WaitingKey>,
}

/// A key that has events and no start (SPEC C1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WaitingKey {
    pub key: String,
    /// The instants of its first and its last event, in microseconds.
    pub reach: (i64, i64),
    pub events: i64,
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
        // Columns of a file.
        Field::new("path", DataType::Utf8, true),
        Field::new("size", DataType::UInt64, true),
        Field::new("date", DataType::Date32, true),
        Field::new("statistics", DataType::Utf8, true),
        // Columns of a key without a start.
        Field::new("key", DataType::Utf8, true),
        Field::new("first_event_at", DataType::Int64, true),
        Field::new("last_event_at", DataType::Int64, true),
        Field::new("events", DataType::Int64, true),
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
        let written = write_files(input, self.target.clone());
        let rows = futures::stream::once(written).map(|written| to_batch(&written?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

/// Writes all rows. On an error the files that were written are deleted.
async fn write_files(input: SendableRecordBatchStream, target: Target) -> Result<Written> {
    let mut written = Written::default();
    match write_rows(input, &target, &mut written).await {
        Ok(()) => Ok(written),
        Err(error) => {
            for file in &written.files {
                files::discard(&target.lake, target.table, &file.path).await;
            }
            Err(error)
        }
    }
}

async fn write_rows(
    mut input: SendableRecordBatchStream,
    target: &Target,
    written: &mut Written,
) -> Result<()> {
    let Written { files, waiting } = written;
    let mut open = OpenFile::default();
    while let Some(batch) = input.try_next().await? {
        let batch = match target.entity {
            Some(entity) => split_started(entity, batch, waiting)?,
            None => batch,
        };
        let batch = conform(&batch, &target.table.file_schema(), Missing::Refused)?;
        let spans = spans(target, &batch)?;
        let mut from = 0;
        while from < batch.num_rows() {
            let span = spans.value(from);
            let until = (from..batch.num_rows())
                .find(|row| spans.value(*row) != span)
                .unwrap_or(batch.num_rows());
            if open.rows > 0 && (open.span != span || open.rows >= MAX_ROWS) {
                files.push(open.write(target).await?);
            }
            open.span = span;
            open.rows += until - from;
            open.batches.push(batch.slice(from, until - from));
            from = until;
        }
    }
    if open.rows > 0 {
        files.push(open.write(target).await?);
    }
    Ok(())
}

/// Splits off the rows without a start, which come last, into `waiting`; returns the others.
fn split_started(
    entity: Entity,
    batch: RecordBatch,
    waiting: &mut Vec<WaitingKey>,
) -> Result<RecordBatch> {
    let column = |name: &str| match batch.column_by_name(name) {
        Some(column) => Ok(column),
        None => internal_err!("the rows for {} lack {name}", entity.derived.name()),
    };
    let missing = column(entity.started_at)?.null_count();
    let started = batch.num_rows() - missing;
    if missing > 0 {
        let keys = cast(column(entity.key)?, &DataType::Utf8)?;
        let keys = keys.as_string::<i32>();
        let number = |name: &str| cast(column(name)?, &DataType::Int64).map_err(Into::into);
        let numbers: Result<Vec<ArrayRef>> = ["first_event_at", "last_event_at", "landed_events"]
            .into_iter()
            .map(number)
            .collect();
        let numbers = numbers?;
        let value = |at: usize, row: usize| numbers[at].as_primitive::<Int64Type>().value(row);
        waiting.extend((started..batch.num_rows()).map(|row| WaitingKey {
            key: keys.value(row).to_owned(),
            reach: (value(0, row), value(1, row)),
            events: value(2, row),
        }));
    }
    Ok(batch.slice(0, started))
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
        let freshness = freshness(self.span, target.today);
        let batches = std::mem::take(&mut self.batches);
        self.rows = 0;
        target
            .lake
            .write(target.table, &partition, &batches, freshness)
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))
    }
}

/// Returns whether a file will soon be rewritten: those of the current month will, those of earlier months hardly ever.
fn freshness(span: i32, today: i32) -> Freshness {
    if month_of(span) >= month_of(today) {
        Freshness::Moving
    } else {
        Freshness::Closed
    }
}

/// Returns the span of each row by the table's first sort column, an instant or a date; 0 for a table without dates.
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
            // Sorted rows mostly have the same day as the row before, whose span is known.
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

fn to_batch(written: &Written) -> Result<RecordBatch> {
    let Written { files, waiting } = written;
    // Rows of files come first, then rows of keys; each has nulls in the other's columns.
    let numbers = |of: fn(&WaitingKey) -> i64| -> ArrayRef {
        let values = waiting.iter().map(|key| Some(of(key)));
        let none = files.iter().map(|_| None);
        Arc::new(Int64Array::from_iter(none.chain(values)))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter(
            files
                .iter()
                .map(|f| Some(f.path.as_str()))
                .chain(waiting.iter().map(|_| None)),
        )),
        Arc::new(UInt64Array::from_iter(
            files
                .iter()
                .map(|f| Some(f.size))
                .chain(waiting.iter().map(|_| None)),
        )),
        Arc::new(Date32Array::from_iter(
            files
                .iter()
                .map(|f| f.partition.date)
                .chain(waiting.iter().map(|_| None)),
        )),
        Arc::new(StringArray::from_iter(
            files
                .iter()
                .map(|f| Some(f.statistics.to_json()))
                .chain(waiting.iter().map(|_| None)),
        )),
        Arc::new(StringArray::from_iter(
            files
                .iter()
                .map(|_| None)
                .chain(waiting.iter().map(|key| Some(key.key.as_str()))),
        )),
        numbers(|key| key.reach.0),
        numbers(|key| key.reach.1),
        numbers(|key| key.events),
    ];
    Ok(RecordBatch::try_new(written_schema(), columns)?)
}

/// Reads the output of a plan that ends in a [`LakeWriteExec`].
pub(super) fn written(target: &Target, batches: &[RecordBatch]) -> Written {
    let mut written = Written::default();
    for batch in batches {
        let text = |column: usize| batch.column(column).as_string::<i32>();
        let number = |column: usize| batch.column(column).as_primitive::<Int64Type>();
        let (path, statistics, key) = (text(0), text(3), text(4));
        let size = batch.column(1).as_primitive::<UInt64Type>();
        let date = batch.column(2).as_primitive::<Date32Type>();
        for row in 0..batch.num_rows() {
            if key.is_valid(row) {
                written.waiting.push(WaitingKey {
                    key: key.value(row).to_owned(),
                    reach: (number(5).value(row), number(6).value(row)),
                    events: number(7).value(row),
                });
                continue;
            }
            written.files.push(NewFile {
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
    written
}
