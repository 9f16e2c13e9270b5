//! Maintaining a lake: few files where landing left many, and no file that nobody can read any more.
//!
//! 1. *Compacting* puts the small files of a partition together, in the order in which landing and deriving write
//!    ([`compact`]).
//! 2. *Vacuuming* deletes files that no version of the time to keep names ([`vacuum`]).
//! 3. *Expiring* deletes the log's entries from before that time, as far as a checkpoint stands for them.
//!
//! What always holds: no answer changes, and nothing that is dirty becomes clean or the other way round. Each step may be
//! killed, repeated, and run beside landings and derives: files go after nothing names them, and the time to keep is longer
//! than any of those work.

mod compact;
mod vacuum;

use chrono::{TimeDelta, Utc};
use serde::Serialize;

use crate::lake::TableId;
use crate::{Engine, EngineError, Progress};

/// Less cannot be kept: a landing, a derive or a statement that began so long ago may still be at work with files that no
/// version names yet, or any more.
const LEAST_KEPT: TimeDelta = TimeDelta::days(1);

/// What was done to one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableMaintenance {
    /// The table.
    pub table: &'static str,
    /// Small files that were put together.
    pub compacted: usize,
    /// The files that they became.
    pub into: usize,
    /// What could not be compacted and is left as it was, each with why: partitions, or the table as a whole.
    pub failed: Vec<String>,
    /// Files that were deleted.
    pub deleted: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Entries and checkpoints that were deleted from the log.
    pub log_entries: usize,
}

/// What maintaining did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MaintainReport {
    /// Each table.
    pub tables: Vec<TableMaintenance>,
}

impl MaintainReport {
    /// Whether there was nothing to do.
    pub fn is_clean(&self) -> bool {
        self.failed() == 0
            && self
                .tables
                .iter()
                .all(|table| (table.compacted, table.deleted, table.log_entries) == (0, 0, 0))
    }

    /// How many partitions, or tables as a whole, could not be compacted.
    pub fn failed(&self) -> usize {
        self.tables.iter().map(|table| table.failed.len()).sum()
    }
}

impl Engine {
    /// Compacts the tables, and deletes what no version of the last `keep` needs. What cannot be compacted is in the report,
    /// and keeps nothing else from being done.
    ///
    /// # Errors
    /// A `keep` of less than a day; a lake from which nothing can be deleted. What is done by then stays.
    pub async fn maintain(
        &self,
        keep: TimeDelta,
        progress: &dyn Progress,
    ) -> Result<MaintainReport, EngineError> {
        if keep < LEAST_KEPT {
            return Err(EngineError::Request(
                "what is in use now must be kept; expected 1 day or more".into(),
            ));
        }
        let mut report = MaintainReport::default();
        for id in TableId::ALL {
            let mut table = TableMaintenance {
                table: id.name(),
                ..TableMaintenance::default()
            };
            // An account's orphans are one file at all times.
            if id != TableId::Orphans
                && let Err(error) = compact::compact(self, id, &mut table, progress).await
            {
                tracing::warn!(table = id.name(), %error, "a table cannot be compacted");
                table.failed.push(error.to_string());
            }
            report.tables.push(table);
        }
        // By the clock: it is what the store's times are of, whatever `now()` is said to be.
        let cutoff = Utc::now() - keep;
        progress.begin("vacuuming", "tables", Some(TableId::ALL.len() as u64));
        for (id, table) in TableId::ALL.into_iter().zip(&mut report.tables) {
            vacuum::vacuum(self.lake(), id, cutoff, table).await?;
            progress.advance(1);
        }
        progress.end();
        Ok(report)
    }
}
