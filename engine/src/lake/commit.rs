//! Commits: a change becomes the version right after the one that it was worked out on, or no part of the table.
//!
//! A store may take a request, fail to say so, and refuse its repetition, because the version is there. So whoever finds
//! the version taken asks the log whose it is: of one's own commit nothing may be taken back, and nothing done twice.

use std::sync::Arc;

use super::log::Change;
use super::write::NewFile;
use super::{Lake, LakeError, TableId, TableSnapshot};

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Committed {
    /// It is a version of the table.
    Ours,
    /// Another writer was first. The change's files are in no version: they may be committed on a newer one once they have
    /// been checked against it, or discarded.
    Theirs,
    /// The version is taken, and the log no longer tells by whom: the change's files must stay.
    Unknown,
}

impl Lake {
    /// Commits a change that was worked out on `base`, as the version right after it.
    ///
    /// # Errors
    /// A store or a log that cannot be read or written. Whether the log names the change's files is not known then, so they
    /// must stay.
    pub async fn commit(
        &self,
        base: &TableSnapshot,
        change: Change,
    ) -> Result<Committed, LakeError> {
        let (id, version) = (base.id(), base.version() + 1);
        let log = &self.0.logs[id as usize];
        if !log.still_tells(base.version()).await? {
            // Older than what the log still has: its next version would be put where nobody looks.
            self.reload(id).await?;
            return Ok(Committed::Theirs);
        }
        let adds = change.adds.clone();
        match log.commit(base, change).await? {
            Some(changes) => {
                self.publish(Arc::new(base.advanced(version, changes)));
                Ok(Committed::Ours)
            }
            None => self.whose(id, version, &adds).await,
        }
    }

    /// Whose commit a version is: the one that added some files, or another.
    async fn whose(
        &self,
        id: TableId,
        version: i64,
        files: &[NewFile],
    ) -> Result<Committed, LakeError> {
        let changes = self.0.logs[id as usize].changes(version).await?;
        let Some(changes) = changes else {
            return Ok(Committed::Unknown);
        };
        let named = |file: &NewFile| changes.adds.iter().any(|add| add.path == file.path);
        if files.iter().any(named) {
            self.refresh_table(id).await?;
            return Ok(Committed::Ours);
        }
        Ok(Committed::Theirs)
    }

    /// Returns once the commit of a table's version outlasts a loss of power, whoever made it: another process may still be
    /// waiting for that.
    pub(crate) async fn settle(&self, table: &TableSnapshot) -> Result<(), LakeError> {
        let log = &self.0.logs[table.id() as usize];
        log.settle(table.version()).await
    }
}
