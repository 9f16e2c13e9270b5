//! The history of a table in its log: which version was the newest when, which files versions name, and expiring entries.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use deltalake_core::checkpoints::cleanup_expired_logs_for;
use deltalake_core::logstore::extract_version_from_filename;
use futures::TryStreamExt;

use super::Lake;
use super::error::LakeError;
use super::log::TableLog;
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
        for entry in self.0.logs[id as usize].entries().await? {
            if entry.is_checkpoint || entry.version == 0 {
                oldest = Some(oldest.map_or(entry.version, |o: i64| o.min(entry.version)));
            }
            if !entry.is_checkpoint && entry.written >= instant {
                version = version.min(entry.version - 1);
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

/// An entry or a checkpoint in a table's log folder.
struct Entry {
    version: i64,
    is_checkpoint: bool,
    written: DateTime<Utc>,
}

impl TableLog {
    /// Returns whether the log still has everything that comes after a version: it has that version's entry, or nothing
    /// newer.
    pub(super) async fn has_entries_after(&self, version: i64) -> Result<bool, LakeError> {
        let entry = self.log.read_commit_entry(version.unsigned_abs()).await;
        if entry.map_err(self.delta())?.is_some() {
            return Ok(true);
        }
        let entries = self.entries().await?;
        Ok(entries.iter().all(|entry| entry.version <= version))
    }

    async fn entries(&self) -> Result<Vec<Entry>, LakeError> {
        let store = self.log.object_store(None);
        let mut listed = store.list(Some(self.log.log_path()));
        let mut entries = Vec::new();
        while let Some(object) = listed.try_next().await? {
            let name = object.location.filename().unwrap_or_default();
            if let Some(version) = extract_version_from_filename(name) {
                entries.push(Entry {
                    version: i64::try_from(version).unwrap_or(i64::MAX),
                    is_checkpoint: name.ends_with(".parquet"),
                    written: object.last_modified,
                });
            }
        }
        Ok(entries)
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
