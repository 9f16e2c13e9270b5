//! Reads a version of a table from its log: the newest checkpoint that it rests on, and the entries after it.
//!
//! Another process may expire entries and checkpoints meanwhile, or a power loss may have left a checkpoint torn. So what
//! is gone makes the log be listed again, and a checkpoint that cannot be decoded is passed over for what came before it.
//! Only a version of which every entry since a whole checkpoint, or since the table's beginning, was read is returned.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::Deserialize;

use super::error::LakeError;
use super::log::TableLog;
use super::snapshot::{FileChanges, TableSnapshot};

/// How often the log is listed before a version counts as lost.
const LISTINGS: usize = 3;
/// Entries that are fetched and parsed at once.
const AT_ONCE: usize = 16;
/// Names the newest checkpoint: from there on the log need only be listed. It may be old, torn or missing.
const HINT: &str = "_delta_log/_last_checkpoint";

/// The version before the first.
const BEGINNING: i64 = -1;

/// A file in the folder of a log.
pub(super) struct LogFile {
    pub version: i64,
    pub kind: Kind,
    pub location: Path,
    pub written: DateTime<Utc>,
}

/// What a file of a log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What the commit of the version changed.
    Entry,
    /// A checkpoint, or one of as many parts of it.
    Checkpoint(usize),
    /// A checkpoint in a form that is not known here.
    OtherCheckpoint,
}

impl LogFile {
    /// Recognises a file of a log by its name; `None` for one that has nothing that entries do not have.
    fn recognise(name: &str) -> Option<(i64, Kind)> {
        let (version, rest) = name.split_once('.')?;
        let is_version = version.len() == 20 && version.bytes().all(|b| b.is_ascii_digit());
        let version = version.parse().ok().filter(|_| is_version)?;
        let kind = match rest.split('.').collect::<Vec<_>>()[..] {
            ["json"] => Kind::Entry,
            ["checkpoint", "parquet"] => Kind::Checkpoint(1),
            ["checkpoint", _, parts, "parquet"] => Kind::Checkpoint(parts.parse().ok()?),
            ["checkpoint", ..] => Kind::OtherCheckpoint,
            _ => return None,
        };
        Some((version, kind))
    }
}

#[derive(Deserialize)]
struct Hint {
    version: i64,
}

impl TableLog {
    /// Reads the newest version; `None` if there is no table.
    pub async fn load(&self) -> Result<Option<TableSnapshot>, LakeError> {
        self.replay(None).await
    }

    /// Reads an older version.
    pub async fn load_version(&self, version: i64) -> Result<TableSnapshot, LakeError> {
        let table = self.replay(Some(version)).await?;
        table.ok_or_else(|| self.damaged("it has no log".to_owned()))
    }

    async fn replay(&self, version: Option<i64>) -> Result<Option<TableSnapshot>, LakeError> {
        let mut from = self.hint(version).await?;
        let mut files = self.files(from).await?;
        for _ in 0..LISTINGS {
            if let Some(newest) = files.iter().map(|file| file.version).max() {
                let version = version.unwrap_or(newest);
                if let Some(table) = self.replay_any(&files, version).await? {
                    return Ok(Some(table));
                }
                if from == 0
                    && let Some(table) = self.replay_from(BEGINNING, &[], version).await?
                {
                    return Ok(Some(table));
                }
            }
            (from, files) = (0, self.files(0).await?);
            if files.is_empty() {
                return Ok(None);
            }
        }
        let other = files.iter().find(|file| file.kind == Kind::OtherCheckpoint);
        let other = other.map(|file| format!("; this program cannot read {}", file.location));
        Err(self.damaged(format!(
            "its log has neither all entries nor a checkpoint that can be read{}",
            other.unwrap_or_default()
        )))
    }

    /// Reads a version from the newest listed checkpoint from which on all is there; `None` if there is none.
    async fn replay_any(
        &self,
        files: &[LogFile],
        version: i64,
    ) -> Result<Option<TableSnapshot>, LakeError> {
        for (base, parts) in checkpoints(files, version).iter().rev() {
            match self.replay_from(*base, parts, version).await {
                Ok(None) => {}
                Err(error @ (LakeError::Parquet(_) | LakeError::Arrow(_))) => {
                    let table = self.id.name();
                    tracing::warn!(table, version = *base, %error, "a checkpoint cannot be read");
                }
                read => return read,
            }
        }
        Ok(None)
    }

