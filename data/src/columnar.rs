//! Reads events from the rows of Arrow batches, and so from Parquet: the same contract, with fields as columns.
//!
//! The type of each column is checked once; a type that cannot hold its field is an error of the whole input. The rules of
//! single events are those of lines ([`crate::check`]). A null or an absent column means a missing field. Columns that the
//! contract does not know, and fields that it does not list for a row's type, go to `properties` (SPEC E4).
//!
//! Rows are first checked for the fields that all events must have, then field by field, each column for all rows of a
//! table. Where a row has several faults, the reported one is the first in the order in which a line is checked.

mod encode;
mod partitions;
mod reader;

use crate::check::{Checked, Found, Reason, Source, check_common, check_field};
use crate::error::InputError;
use crate::event::{EventType, Field, FieldRule};
use crate::fault::Fault;
use crate::instant;
use crate::parsed::{Parsed, Rejected};
use crate::rows::TableRows;
use crate::table::{RawTable, UTC};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use arrow::json::EncoderOptions;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use chrono::{DateTime, Utc};
use encode::Encoders;
use partitions::Partitions;
use reader::Reader;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Reads the rows of a batch as events that arrive at `now`. `first_row` is the number of its first row in the source,
/// counted from 1.
///
/// # Errors
/// If a column's type cannot hold its field (money in floats, SPEC E5; instants without a time zone, SPEC T1), or two
/// columns have the same name.
pub fn check_batch(
    batch: &RecordBatch,
    first_row: u64,
    now: DateTime<Utc>,
) -> Result<Parsed, InputError> {
    let batch = &in_utc(batch)?;
    let columns = Columns::new(batch)?;
    let options = EncoderOptions::default();
    let mut encoders = Encoders::new(batch, &options)?;
    let latest = instant::latest(now);
    let mut events: [Vec<Event>; 3] = Default::default();
    let mut partitions: [Partitions; 3] = Default::default();
    let mut refused: Vec<(usize, Reason)> = Vec::new();
    let mut kinds = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let event = check_common(&columns.row(row), latest);
        kinds.push(event.as_ref().ok().map(|event| event.kind));
        match event {
            Ok(event) => {
                let table = event.kind.table() as usize;
                events[table].push(Event {
                    row,
                    partition: partitions[table].sort_key(&event),
                    event,
                });
            }
            Err(reason) => refused.push((row, reason)),
        }
    }
    let unlisted = encoders.rows_with_unlisted_values(&kinds);
    let mut tables = [const { None }; 3];
    let mut json = Vec::new();
    for (table, mut events) in RawTable::ALL.into_iter().zip(events) {
        events.sort_by_cached_key(|event| event.partition);
        let (mut rows, faults) = columns.rows(table, &events);
        if !faults.is_empty() {
            events.retain(|event| !faults.contains_key(&event.row));
            rows = columns.rows(table, &events).0;
            let reasons = faults.into_iter().map(|(row, (_, reason))| (row, reason));
            refused.extend(reasons);
        }
        for (at, Event { row, event, .. }) in events.iter().enumerate() {
            if unlisted[*row]
                && let Some(json) = encoders.properties(*row, event.kind.listed(), &mut json)
            {
                rows.put_properties(at, &json);
            }
        }
        tables[table as usize] = (!events.is_empty()).then(|| rows.finish());
    }
    refused.sort_unstable_by_key(|(row, _)| *row);
    let rejected = refused.into_iter().map(|(row, reason)| Rejected {
        line: first_row + row as u64,
        reason: reason.to_string(),
        raw: encoders.row(row),
    });
    Ok(Parsed {
        tables,
        rejected: rejected.collect(),
        lines: batch.num_rows() as u64,
    })
}

/// Sets the zone of all timestamp columns to UTC, in which events land (SPEC T1). The named zone does not change the instant,
/// and may be one that the database in use does not know.
fn in_utc(batch: &RecordBatch) -> Result<RecordBatch, InputError> {
    let mut fields = batch.schema_ref().fields().to_vec();
    let mut columns = batch.columns().to_vec();
    for (field, column) in fields.iter_mut().zip(&mut columns) {
        if let DataType::Timestamp(unit, Some(_)) = field.data_type() {
            let kind = DataType::Timestamp(*unit, Some(UTC.into()));
            *column = cast(column, &kind).map_err(|error| InputError::Convert {
                column: field.name().clone(),
                error,
            })?;
            *field = Arc::new(field.as_ref().clone().with_data_type(kind));
        }
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &rows)
        .map_err(InputError::Rows)
}

