//! Syncs the files of a local lake to disk, so that a commit survives a power loss.
//!
//! An object store keeps a file once it has accepted it. A file system holds new bytes in memory for some seconds, and
//! after a power loss a file may exist without them. So a commit first waits until the files that it names are on disk,
//! and is reported only once its own entry is.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::LakeError;
use super::store::Location;
use super::table::TableId;

/// From this many files on, the whole file system is synced once instead of each file and folder, which takes a third of
/// the time or less.
#[cfg(target_os = "linux")]
const MANY: usize = 2;

/// Syncs the files of one table; does nothing for a table on an object store.
#[derive(Debug, Clone)]
pub(super) struct Durable {
    folder: Option<PathBuf>,
}

impl Durable {
    /// Syncs a table of the lake at `location`.
    pub fn of(location: &Location, id: TableId) -> Durable {
        let folder = location.folder().map(|lake| lake.join(id.name()));
        Durable { folder }
    }

    /// Waits until the files at these paths inside the table, and their folders, are on disk.
    pub async fn sync_files(&self, files: impl IntoIterator<Item = &str>) -> Result<(), LakeError> {
        let Some(table) = self.folder.clone() else {
            return Ok(());
        };
        let files: Vec<PathBuf> = files.into_iter().map(|file| table.join(file)).collect();
        if files.is_empty() {
            return Ok(());
        }
        blocking(table.clone(), move || sync(&table, &files)).await
    }

    /// As [`Durable::sync_files`], for one file in a folder that has existed for long.
    pub async fn sync_file(&self, file: &str) -> Result<(), LakeError> {
        let Some(table) = &self.folder else {
            return Ok(());
        };
        let file = table.join(file);
        let sync = move || {
            sync_one(&file)?;
            file.parent().map_or(Ok(()), sync_folder)
        };
        blocking(table.clone(), sync).await
    }
}

async fn blocking(
    table: PathBuf,
    sync: impl FnOnce() -> Result<(), NotSynced> + Send + 'static,
) -> Result<(), LakeError> {
    let synced = tokio::task::spawn_blocking(sync).await;
    Ok(synced.map_err(|error| NotSynced::of(&table)(Error::other(error)))??)
}

fn sync(table: &Path, files: &[PathBuf]) -> Result<(), NotSynced> {
    #[cfg(target_os = "linux")]
    if files.len() >= MANY {
        let synced = File::open(table).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
        return synced.map_err(NotSynced::of(table));
    }
    let mut folders = BTreeSet::new();
    for file in files {
        sync_one(file)?;
        let above = file.ancestors().skip(1);
        folders.extend(above.take_while(|folder| folder.starts_with(table)));
    }
    // Inner folders first: a folder is found again through the one that contains it.
    folders.into_iter().rev().try_for_each(sync_folder)
}

fn sync_one(path: &Path) -> Result<(), NotSynced> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(NotSynced::of(path))
}

fn sync_folder(path: &Path) -> Result<(), NotSynced> {
    match sync_one(path) {
        // Some file systems cannot sync a folder.
        Err(error) if error.source.kind() == ErrorKind::InvalidInput => Ok(()),
        outcome => outcome,
    }
}

/// A file or folder could not be synced to disk.
#[derive(Debug, thiserror::Error)]
#[error("{path:?} could not be put on disk: {source}")]
pub struct NotSynced {
    path: PathBuf,
    source: Error,
}

impl NotSynced {
    fn of(path: &Path) -> impl FnOnce(Error) -> NotSynced {
        let path = path.to_owned();
        move |source| NotSynced { path, source }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn a_missing_file_is_named_in_the_error() {
        let lake = tempfile::tempdir().unwrap();
        let location = Location::resolve(lake.path().to_str().unwrap(), &Default::default(), true);
        let durable = Durable::of(&location.unwrap(), TableId::Orders);
        let day = lake
            .path()
            .join("orders/account_id=a/ordered_date=2026-01-01");
        std::fs::create_dir_all(&day).unwrap();
        std::fs::write(day.join("part-1.parquet"), "rows").unwrap();
        let there = "account_id=a/ordered_date=2026-01-01/part-1.parquet";
        durable.sync_files([there]).await.unwrap();
        durable.sync_files([there; 100]).await.unwrap();
        let gone = "account_id=a/ordered_date=2026-01-01/part-2.parquet";
        let error = durable.sync_files([gone]).await.unwrap_err().to_string();
        assert!(error.contains("part-2.parquet"), "{error}");
        let error = durable.sync_file(gone).await.unwrap_err().to_string();
        assert!(error.contains("part-2.parquet"), "{error}");
        durable.sync_file(there).await.unwrap();
    }

    #[tokio::test]
    async fn on_an_object_store_nothing_is_synced() {
        let location = Location::resolve("memory:///lake", &Default::default(), true).unwrap();
        let durable = Durable::of(&location, TableId::Orders);
        durable.sync_files(["no such file"]).await.unwrap();
        durable.sync_file("no such file").await.unwrap();
    }
}
