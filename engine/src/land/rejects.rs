//! Keeps rejected lines: each as a whole, with its source, line number and reason (SPEC E3).
//!
//! Two rejected lines are the same if source, line, reason and content are equal. So landing the same input again, or after a
//! crash, keeps each of its bad lines once, as it keeps each event once (SPEC E1). To compare, only those files of the table
//! are read that may have a line of the same source and number.
//!
//! Rejected lines are committed before the events of the same landing. So if the events of a file are in the lake, its
//! rejected lines are too, even after a crash in between.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, Int64Array, RecordBatch, StringBuilder,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow::compute::take_record_batch;
use arrow::datatypes::Int64Type;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rapport_data::Rejected;

use super::error::LandError;
use crate::lake::files;
use crate::lake::{DataFile, FileStatistics, Lake, NewFile, TableId};

/// The bytes of rejected lines that are collected before a file is written.
const FILE_BYTES: usize = 32 * 1024 * 1024;

/// The columns that identify a rejected line.
const IDENTITY: [&str; 5] = ["source", "line", "reason", "raw", "raw_bytes"];

/// Collects rejected lines for a file.
pub(super) struct RejectedRows {
    landed_at: DateTime<Utc>,
    source: StringBuilder,
    line: Vec<i64>,
    reason: StringBuilder,
    raw: StringBuilder,
    raw_bytes: BinaryBuilder,
    bytes: usize,
}

impl RejectedRows {
    pub fn new(landed_at: DateTime<Utc>) -> Self {
        Self {
            landed_at,
            source: StringBuilder::new(),
            line: Vec::new(),
            reason: StringBuilder::new(),
            raw: StringBuilder::new(),
            raw_bytes: BinaryBuilder::new(),
            bytes: 0,
        }
    }

    /// Adds a line. One that PostgreSQL's text cannot hold (SPEC E7), because it is not UTF-8 or has U+0000, is kept twice:
    /// as readable text, and as its bytes.
    pub fn push(&mut self, source: &str, rejected: &Rejected) {
        self.source.append_value(source);
        self.line
            .push(i64::try_from(rejected.line).unwrap_or(i64::MAX));
        self.reason.append_value(&rejected.reason);
        match std::str::from_utf8(&rejected.raw) {
            Ok(text) if !text.contains('\0') => {
                self.raw.append_value(text);
                self.raw_bytes.append_null();
            }
            _ => {
                let text = String::from_utf8_lossy(&rejected.raw);
                self.raw.append_value(text.replace('\0', "\u{fffd}"));
                self.raw_bytes.append_value(&rejected.raw);
            }
        }
        self.bytes += source.len() + rejected.reason.len() + 2 * rejected.raw.len() + 64;
    }

    pub fn is_full(&self) -> bool {
        self.bytes >= FILE_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Returns the lines as rows of the table, sorted by source and line.
    pub fn finish(mut self) -> Result<RecordBatch, LandError> {
        let landed_at = vec![self.landed_at.timestamp_micros(); self.line.len()];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(TimestampMicrosecondArray::from(landed_at).with_timezone("UTC")),
            Arc::new(self.source.finish()),
            Arc::new(Int64Array::from(self.line)),
            Arc::new(self.reason.finish()),
            Arc::new(self.raw.finish()),
            Arc::new(self.raw_bytes.finish()),
        ];
        let rows = RecordBatch::try_new(TableId::RejectedEvents.file_schema(), columns)?;
        let (sources, lines) = (
            rows.column(1).as_string::<i32>(),
            rows.column(2).as_primitive::<Int64Type>(),
        );
        let mut order: Vec<u64> = (0..rows.num_rows() as u64).collect();
        order.sort_by_key(|row| (sources.value(*row as usize), lines.value(*row as usize)));
        Ok(take_record_batch(&rows, &UInt64Array::from(order))?)
    }
}

/// Identifies a rejected line.
#[derive(PartialEq, Eq, Hash)]
struct Identity<'a> {
    source: &'a str,
    line: i64,
    reason: &'a str,
    /// The bytes of the line.
    raw: &'a [u8],
}