/// An event that passed the checks of the common fields.
struct Event<'a> {
    /// Its row in the batch.
    row: usize,
    partition: (u32, i32),
    event: Checked<'a>,
}

/// The rejected rows of a batch: by row, its first fault and the index of the field in [`EventType::fields`].
type Faults = HashMap<usize, (usize, Reason)>;

/// Holds the readers of the columns that hold fields of the contract.
struct Columns {
    readers: [Option<Reader>; Field::COUNT],
}

impl Columns {
    fn new(batch: &RecordBatch) -> Result<Columns, InputError> {
        let mut readers = [const { None }; Field::COUNT];
        let mut names = HashSet::new();
        for (column, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if !names.insert(column.name()) {
                return Err(InputError::DuplicateColumn {
                    column: column.name().clone(),
                });
            }
            if let Some(field) = Field::from_key(column.name().as_bytes()) {
                readers[field as usize] = Reader::new(field, array)?;
            }
        }
        Ok(Columns { readers })
    }

    fn row(&self, row: usize) -> Row<'_> {
        Row { columns: self, row }
    }

    /// Builds the rows of a table, and collects the faults. The rows must be discarded where there are faults.
    fn rows(&self, table: RawTable, events: &[Event<'_>]) -> (TableRows, Faults) {
        let mut rows = TableRows::new(table);
        let mut faults = Faults::new();
        for Event { event, .. } in events {
            rows.push_common(event);
        }
        for &(field, _) in table.columns() {
            let rules = EventType::rules_of(field);
            let is_there = self.readers[field as usize].is_some();
            let matters = |(_, rule): &(usize, &FieldRule)| is_there || rule.required;
            if !rules.iter().flatten().any(matters) {
                continue;
            }
            let Some(column) = rows.column(field) else {
                continue;
            };
            for (at, Event { row, event, .. }) in events.iter().enumerate() {
                let Some((place, rule)) = rules[event.kind as usize] else {
                    continue;
                };
                match check_field(&self.row(*row), rule) {
                    Ok(Some(cell)) => column.put(at, &cell),
                    Ok(None) => {}
                    Err(reason) => {
                        if faults.get(row).is_none_or(|(first, _)| place < *first) {
                            faults.insert(*row, (place, reason));
                        }
                    }
                }
            }
        }
        (rows, faults)
    }
}

struct Row<'a> {
    columns: &'a Columns,
    row: usize,
}

impl<'a> Row<'a> {
    fn reader(&self, field: Field) -> Option<&'a Reader> {
        self.columns.readers[field as usize].as_ref()
    }

    fn read<T>(&self, field: Field, read: impl FnOnce(&'a Reader, usize) -> Found<T>) -> Found<T> {
        self.reader(field)
            .map_or(Ok(None), |reader| read(reader, self.row))
    }
}

impl<'a> Source<'a> for Row<'a> {
    fn text(&self, field: Field) -> Found<Cow<'a, str>> {
        self.read(field, |reader, row| {
            reader.text(row).map(|text| text.map(Cow::Borrowed))
        })
    }

    fn text_list(&self, field: Field) -> Found<Vec<Cow<'a, str>>> {
        self.read(field, Reader::text_list)
    }

    fn whole(&self, field: Field) -> Found<i64> {
        self.read(field, |reader, row| match reader.whole(row)? {
            None => Ok(None),
            Some(number) => i64::try_from(number)
                .ok()
                .filter(|number| *number >= 0)
                .map(Some)
                .ok_or(Fault::NotWhole),
        })
    }

    fn flag(&self, field: Field) -> Found<bool> {
        self.read(field, |reader, row| Ok(reader.flag(row)))
    }

    fn instant(&self, field: Field) -> Found<i64> {
        self.read(field, Reader::instant)
    }

    fn money(&self, field: Field) -> Found<i64> {
        self.read(field, Reader::money)
    }
}

#[cfg(test)]
mod tests;
