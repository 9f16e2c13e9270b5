//! What reading a piece of input gives.

use crate::table::RawTable;
use arrow::record_batch::RecordBatch;

/// The events of a piece of input, and what was no event.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The accepted events by table, in the order of [`RawTable::ALL`]: in [`RawTable::landing_schema`], those of an account
    /// and date in the order in which they came; none where the table got none. Those of an Arrow batch are grouped by
    /// account and date.
    pub tables: [Option<RecordBatch>; 3],
    /// What was refused, in the order in which it came.
    pub rejected: Vec<Rejected>,
    /// How many lines (or rows) there were, blank ones included.
    pub lines: u64,
}

/// A line (or row) that is no event of the contract (SPEC E3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The line's number, the first of the source being 1.
    pub line: u64,
    /// Why: a code, a colon, and what it is about, as docs/events.md lists them.
    pub reason: String,
    /// The line without its `\n`; a row as one JSON object of what is not null.
    pub raw: Vec<u8>,
}

impl Parsed {
    /// The accepted events of `table`.
    pub fn table(&self, table: RawTable) -> Option<&RecordBatch> {
        self.tables[table as usize].as_ref()
    }

    /// How many events were accepted.
    pub fn accepted(&self) -> usize {
        self.tables
            .iter()
            .flatten()
            .map(RecordBatch::num_rows)
            .sum()
    }
}
