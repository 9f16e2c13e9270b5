//! Builds the rows of the raw tables.
//!
//! An event fills a few of its table's twenty columns. So a column is touched only when it gets a value: the nulls before
//! the value are appended with it, and those after the last value when the batch is finished.

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

/// Collects events by table, in input order.
#[derive(Default)]
pub(crate) struct Rows {
    tables: [Option<TableRows>; 3],
}

impl Rows {
    /// Adds an event that passed the checks.
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

    /// Returns the batches of all tables.
    pub(crate) fn finish(self) -> Parsed {
        Parsed {
            tables: self.tables.map(|rows| rows.map(TableRows::finish)),
            ..Parsed::default()
        }
    }
}

/// Builds the rows of one table. The columns that every row fills are plain vectors; the others are sparse (see [`Column`]).
pub(crate) struct TableRows {
    table: RawTable,
    accounts: StringBuilder,
    event_ids: StringBuilder,
    instants: Vec<i64>,
    types: Vec<i8>,
    /// By field, the column; none where the table has no such column, or it is one of those above.
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
        self.push_common(event);
    }

    /// Adds a row with the common fields of its event. Its other values are put into the columns before or after.
    pub(crate) fn push_common(&mut self, event: &Checked<'_>) {
        self.accounts.append_value(&event.account);
        self.event_ids.append_value(&event.event_id);
        self.types.push(event.kind.code());
        self.instants.push(event.occurred_at);
    }

    /// Returns the column of a field. Values must be put in ascending order of rows.
    pub(crate) fn column(&mut self, field: Field) -> Option<&mut Column> {
        self.columns[field as usize].as_mut()
    }

    /// Sets the `properties` of a row. Must be called in ascending order of rows.
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
                (Field::Type, Kind::OneOf(names)) => Arc::new(enum_column(
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
        // The columns and the schema are made from the same list, so this cannot panic; tests cover every table.
        RecordBatch::from(StructArray::new(
            self.table.landing_schema().fields().clone(),
            arrays,
            None,
        ))
    }
}

/// Builds a dictionary column of enum values; `names` are in the order of their codes.
fn enum_column(keys: Int8Array, names: &[&str]) -> DictionaryArray<Int8Type> {
    DictionaryArray::new(keys, Arc::new(StringArray::from_iter_values(names)))
}

#[cfg(test)]
mod tests;
