//! Commits a change as the version right after the one that it was computed on, or not at all.
//!
//! An object store may accept a request, fail to confirm it, and refuse the retry because the version exists. So when the
//! version is taken, the log is asked whose commit it is: our own commit must be neither undone nor repeated.

use std::collections::HashSet;
use std::sync::Arc;

use super::change::Change;
use super::files;
use super::write::NewFile;
use super::{Lake, LakeError, TableId, TableSnapshot};

/// How often a change is computed before the loop gives up. One writer wins every race, so a writer that loses this many in
/// a row has another problem.
const ATTEMPTS: usize = 100;

/// The outcome of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Committed {
    /// The change is a version of the table.
    Ours,
    /// Another writer committed the version first. No version names the change's files: they may be committed on a newer
    /// version, after a check against it, or deleted.
    Theirs,
    /// The version exists, and the log no longer says whose commit it was. The change's files must not be deleted.
    Unknown,
}

/// Computes a change on whichever version of a table is the newest.
pub(crate) trait Work: Send {
    /// Why a change cannot be computed.
    type Error: From<LakeError>;

    /// Computes the change on a version of the table; `None` if there is nothing to change. It is called again on a newer
    /// version when another writer was first; the new change may add the files of the lost one.
    fn change(
        &mut self,
        base: &Arc<TableSnapshot>,
    ) -> impl Future<Output = Result<Option<Change>, Self::Error>> + Send;
}

impl Lake {
    /// Commits a change, computing it again on the newer version each time another writer was first.
    ///
    /// `written` lists files of the change that are already written. The loop owns these and the files of each computed
    /// change: those that do not become part of the table are deleted, unless a version that cannot be read may name them.
    ///
    /// # Errors
    /// An error of `work`; [`LakeError::Contended`] after 100 lost races; a store or log that cannot be read or written.
    pub(crate) async fn commit_loop<W: Work>(
        &self,
        mut base: Arc<TableSnapshot>,
        written: Vec<NewFile>,
        work: &mut W,
    ) -> Result<(), W::Error> {
        let id = base.id();
        let mut pending = Pending {
            files: written,
            kept: HashSet::new(),
        };
        for _ in 0..ATTEMPTS {
            let change = match work.change(&base).await {
                Ok(Some(change)) => change,
                outcome => {
                    pending.discard_all_but(self, id, &[]).await;
                    return outcome.map(drop);
                }
            };
            pending.discard_all_but(self, id, &change.adds).await;
            pending.files = change.adds.clone();
            let committed = self.commit(&base, change).await?;
            if committed == Committed::Ours {
                return Ok(());
            }
            base = self.refresh_table(id).await?;
            if committed == Committed::Unknown {
                if pending.files.iter().any(|file| base.has_file(file)) {
                    return Ok(());
                }
                let files = pending.files.iter();
                pending.kept.extend(files.map(|file| file.path.clone()));
            }
        }
        pending.discard_all_but(self, id, &[]).await;
        let table = id.name();
        let attempts = ATTEMPTS;
        Err(LakeError::Contended { table, attempts }.into())
    }

    /// Commits a change that was computed on `base`, as the version right after it.
    ///
    /// # Errors
    /// A store or a log that cannot be read or written. The log may name the change's files then, so they must not be
    /// deleted.
    pub async fn commit(
        &self,
        base: &TableSnapshot,
        change: Change,
    ) -> Result<Committed, LakeError> {
        let (id, version) = (base.id(), base.version() + 1);
        let log = &self.0.logs[id as usize];
        if !log.has_entries_after(base.version()).await? {
            // `base` is older than the log's oldest entry, so the next version would be written where no reader looks.
            self.reload(id).await?;
            return Ok(Committed::Theirs);
        }
        let adds = change.adds.clone();
        match log.commit(base, change).await? {
            Some(changes) => {
                self.publish(Arc::new(base.advanced(version, changes)));
                // Only now: who waits for the rows need not wait for it.
                log.checkpoint_when_due(version).await;
                Ok(Committed::Ours)
            }
            None => self.whose(id, version, &adds).await,
        }
    }

    /// Finds out whether a version is the commit that added `files`, or another writer's.
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

    /// Waits until the commit of a table's version would survive a power loss, whichever process made it.
    pub(crate) async fn settle(&self, table: &TableSnapshot) -> Result<(), LakeError> {
        let log = &self.0.logs[table.id() as usize];
        log.settle(table.version()).await
    }
}

