//! Tells the events of batches apart that are landed together, so that each is told its own numbers.
//!
//! Where there are several batches, each row carries the number of its batch in a last column, from the parser until its
//! file is written. A duplicate is counted to the batch that it came with. A single batch needs no column.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, UInt32Type};
use arrow::error::ArrowError;

/// The name of the column, which no table has.
const BATCH: &str = "batch";

/// Returns the column's field.
pub(super) fn field() -> FieldRef {
    Arc::new(Field::new(BATCH, DataType::UInt32, false))
}

/// Returns the column of rows that came with one batch.
pub(super) fn column(batch: u32, rows: usize) -> ArrayRef {
    Arc::new(UInt32Array::from_value(batch, rows))
}

/// Adds the column to rows.
pub(super) fn attach(rows: RecordBatch, batches: ArrayRef) -> Result<RecordBatch, ArrowError> {
    let (schema, mut columns, _) = rows.into_parts();
    columns.push(batches);
    let fields = schema.fields().iter().cloned().chain([field()]);
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns)
}

/// Takes the column off rows; `None` where they have none.
pub(super) fn detach(mut rows: RecordBatch) -> (RecordBatch, Option<ArrayRef>) {
    let index = rows.schema_ref().index_of(BATCH).ok();
    let batches = index.map(|index| rows.remove_column(index));
    (rows, batches)
}

/// Returns the batch of a row.
pub(super) fn of_row(rows: &RecordBatch, row: usize) -> u32 {
    rows.column_by_name(BATCH)
        .map_or(0, |batches| batches.as_primitive::<UInt32Type>().value(row))
}

/// Counts events by batch.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(BTreeMap<u32, u64>);

impl Counts {
    /// Counts one event of a batch.
    pub fn count(&mut self, batch: u32) {
        *self.0.entry(batch).or_default() += 1;
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Counts) {
        for (batch, events) in &other.0 {
            *self.0.entry(*batch).or_default() += events;
        }
    }

    /// Returns the number of events of all batches.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Returns the number of events of each batch that has any.
    pub fn by_batch(&self) -> impl Iterator<Item = (u32, u64)> {
        self.0.iter().map(|(batch, events)| (*batch, *events))
    }
}