    /// Reads a version from a checkpoint on; `None` if something is not there.
    async fn replay_from(
        &self,
        base: i64,
        checkpoint: &[Path],
        version: i64,
    ) -> Result<Option<TableSnapshot>, LakeError> {
        let parts = checkpoint.iter().map(|part| async move {
            match self.fetch(part).await? {
                Some(bytes) => self.read_checkpoint(bytes).await.map(Some),
                None => Ok(None),
            }
        });
        let mut table = TableSnapshot::new(self.id, base);
        let mut has_protocol = false;
        for part in try_join_all(parts).await? {
            let Some(actions) = part else { return Ok(None) };
            has_protocol |= actions.has_protocol;
            table.apply(base, actions);
        }
        let entries = stream::iter(base + 1..=version);
        let mut entries = entries
            .map(|version| self.changes(version))
            .buffered(AT_ONCE);
        let mut next = base + 1;
        while let Some(changes) = entries.try_next().await? {
            let Some(changes) = changes else {
                return Ok(None);
            };
            has_protocol |= changes.has_protocol;
            table.apply(next, changes);
            next += 1;
        }
        match has_protocol && table.metadata().is_some() {
            true => Ok(Some(table)),
            false => {
                Err(self.damaged("its log does not say what it has to be read with".to_owned()))
            }
        }
    }

    /// Reads what the commit of a version changed; `None` if the log has no entry for it (not yet, or no longer).
    pub async fn changes(&self, version: i64) -> Result<Option<FileChanges>, LakeError> {
        match self.fetch(&Path::from(entry_path(version))).await? {
            Some(entry) => self.parse(version, entry).await.map(Some),
            None => Ok(None),
        }
    }

    /// Returns whether the log has an entry for a version.
    pub(super) async fn has_entry(&self, version: i64) -> Result<bool, LakeError> {
        match self.store().head(&Path::from(entry_path(version))).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the version from which on the log need be listed: that of the last known checkpoint, unless it is newer than
    /// the version to read.
    async fn hint(&self, version: Option<i64>) -> Result<i64, LakeError> {
        let hint = self.fetch(&Path::from(HINT)).await?;
        let hint = hint.and_then(|bytes| serde_json::from_slice::<Hint>(&bytes).ok());
        let hint = hint.map(|hint| hint.version);
        let hint = hint.filter(|hint| version.is_none_or(|version| *hint <= version));
        Ok(hint.unwrap_or_default().max(0))
    }

    /// Lists the log's files from a version on.
    pub(super) async fn files(&self, from: i64) -> Result<Vec<LogFile>, LakeError> {
        let store = self.store();
        // A name is the version and more, so it sorts behind the version alone.
        let before = self.log.log_path().clone().join(format!("{from:020}"));
        let mut listed = store.list_with_offset(Some(self.log.log_path()), &before);
        let mut files = Vec::new();
        while let Some(object) = listed.try_next().await? {
            let name = object.location.filename().unwrap_or_default();
            if let Some((version, kind)) = LogFile::recognise(name) {
                files.push(LogFile {
                    version,
                    kind,
                    written: object.last_modified,
                    location: object.location,
                });
            }
        }
        Ok(files)
    }

    async fn fetch(&self, path: &Path) -> Result<Option<bytes::Bytes>, LakeError> {
        match self.store().get(path).await {
            Ok(found) => Ok(Some(found.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns the whole checkpoints up to a version: the locations of their parts.
fn checkpoints(files: &[LogFile], until: i64) -> BTreeMap<i64, Vec<Path>> {
    let mut known: BTreeMap<(i64, usize), Vec<Path>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.version <= until) {
        if let Kind::Checkpoint(parts) = file.kind {
            let known = known.entry((file.version, parts)).or_default();
            known.push(file.location.clone());
        }
    }
    let whole = known
        .into_iter()
        .filter(|((_, parts), there)| there.len() == *parts);
    whole
        .map(|((version, _), parts)| (version, parts))
        .collect()
}

/// Returns the path of a version's entry inside the table's folder.
pub(super) fn entry_path(version: i64) -> String {
    format!("_delta_log/{version:020}.json")
}

#[cfg(test)]
mod tests;