/// Written files that are not known to be part of their table.
struct Pending {
    files: Vec<NewFile>,
    /// The paths of those that must not be deleted, since a version that could not be read may name them.
    kept: HashSet<String>,
}

impl Pending {
    /// Deletes the files that are neither in `adds` nor kept.
    async fn discard_all_but(&mut self, lake: &Lake, table: TableId, adds: &[NewFile]) {
        let adds: HashSet<&str> = adds.iter().map(|file| file.path.as_str()).collect();
        for file in std::mem::take(&mut self.files) {
            if !adds.contains(file.path.as_str()) && !self.kept.contains(&file.path) {
                files::discard(lake, table, &file.path).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
    use futures::TryStreamExt;
    use object_store::path::Path;
    use rstest::rstest;

    use super::*;
    use crate::lake::{Freshness, Operation, Partition};

    const TABLE: TableId = TableId::Accounts;

    async fn write(lake: &Lake) -> NewFile {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec!["acme"])),
            Arc::new(TimestampMicrosecondArray::from(vec![7]).with_timezone("UTC")),
            Arc::new(StringArray::from(vec!["{}"])),
        ];
        let rows = RecordBatch::try_new(TABLE.file_schema(), columns).unwrap();
        let (partition, rows) = (Partition::default(), [rows]);
        let file = lake.write(TABLE, &partition, &rows, Freshness::Moving);
        file.await.unwrap()
    }

    /// Adds a file that every attempt adds and one of its own; another writer is first a number of times.
    struct Race<'a> {
        lake: &'a Lake,
        shared: NewFile,
        losses: usize,
        attempts: usize,
        /// The attempt that reports an error.
        fails_at: usize,
    }

    impl Work for Race<'_> {
        type Error = LakeError;

        async fn change(&mut self, base: &Arc<TableSnapshot>) -> Result<Option<Change>, LakeError> {
            self.attempts += 1;
            if self.attempts == self.fails_at {
                return Err(LakeError::Missing("it fails".to_owned()));
            }
            let change = |adds| Change {
                adds,
                ..Change::new(Operation::Settings)
            };
            if self.attempts <= self.losses {
                let others = change(vec![write(self.lake).await]);
                assert_eq!(self.lake.commit(base, others).await?, Committed::Ours);
            }
            let own = vec![self.shared.clone(), write(self.lake).await];
            Ok(Some(change(own)))
        }
    }

    /// The paths of the files in the table's folder, and of those that its newest version names.
    async fn files(lake: &Lake) -> [BTreeSet<String>; 2] {
        let stored = lake.store().list(Some(&Path::from(TABLE.name())));
        let stored: Vec<_> = stored.try_collect().await.unwrap();
        let stored = stored.iter().filter_map(|object| {
            let path: &str = object.location.as_ref();
            let path = path.strip_prefix("accounts/")?;
            let is_data = path.ends_with(".parquet") && !path.starts_with("_delta_log");
            is_data.then(|| path.to_owned())
        });
        let named = lake.refresh_table(TABLE).await.unwrap().all_files();
        let named = named.iter().map(|file| file.path.clone());
        [stored.collect(), named.collect()]
    }

    #[rstest]
    #[case::first(0, usize::MAX, "", 2)]
    #[case::after_some(3, usize::MAX, "", 5)]
    #[case::never(ATTEMPTS, usize::MAX, "100 times in a row", ATTEMPTS)]
    #[case::failing(3, 3, "it fails", 2)]
    #[tokio::test]
    async fn only_files_of_the_table_are_left_however_a_race_ends(
        #[case] losses: usize,
        #[case] fails_at: usize,
        #[case] error: &str,
        #[case] left: usize,
    ) {
        let options = Default::default();
        let lake = Lake::open("memory:///", &options, true).await.unwrap();
        let shared = write(&lake).await;
        let mut race = Race {
            lake: &lake,
            shared: shared.clone(),
            losses,
            attempts: 0,
            fails_at,
        };
        let base = lake.refresh_table(TABLE).await.unwrap();
        let outcome = lake
            .commit_loop(base, vec![shared.clone()], &mut race)
            .await;
        match error {
            "" => {
                outcome.unwrap();
                assert_eq!(race.attempts, losses + 1);
            }
            error => {
                let told = outcome.unwrap_err().to_string();
                assert!(told.contains(error), "{told}");
            }
        }
        let [stored, named] = files(&lake).await;
        assert_eq!(stored, named);
        assert_eq!(named.len(), left);
        assert_eq!(named.contains(&shared.path), error.is_empty());
    }
}
