//! Reading the table `accounts`: each of its files once, since a path names a file's content for good.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::TimestampMicrosecondType;
use chrono::DateTime;
use futures::{StreamExt, TryStreamExt};
use rapport_data::Settings;

use super::SettingsVersion;
use crate::EngineError;
use crate::lake::{DataFile, Lake, TableId};
use crate::land::files;

/// How many files are read at a time: each is small, so that asking for it takes longer than reading it.
const READ_AT_ONCE: usize = 16;

/// The versions that one file holds.
type Versions = Arc<[SettingsVersion]>;

/// The table's files, as far as they have been read. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SettingsFiles {
    lake: Lake,
    /// What was read of each path.
    known: Arc<Mutex<HashMap<String, Versions>>>,
}

impl SettingsFiles {
    /// Those of a lake, of which nothing has been read.
    pub fn new(lake: Lake) -> SettingsFiles {
        SettingsFiles {
            lake,
            known: Arc::default(),
        }
    }

    /// What is in force where the table has these files: the last version of each account.
    ///
    /// # Errors
    /// A file that cannot be read, or that holds what are no settings.
    pub async fn in_force(
        &self,
        files: &[Arc<DataFile>],
    ) -> Result<BTreeMap<String, SettingsVersion>, EngineError> {
        let read = self.read(files).await?;
        let mut last: BTreeMap<&str, &SettingsVersion> = BTreeMap::new();
        for version in read.iter().flat_map(|versions| versions.iter()) {
            let known = last.entry(version.settings.account_id()).or_insert(version);
            if known.changed_at < version.changed_at {
                *known = version;
            }
        }
        Ok(last
            .into_iter()
            .map(|(account, version)| (account.to_owned(), version.clone()))
            .collect())
    }

    /// The versions that each of some files holds, in no order.
    pub(super) async fn read(&self, files: &[Arc<DataFile>]) -> Result<Vec<Versions>, EngineError> {
        let (mut read, mut new) = (Vec::with_capacity(files.len()), Vec::new());
        {
            let known = self.known();
            for file in files {
                match known.get(&file.path) {
                    Some(versions) => read.push(Arc::clone(versions)),
                    None => new.push(read_file(self.lake.clone(), Arc::clone(file))),
                }
            }
        }
        if new.is_empty() {
            return Ok(read);
        }
        let mut new = futures::stream::iter(new).buffer_unordered(READ_AT_ONCE);
        while let Some((path, versions)) = new.try_next().await? {
            self.known().insert(path, Arc::clone(&versions));
            read.push(versions);
        }
        // Compacted files are not asked for again.
        let named = self.lake.current().get(TableId::Accounts).all_files();
        let named: HashSet<&str> = named.iter().map(|file| file.path.as_str()).collect();
        self.known().retain(|path, _| named.contains(path.as_str()));
        Ok(read)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Versions>> {
        // What is behind a poisoned lock is true, if less than it might be.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read_file(lake: Lake, file: Arc<DataFile>) -> Result<(String, Versions), EngineError> {
    let mut versions = Vec::new();
    let mut batches = files::read(&lake, TableId::Accounts, &file.path, file.size, None).await?;
    while let Some(batch) = batches.try_next().await? {
        read_versions(&batch, &mut versions)?;
    }
    Ok((file.path.clone(), versions.into()))
}

fn read_versions(
    batch: &RecordBatch,
    versions: &mut Vec<SettingsVersion>,
) -> Result<(), EngineError> {
    let schema = TableId::Accounts.file_schema();
    let column = |name: &str| -> Result<ArrayRef, EngineError> {
        let column = batch.column(batch.schema_ref().index_of(name)?);
        Ok(cast(column, schema.field_with_name(name)?.data_type())?)
    };
    let (times, texts) = (column("changed_at")?, column("settings")?);
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let texts = texts.as_string::<i32>();
    for (text, time) in texts.iter().zip(times) {
        let (Some(text), Some(changed_at)) = (text, time.and_then(DateTime::from_timestamp_micros))
        else {
            continue;
        };
        let settings = Settings::from_json_line(text).map_err(|error| {
            EngineError::Settings(format!(
                "table accounts holds settings that are none: {error}"
            ))
        })?;
        versions.push(SettingsVersion {
            settings,
            changed_at,
        });
    }
    Ok(())
}
