//! The rows of the raw tables, as they grow.
//!
//! An event fills a handful of its table's twenty columns. So a column is touched only when it gets a value: the nulls
//! before it are put in at once then, and those after the last when the batch is made.

mod column;

pub(crate) use column::Column;

use crate::check::{Cell, Checked};
use crate::event::{Field, Kind};
use crate::instant;
use crate::parsed::Parsed;
use crate::table::{RawTable, UTC};
use arrow::array::{
    ArrayRef, Date32Array, DictionaryArray, Int8Array, RecordBatch, StringArray, StringBuilder,
    StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int8Type;
use std::sync::Arc;

/// Events by table, in the order in which they came.
#[derive(Default)]
pub(crate) struct Rows {
    tables: [Option<TableRows>; 3],
}

impl Rows {
    /// Adds an event that passed its checks.
    pub(crate) fn push(
        &mut self,
        event: &Checked<'_>,
        cells: &[(Field, Cell<'_>)],
        properties: Option<&str>,
    ) {
        let table = event.kind.table();
        self.tables[table as usize]
            .get_or_insert_with(|| TableRows::new(table))
            .push(event, cells, properties);
    }

    /// The batches of all tables.
    pub(crate) fn finish(self) -> Parsed {
        Parsed {
            tables: self.tables.map(|rows| rows.map(TableRows::finish)),
            ..Parsed::default()
        }
    }
}

/// The rows of one table. The columns that every row fills are plain vectors; the others are told where their next value
/// stands.
pub(crate) struct TableRows {
    table: RawTable,
    accounts: StringBuilder,
    event_ids: StringBuilder,
    instants: Vec<i64>,
    types: Vec<i8>,
    /// By field; none where the table has no column for it, or one of those above.
    columns: [Option<Column>; Field::COUNT],
    properties: Column,
}

impl TableRows {
    pub(crate) fn new(table: RawTable) -> TableRows {
        let mut columns = [const { None }; Field::COUNT];
        for &(field, kind) in table.columns() {
            columns[field as usize] = Some(Column::new(kind));
        }
        TableRows {
            table,
            accounts: StringBuilder::new(),
            event_ids: StringBuilder::new(),
            instants: Vec::new(),
            types: Vec::new(),
            columns,
            properties: Column::new(Kind::Words),
        }
    }

    fn push(&mut self, event: &Checked<'_>, cells: &[(Field, Cell<'_>)], properties: Option<&str>) {
        let row = self.instants.len();
        for (field, cell) in cells {
            if let Some(column) = self.column(*field) {
                column.put(row, cell);
            }
        }
        if let Some(properties) = properties {
            self.put_properties(row, properties);
        }
        self.begin(event);
    }

    /// Begins a row: what it has beside the fields of its type.
    pub(crate) fn begin(&mut self, event: &Checked<'_>) {
        self.accounts.append_value(&event.account);
        self.event_ids.append_value(&event.event_id);
        self.types.push(event.kind.code());
        self.instants.push(event.occurred_at);
    }

    /// The column of a field, to which values go in the order of their rows.
    pub(crate) fn column(&mut self, field: Field) -> Option<&mut Column> {
        self.columns[field as usize].as_mut()
    }

    /// What a row has besides the fields of its type, in the order of the rows.
    pub(crate) fn put_properties(&mut self, row: usize, properties: &str) {
        self.properties.put_text(row, properties);
    }

    pub(crate) fn finish(mut self) -> RecordBatch {
        let rows = self.instants.len();
        let dates = Date32Array::from_iter_values(
            self.instants.iter().map(|&micros| instant::date(micros)),
        );
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(self.accounts.finish()), Arc::new(dates)];
        for &(field, kind) in self.table.columns() {
            arrays.push(match (field, kind) {
                (Field::EventId, _) => Arc::new(self.event_ids.finish()),
                (Field::OccurredAt, _) => {
                    let micros = std::mem::take(&mut self.instants);
                    Arc::new(TimestampMicrosecondArray::from(micros).with_timezone(UTC))
                }
                (Field::Type, Kind::OneOf(names)) => Arc::new(dictionary(
                    Int8Array::from(std::mem::take(&mut self.types)),
                    names,
                )),
                _ => self.columns[field as usize]
                    .take()
                    .unwrap_or(Column::new(kind))
                    .finish(rows),
            });
        }
        arrays.push(self.properties.finish(rows));
        // The columns are made from the table that the schema is made from, so they fit; the tests hold every table to it.
        RecordBatch::from(StructArray::new(
            self.table.landing_schema().fields().clone(),
            arrays,
            None,
        ))
    }
}

/// The strings of an enum column: its values in the order of their codes.
fn dictionary(keys: Int8Array, names: &[&str]) -> DictionaryArray<Int8Type> {
    DictionaryArray::new(keys, Arc::new(StringArray::from_iter_values(names)))
}

#[cfg(test)]
mod tests;