/// Returns the identities of the rows of a batch, which has the columns of [`IDENTITY`] in any order, and may have others.
fn identities(rows: &RecordBatch) -> Result<Vec<Identity<'_>>, LandError> {
    let column = |name: &str| -> Result<&ArrayRef, LandError> {
        Ok(rows.column(rows.schema_ref().index_of(name)?))
    };
    let (source, reason, raw) = (
        column("source")?.as_string::<i32>(),
        column("reason")?.as_string::<i32>(),
        column("raw")?.as_string::<i32>(),
    );
    let line = column("line")?.as_primitive::<Int64Type>();
    let bytes = column("raw_bytes")?.as_binary::<i32>();
    Ok((0..rows.num_rows())
        .map(|row| Identity {
            source: source.value(row),
            line: line.value(row),
            reason: reason.value(row),
            raw: match bytes.is_valid(row) {
                true => bytes.value(row),
                false => raw.value(row).as_bytes(),
            },
        })
        .collect())
}

/// Describes a file of rejected lines, of the table or of this landing.
pub(super) struct KeptFile<'a> {
    path: &'a str,
    size: u64,
    statistics: &'a FileStatistics,
}

impl<'a> From<&'a Arc<DataFile>> for KeptFile<'a> {
    fn from(file: &'a Arc<DataFile>) -> Self {
        Self {
            path: &file.path,
            size: file.size,
            statistics: &file.statistics,
        }
    }
}

impl<'a> From<&'a NewFile> for KeptFile<'a> {
    fn from(file: &'a NewFile) -> Self {
        Self {
            path: &file.path,
            size: file.size,
            statistics: &file.statistics,
        }
    }
}

/// Holds the first and the last line of each source, sorted by source.
struct LineRanges<'a>(Vec<(&'a str, RangeInclusive<i64>)>);

impl<'a> LineRanges<'a> {
    fn of(lines: &[Identity<'a>]) -> Self {
        let mut ranges: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for Identity { source, line, .. } in lines {
            let (first, last) = ranges.entry(*source).or_insert((*line, *line));
            *first = (*first).min(*line);
            *last = (*last).max(*line);
        }
        let of_source = |(source, (first, last))| (source, first..=last);
        Self(ranges.into_iter().map(of_source).collect())
    }

    /// Tells whether a file may have one of the lines. A file without statistics of sources and lines may have any.
    fn may_overlap(&self, file: &FileStatistics) -> bool {
        let (Some((least, greatest)), Some((first, last))) =
            (file.text_range("source"), file.number_range("line"))
        else {
            return true;
        };
        let from = self.0.partition_point(|(source, _)| *source < least);
        self.0[from..]
            .iter()
            .take_while(|(source, _)| *source <= greatest)
            .any(|(_, lines)| *lines.start() <= last && first <= *lines.end())
    }
}

/// Removes the rows that some files already have, and repeated rows. Returns `None` if no row is left.
pub(super) async fn without_known(
    lake: &Lake,
    rows: RecordBatch,
    known: &[KeptFile<'_>],
) -> Result<Option<RecordBatch>, LandError> {
    let own = identities(&rows)?;
    let ranges = LineRanges::of(&own);
    let hasher = RandomState::new();
    let mut new = vec![true; own.len()];
    let mut places: HashTable<usize> = HashTable::with_capacity(own.len());
    for (row, identity) in own.iter().enumerate() {
        let entry = places.entry(
            hasher.hash_one(identity),
            |other| own[*other] == *identity,
            |other| hasher.hash_one(&own[*other]),
        );
        match entry {
            // An input is given twice to this landing.
            Entry::Occupied(_) => new[row] = false,
            Entry::Vacant(vacant) => {
                vacant.insert(row);
            }
        }
    }
    for file in known {
        if !ranges.may_overlap(file.statistics) {
            continue;
        }
        let (table, columns) = (TableId::RejectedEvents, Some(&IDENTITY[..]));
        let mut batches = files::read(lake, table, file.path, file.size, columns).await?;
        while let Some(batch) = batches.try_next().await? {
            for identity in identities(&batch)? {
                let hash = hasher.hash_one(&identity);
                if let Some(row) = places.find(hash, |other| own[*other] == identity) {
                    new[*row] = false;
                }
            }
        }
    }
    let left: UInt64Array = (0..)
        .zip(&new)
        .filter_map(|(row, new)| new.then_some(row))
        .collect();
    if left.is_empty() {
        return Ok(None);
    }
    Ok(Some(take_record_batch(&rows, &left)?))
}
