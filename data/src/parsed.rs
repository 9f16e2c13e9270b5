//! The result of parsing a piece of input.

use crate::table::RawTable;
use arrow::record_batch::RecordBatch;

/// Holds the accepted events and the rejected lines of a piece of input.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The accepted events by table, in the order of [`RawTable::ALL`]; none where a table got no event. Batches have the
    /// [`RawTable::landing_schema`]. Events of one account and date keep their input order; those from an Arrow batch are
    /// also grouped by account and date.
    pub tables: [Option<RecordBatch>; 3],
    /// The rejected lines or rows, in input order.
    pub rejected: Vec<Rejected>,
    /// The number of lines or rows, blank lines included.
    pub lines: u64,
}

/// Holds a line or row that is no event of the contract (SPEC E3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The number of the line or row in its source, counted from 1.
    pub line: u64,
    /// The reason as `CODE: DETAIL`; docs/events.md lists the codes.
    pub reason: String,
    /// The line without its `\n`; a row as one JSON object of its values that are not null.
    pub raw: Vec<u8>,
}

impl Parsed {
    /// Returns the accepted events of a table.
    pub fn table(&self, table: RawTable) -> Option<&RecordBatch> {
        self.tables[table as usize].as_ref()
    }

    /// Returns the number of accepted events.
    pub fn accepted(&self) -> usize {
        self.tables
            .iter()
            .flatten()
            .map(RecordBatch::num_rows)
            .sum()
    }
}
