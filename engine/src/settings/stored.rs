//! Reads the table `accounts`, each file once, since the content of a path never changes.
//!
//! The table keeps every version, and a release may no longer know a time zone or a currency that an older one accepted. A
//! version that cannot be parsed is therefore an error only while it is in force.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use rapport_data::Settings;
use rapport_data::settings::SettingsError;

use super::SettingsVersion;
use crate::EngineError;
use crate::lake::files;
use crate::lake::{DataFile, Lake, TableId};

/// Number of files read concurrently. Files are small, so most of the time of a read is the request's latency.
const READ_AT_ONCE: usize = 16;

/// One version of an account's settings as stored, whether or not this release can parse it.
#[derive(Debug, Clone)]
pub(crate) struct StoredVersion {
    account: String,
    changed_at: DateTime<Utc>,
    settings: Result<Settings, SettingsError>,
}

impl StoredVersion {
    /// Returns the instant from which on it was in force.
    pub fn changed_at(&self) -> DateTime<Utc> {
        self.changed_at
    }

    /// Returns the settings.
    ///
    /// # Errors
    /// Settings that cannot be parsed; the error names the account.
    pub fn settings(&self) -> Result<&Settings, EngineError> {
        self.settings.as_ref().map_err(|error| {
            EngineError::Settings(format!(
                "account {:?}: its settings in table accounts cannot be read, put them anew: {error}",
                self.account
            ))
        })
    }

    /// Returns the settings with their time.
    ///
    /// # Errors
    /// As [`StoredVersion::settings`].
    pub fn read(&self) -> Result<SettingsVersion, EngineError> {
        Ok(SettingsVersion {
            settings: self.settings()?.clone(),
            changed_at: self.changed_at,
        })
    }
}

impl From<SettingsVersion> for StoredVersion {
    fn from(version: SettingsVersion) -> Self {
        Self {
            account: version.settings.account_id().to_owned(),
            changed_at: version.changed_at,
            settings: Ok(version.settings),
        }
    }
}

/// The versions in one file.
type Versions = Arc<[StoredVersion]>;

/// A cache of the versions in the table's files. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SettingsFiles {
    lake: Lake,
    /// The versions of each file that has been read, by path.
    known: Arc<Mutex<HashMap<String, Versions>>>,
}

impl SettingsFiles {
    /// Creates an empty cache for a lake.
    pub fn new(lake: Lake) -> SettingsFiles {
        SettingsFiles {
            lake,
            known: Arc::default(),
        }
    }

    /// Returns the settings in force, by account, when the table has these files.
    ///
    /// # Errors
    /// A file that cannot be read; settings in force that cannot be parsed, by their account.
    pub async fn in_force(
        &self,
        files: &[Arc<DataFile>],
    ) -> Result<BTreeMap<String, SettingsVersion>, EngineError> {
        let last = self.last(files).await?.into_iter();
        last.map(|(account, version)| Ok((account, version.read()?)))
            .collect()
    }

    /// Returns the last version of each account in some files, whether or not it can be parsed.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub async fn last(
        &self,
        files: &[Arc<DataFile>],
    ) -> Result<BTreeMap<String, StoredVersion>, EngineError> {
        let read = self.read(files).await?;
        let mut last: BTreeMap<&str, &StoredVersion> = BTreeMap::new();
        for version in read.iter().flat_map(|versions| versions.iter()) {
            let known = last.entry(&version.account).or_insert(version);
            if known.changed_at < version.changed_at {
                *known = version;
            }
        }
        Ok(last
            .into_iter()
            .map(|(account, version)| (account.to_owned(), version.clone()))
            .collect())
    }

    /// Returns the versions of each file, in no particular order.
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
        // Files that were compacted away are not read again.
        let named = self.lake.current().get(TableId::Accounts).all_files();
        let named: HashSet<&str> = named.iter().map(|file| file.path.as_str()).collect();
        self.known().retain(|path, _| named.contains(path.as_str()));
        Ok(read)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Versions>> {
        // A poisoned lock is harmless: the cache may only lack an entry.
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
    versions: &mut Vec<StoredVersion>,
) -> Result<(), EngineError> {
    let column = |name: &str| -> Result<&ArrayRef, EngineError> {
        Ok(batch.column(batch.schema_ref().index_of(name)?))
    };
    let (accounts, times, texts) = (
        column("account_id")?,
        column("changed_at")?,
        column("settings")?,
    );
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let rows = accounts.as_string::<i32>().iter().zip(times);
    for ((account, time), text) in rows.zip(texts.as_string::<i32>()) {
        let (Some(account), Some(changed_at), Some(text)) = (
            account,
            time.and_then(DateTime::from_timestamp_micros),
            text,
        ) else {
            continue;
        };
        let settings = Settings::from_json_line(text);
        let account = settings.as_ref().map_or(account, Settings::account_id);
        versions.push(StoredVersion {
            account: account.to_owned(),
            changed_at,
            settings,
        });
    }
    Ok(())
}
