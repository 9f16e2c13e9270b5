//! The history of a table in its log: which version was the newest when, which files versions name, and expiring entries.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use deltalake_core::checkpoints::cleanup_expired_logs_for;

use super::Lake;
use super::error::LakeError;
use super::log::TableLog;
use super::replay::Kind;
use super::table::TableId;

impl Lake {
    /// Returns the version that was a table's newest at an instant, by the modification times of the log's entries, but at
    /// most `at_most`. If that version can no longer be read, returns the oldest one that can.
    pub(crate) async fn version_at(
        &self,
        id: TableId,
        instant: DateTime<Utc>,
        at_most: i64,
    ) -> Result<i64, LakeError> {
        let mut version = self.current().get(id).version().min(at_most);
        let mut oldest = None;
        for file in self.0.logs[id as usize].files(0).await? {
            if matches!(file.kind, Kind::Checkpoint(..)) || file.version == 0 {
                oldest = Some(oldest.map_or(file.version, |o: i64| o.min(file.version)));
            }
            if file.kind == Kind::Entry && file.written >= instant {
                version = version.min(file.version - 1);
            }
        }
        Ok(version.max(oldest.unwrap_or(version)))
    }

    /// Returns the paths of all files that any version of a table from `first` on names.
    pub(crate) async fn named_since(
        &self,
        id: TableId,
        first: i64,
    ) -> Result<HashSet<String>, LakeError> {
        let log = &self.0.logs[id as usize];
        let start = log.load_version(first).await?;
        let mut named: HashSet<String> = start.all_files().iter().map(|f| f.path.clone()).collect();
        let mut version = first + 1;
        while let Some(changes) = log.changes(version).await? {
            named.extend(changes.adds.iter().map(|file| file.path.clone()));
            version += 1;
        }
        Ok(named)
    }

    /// Deletes the entries of a table's log that were written before `cutoff` and that no version from `first` on needs:
    /// those before the last checkpoint at or before `first`. Returns their number.
    pub(crate) async fn expire_log(
        &self,
        id: TableId,
        first: i64,
        cutoff: DateTime<Utc>,
    ) -> Result<usize, LakeError> {
        self.0.logs[id as usize].expire(first, cutoff).await
    }
}

impl TableLog {
    /// Returns whether the log still has everything that comes after a version: it has that version's entry, or nothing
    /// newer.
    pub(super) async fn has_entries_after(&self, version: i64) -> Result<bool, LakeError> {
        if self.has_entry(version).await? {
            return Ok(true);
        }
        let files = self.files(version).await?;
        Ok(files.iter().all(|file| file.version <= version))
    }

    async fn expire(&self, first: i64, cutoff: DateTime<Utc>) -> Result<usize, LakeError> {
        cleanup_expired_logs_for(
            first.unsigned_abs(),
            self.log.as_ref(),
            cutoff.timestamp_millis(),
            None,
        )
        .await
        .map_err(self.delta())
    }
}
