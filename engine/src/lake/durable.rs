//! What a local lake has been given outlasts a loss of power before anybody relies on it.
//!
//! An object store has a file for good once it has taken it. A file system keeps it in memory for some seconds, and after a
//! power cut a file may be there without its bytes. So a commit waits until the files that it names are on disk, and nobody
//! is told of it before it is there itself.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::LakeError;
use super::store::Location;
use super::table::TableId;

/// From here on the whole file system is told to write, once, rather than each file and folder: that takes a third of the
/// time, or less.
#[cfg(target_os = "linux")]
const MANY: usize = 2;

/// A table's folder, if a file system has it.
#[derive(Debug, Clone)]
pub(super) struct Durable {
    folder: Option<PathBuf>,
}

impl Durable {
    /// Of a table of a lake.
    pub fn of(location: &Location, id: TableId) -> Durable {
        let folder = location.folder().map(|lake| lake.join(id.name()));
        Durable { folder }
    }

    /// Returns once the files at these paths inside the table, and the folders that they are in, are on disk.
    pub async fn keep(&self, files: impl IntoIterator<Item = &str>) -> Result<(), LakeError> {
        let Some(table) = self.folder.clone() else {
            return Ok(());
        };
        let files: Vec<PathBuf> = files.into_iter().map(|file| table.join(file)).collect();
        if files.is_empty() {
            return Ok(());
        }
        blocking(table.clone(), move || sync(&table, &files)).await
    }

    /// As [`Durable::keep`], of one file in a folder that is there for long.
    pub async fn keep_one(&self, file: &str) -> Result<(), LakeError> {
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
    sync: impl FnOnce() -> Result<(), NotKept> + Send + 'static,
) -> Result<(), LakeError> {
    let kept = tokio::task::spawn_blocking(sync).await;
    Ok(kept.map_err(|error| NotKept::of(&table)(Error::other(error)))??)
}

fn sync(table: &Path, files: &[PathBuf]) -> Result<(), NotKept> {
    #[cfg(target_os = "linux")]
    if files.len() >= MANY {
        let synced = File::open(table).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
        return synced.map_err(NotKept::of(table));
    }
    let mut folders = BTreeSet::new();
    for file in files {
        sync_one(file)?;
        let above = file.ancestors().skip(1);
        folders.extend(above.take_while(|folder| folder.starts_with(table)));
    }
    // Those below first: a folder is found again by the one that it is in.
    folders.into_iter().rev().try_for_each(sync_folder)
}

fn sync_one(path: &Path) -> Result<(), NotKept> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(NotKept::of(path))
}

fn sync_folder(path: &Path) -> Result<(), NotKept> {
    match sync_one(path) {
        // Some file systems have no such thing as a folder's own bytes.
        Err(error) if error.source.kind() == ErrorKind::InvalidInput => Ok(()),
        outcome => outcome,
    }
}

/// What could not be made to outlast a loss of power, and why.
#[derive(Debug, thiserror::Error)]
#[error("{path:?} could not be put on disk: {source}")]
pub struct NotKept {
    path: PathBuf,
    source: Error,
}

impl NotKept {
    fn of(path: &Path) -> impl FnOnce(Error) -> NotKept {
        let path = path.to_owned();
        move |source| NotKept { path, source }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn a_file_that_is_gone_is_named() {
        let lake = tempfile::tempdir().unwrap();
        let location = Location::resolve(lake.path().to_str().unwrap(), &Default::default(), true);
        let durable = Durable::of(&location.unwrap(), TableId::Orders);
        let day = lake
            .path()
            .join("orders/account_id=a/ordered_date=2026-01-01");
        std::fs::create_dir_all(&day).unwrap();
        std::fs::write(day.join("part-1.parquet"), "rows").unwrap();
        let there = "account_id=a/ordered_date=2026-01-01/part-1.parquet";
        durable.keep([there]).await.unwrap();
        durable.keep([there; 100]).await.unwrap();
        let gone = "account_id=a/ordered_date=2026-01-01/part-2.parquet";
        let error = durable.keep([gone]).await.unwrap_err().to_string();
        assert!(error.contains("part-2.parquet"), "{error}");
        let error = durable.keep_one(gone).await.unwrap_err().to_string();
        assert!(error.contains("part-2.parquet"), "{error}");
        durable.keep_one(there).await.unwrap();
    }

    #[tokio::test]
    async fn a_store_keeps_what_it_has_taken_by_itself() {
        let location = Location::resolve("memory:///lake", &Default::default(), true).unwrap();
        let durable = Durable::of(&location, TableId::Orders);
        durable.keep(["no such file"]).await.unwrap();
        durable.keep_one("no such file").await.unwrap();
    }
}
