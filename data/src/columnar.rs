//! Events as rows of Arrow batches, which is how Parquet comes: the same contract, with its fields as columns.
//!
//! A column's type is checked once, and refused for the whole input where it cannot hold its field; what remains are the
//! rules of single events, the same as for lines ([`crate::check`]). A null is a field that is missing. Columns that
//! the contract does not know, and those that it does not list for a row's type, go to `properties` where they are not
//! null (SPEC E4). A column that is not there is null in every row.

mod encode;
mod reader;

use crate::check::{Fault, Found, Source, check};
use crate::error::InputError;
use crate::event::Field;
use crate::instant;
use crate::parsed::{Parsed, Rejected};
use crate::rows::Rows;
use arrow::json::EncoderOptions;
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, Utc};
use encode::Encoders;
use reader::Reader;
use std::borrow::Cow;
use std::collections::HashSet;

/// Reads the rows of `batch` as events that arrive at `now`. Its first row is the source's row `first_row`, the first
/// of all being 1.
///
/// # Errors
/// Where a column holds a field of the contract in a type that cannot hold it (money in floats, SPEC E5; instants without
/// a time zone, SPEC T1), or two columns have the same name.
pub fn check_batch(
    batch: &RecordBatch,
    first_row: u64,
    now: DateTime<Utc>,
) -> Result<Parsed, InputError> {
    let columns = Columns::new(batch)?;
    let options = EncoderOptions::default();
    let mut encoders = Encoders::new(batch, &options)?;
    let latest = instant::latest(now);
    let mut rows = Rows::default();
    let mut rejected = Vec::new();
    let mut cells = Vec::new();
    let mut json = Vec::new();
    for row in 0..batch.num_rows() {
        match check(
            &Row {
                columns: &columns,
                row,
            },
            latest,
            &mut cells,
        ) {
            Ok(event) => {
                let properties = encoders.properties(row, event.kind.listed(), &mut json);
                rows.push(&event, &cells, properties.as_deref());
            }
            Err(reason) => rejected.push(Rejected {
                line: first_row + row as u64,
                reason: reason.to_string(),
                raw: encoders.row(row),
            }),
        }
    }
    Ok(Parsed {
        rejected,
        lines: batch.num_rows() as u64,
        ..rows.finish()
    })
}

/// The columns that hold fields of the contract.
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
        self.read(field, |reader, row| match reader.whole(row) {
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
