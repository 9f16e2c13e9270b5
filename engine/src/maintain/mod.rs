//! Maintains a lake: merges small files, and deletes files and log entries that are no longer needed.
//!
//! 1. *Compaction* merges the small files of a partition, in the order in which landing and deriving write ([`compact`]).
//! 2. *Vacuuming* deletes files that no version of the retention time names ([`vacuum`]).
//! 3. *Expiring* deletes log entries from before that time for which a checkpoint stands.
//!
//! What always holds: no query's answer changes, and no partition becomes dirty or clean. Each step may be killed and
//! repeated, and may run beside landings and derives, since files are deleted only once no version names them and the
//! retention time is longer than any landing or derive takes.

mod compact;
mod vacuum;

use chrono::{TimeDelta, Utc};
use serde::Serialize;

use crate::lake::TableId;
use crate::{Engine, EngineError, Progress};

/// The minimum retention time. A landing, a derive or a statement that began within it may still use files that no version
/// names yet, or no version names any more.
const MIN_RETENTION: TimeDelta = TimeDelta::days(1);

/// What maintaining did to one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableMaintenance {
    /// The table.
    pub table: &'static str,
    /// Number of small files that were merged.
    pub compacted: usize,
    /// Number of files that they were merged into.
    pub into: usize,
    /// The partitions (or the whole table) that could not be compacted and stay as they were, each with the reason.
    pub failed: Vec<String>,
    /// Number of files that were deleted.
    pub deleted: usize,
    /// Bytes of the deleted files.
    pub bytes: u64,
    /// Number of log entries and checkpoints that were deleted.
    pub log_entries: usize,
}

/// What maintaining did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MaintainReport {
    /// One entry per table.
    pub tables: Vec<TableMaintenance>,
}

impl MaintainReport {
    /// Returns whether there was nothing to do.
    pub fn is_clean(&self) -> bool {
        self.failed() == 0
            && self
                .tables
                .iter()
                .all(|table| (table.compacted, table.deleted, table.log_entries) == (0, 0, 0))
    }

    /// Returns the number of partitions, or whole tables, that could not be compacted.
    pub fn failed(&self) -> usize {
        self.tables.iter().map(|table| table.failed.len()).sum()
    }
}

impl Engine {
    /// Compacts the tables, then deletes the files and log entries that no version of the last `keep` needs. Partitions that
    /// cannot be compacted are in the report, and everything else is done nevertheless.
    ///
    /// # Errors
    /// A `keep` of less than a day; a lake that cannot be read or deleted from. What was done before the error stays done.
    pub async fn maintain(
        &self,
        keep: TimeDelta,
        progress: &dyn Progress,
    ) -> Result<MaintainReport, EngineError> {
        if keep < MIN_RETENTION {
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
            // The orphans of an account are always one file.
            if id != TableId::Orphans
                && let Err(error) = compact::compact(self, id, &mut table, progress).await
            {
                tracing::warn!(table = id.name(), %error, "a table cannot be compacted");
                table.failed.push(error.to_string());
            }
            report.tables.push(table);
        }
        // The clock's time, not `now()`: it is compared with the store's modification times.
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
