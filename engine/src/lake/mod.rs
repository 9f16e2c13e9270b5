//! The lake: Delta tables on an object store, the only state there is.
//!
//! Files are written first and become part of a table by one commit; a commit names the version it follows, so of two
//! writers one loses and looks again. All sessions share one snapshot of each table, advanced by what each commit changed.
//!
//! Two views of the lake exist. [`Lake::current`] has every table at its newest known version. [`Lake::served`] is what
//! queries read: its derived tables all rest on the same landed versions, so that every path to a number agrees (SPEC M7)
//! while a derive is between two of its commits.

mod agreement;
mod behind;
mod commit;
mod durable;
mod error;
pub(crate) mod files;
mod log;
mod past;
mod provider;
mod prune;
mod resident;
mod snapshot;
mod stats;
mod store;
mod table;
mod write;
mod zone_rules;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::future::try_join_all;
use object_store::ObjectStore;

pub use commit::Committed;
pub use durable::NotKept;
pub use error::LakeError;
pub use log::{Change, Operation};
pub use provider::{LakeScan, LakeTable, PinnedLake};
pub use resident::ResidentColumns;
pub use snapshot::{ALL_DATES, DataFile, Partition, TableSnapshot};
pub use stats::{FileStatistics, date_text, parse_date};
pub use table::{Partitioning, TableId, instant, money, strings, word};
pub use write::{Freshness, NewFile};

pub(crate) use behind::mark as mark_behind;
pub(crate) use log::COMPACTED;
use log::TableLog;
use store::Location;
pub(crate) use zone_rules::mark as mark_rules;

/// How often tables are read again where the landed ones were compacted after the derived ones were read.
const LOADS: usize = 3;

/// Entries of a log are kept for a day at least after they were written, so whoever has looked within this time misses none.
const SLEPT: Duration = Duration::from_secs(3600);

/// Every table at some version.
#[derive(Debug, Clone)]
pub struct LakeSnapshot {
    tables: Vec<Arc<TableSnapshot>>,
}

impl LakeSnapshot {
    /// One table.
    pub fn get(&self, id: TableId) -> &Arc<TableSnapshot> {
        &self.tables[id as usize]
    }

    /// These landed tables, with the derived ones of another snapshot.
    pub(crate) fn with_derived(&self, other: &LakeSnapshot) -> LakeSnapshot {
        let mut mixed = self.clone();
        for id in TableId::DERIVED {
            mixed.tables[id as usize] = Arc::clone(other.get(id));
        }
        mixed
    }

    /// Whether all derived tables rest on the same landed versions.
    fn agrees(&self) -> bool {
        let [first, rest @ ..] = TableId::DERIVED.map(|id| self.get(id).consumed());
        rest.iter().all(|other| *other == first)
    }

    /// Whether no landed table has events in compacted files that the derived ones have yet to consume: in those, old and
    /// new can no longer be told apart.
    fn tells_consumed(&self) -> bool {
        let derived = self.get(TableId::Conversations);
        TableId::CONSUMED.iter().all(|id| {
            let compacted = self.get(*id).transaction(COMPACTED).unwrap_or_default();
            compacted <= derived.transaction(id.name()).unwrap_or_default()
        })
    }
}

struct Inner {
    location: Location,
    store: Arc<dyn ObjectStore>,
    logs: Vec<TableLog>,
    current: RwLock<Arc<LakeSnapshot>>,
    served: RwLock<Arc<LakeSnapshot>>,
    /// When each table's log was looked at last.
    looked: Mutex<Vec<SystemTime>>,
}

/// A lake that is open. Cheap to clone.
#[derive(Clone)]
pub struct Lake(Arc<Inner>);

impl std::fmt::Debug for Lake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Lake")
            .field(&self.0.location.url.as_str())
            .finish()
    }
}

impl Lake {
    /// Opens the lake at a path or URL; makes it, or what it lacks, if `create`.
    ///
    /// # Errors
    /// [`LakeError::Address`] for an address that cannot be used, [`LakeError::Missing`] where there is no lake and
    /// `create` is false.
    pub async fn open(
        url: &str,
        options: &HashMap<String, String>,
        create: bool,
    ) -> Result<Lake, LakeError> {
        let location = Location::resolve(url, options, create)?;
        let logs = TableId::ALL
            .iter()
            .map(|id| TableLog::new(*id, &location))
            .collect::<Result<Vec<_>, _>>()?;
        for log in &logs {
            if !log.exists().await? {
                if !create {
                    return Err(LakeError::Missing(url.to_owned()));
                }
                log.create().await?;
            }
        }
        let mut current = load(&logs).await?;
        for _ in 0..LOADS {
            if current.tells_consumed() {
                break;
            }
            // Derived and compacted between two of our reads.
            current = load(&logs).await?;
        }
        let mut served = agreement::newest(&current, &logs)
            .await?
            .unwrap_or_else(|| {
                // Better numbers that may differ by what one derive changes than none; the next derive makes them agree.
                tracing::warn!("the derived tables rest on different events, and their logs do not reach back to where they agreed");
                current.clone()
            });
        mark_unconsumed(&mut served, &logs).await?;
        let current = served.with_derived(&current);
        Ok(Lake(Arc::new(Inner {
            store: location.lake_store(),
            location,
            logs,
            current: RwLock::new(Arc::new(current)),
            served: RwLock::new(Arc::new(served)),
            looked: Mutex::new(vec![SystemTime::now(); TableId::ALL.len()]),
        })))
    }

    /// The object store, rooted at the lake.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.0.store
    }

    /// The folder of a lake on a local disk.
    pub fn folder(&self) -> Option<PathBuf> {
        self.0.location.folder()
    }

    /// The lake's URL.
    pub fn url(&self) -> &str {
        self.0.location.url.as_str()
    }

    /// The URL under which plans name the lake's store.
    pub(crate) fn store_url() -> Result<ObjectStoreUrl, LakeError> {
        Ok(ObjectStoreUrl::parse("lake://tables")?)
    }

    /// Makes the lake's files readable to plans that run in `runtime`.
    ///
    /// # Errors
    /// None in practice: the URL is a constant.
    pub fn register(&self, runtime: &RuntimeEnv) -> Result<(), LakeError> {
        runtime.register_object_store(Self::store_url()?.as_ref(), Arc::clone(&self.0.store));
        Ok(())
    }

    /// Every table at the newest version that is known here. No I/O: see [`Lake::refresh`].
    pub fn current(&self) -> Arc<LakeSnapshot> {
        Arc::clone(&read(&self.0.current))
    }

    /// What queries read: the newest versions at which all derived tables agree. No I/O.
    pub fn served(&self) -> Arc<LakeSnapshot> {
        Arc::clone(&read(&self.0.served))
    }

    /// Takes in what other processes have committed.
    ///
    /// # Errors
    /// A store that cannot be read, or a log that is damaged.
    pub async fn refresh(&self) -> Result<Arc<LakeSnapshot>, LakeError> {
        let (landed, derived) = landed_and_derived();
        let derived = try_join_all(derived.into_iter().map(|id| self.newest(id))).await?;
        let landed = try_join_all(landed.into_iter().map(|id| self.newest(id))).await?;
        // Landed tables are made known first, so that whatever is served has the events that it rests on.
        for table in landed.into_iter().chain(derived) {
            self.publish(table);
        }
        Ok(self.current())
    }

    /// Takes in what other processes have committed to one table.
    ///
    /// # Errors
    /// As [`Lake::refresh`].
    pub async fn refresh_table(&self, id: TableId) -> Result<Arc<TableSnapshot>, LakeError> {
        Ok(self.publish(self.newest(id).await?))
    }

    /// Reads a table's newest version from its last checkpoint on, whatever is known of it.
    async fn reload(&self, id: TableId) -> Result<(), LakeError> {
        let table = self.0.logs[id as usize].load().await?;
        self.publish(Arc::new(table));
        Ok(())
    }

    async fn newest(&self, id: TableId) -> Result<Arc<TableSnapshot>, LakeError> {
        let log = &self.0.logs[id as usize];
        let now = SystemTime::now();
        if self.has_slept(id, now) && !log.still_tells(self.current().get(id).version()).await? {
            self.reload(id).await?;
        }
        let mut snapshot = Arc::clone(self.current().get(id));
        while let Some(changes) = log.changes(snapshot.version() + 1).await? {
            snapshot = Arc::new(snapshot.advanced(snapshot.version() + 1, changes));
        }
        // Only now: who could not look must not be taken for one that has.
        self.looked()[id as usize] = now;
        Ok(snapshot)
    }

    /// The files that came to a table after version `from` and up to `to`, as far as their rows are new; `None` if the log
    /// no longer tells.
    ///
    /// # Errors
    /// As [`Lake::refresh`].
    pub async fn files_added(
        &self,
        id: TableId,
        from: i64,
        to: i64,
    ) -> Result<Option<Vec<Arc<DataFile>>>, LakeError> {
        let mut files = Vec::new();
        for version in from + 1..=to {
            match self.0.logs[id as usize].changes(version).await? {
                Some(changes) => {
                    files.extend(changes.adds.into_iter().filter(|f| f.version > 0));
                }
                None => return Ok(None),
            }
        }
        Ok(Some(files))
    }

    /// Whether nobody here has looked at a table's log for so long that entries may be gone which come next for us: a
    /// machine was suspended, or a long landing looked at its beginning alone.
    fn has_slept(&self, id: TableId, now: SystemTime) -> bool {
        let last = self.looked()[id as usize];
        // A clock that was set back tells nothing.
        now.duration_since(last).map_or(true, |since| since > SLEPT)
    }

    fn looked(&self) -> MutexGuard<'_, Vec<SystemTime>> {
        // Each entry is replaced whole.
        self.0.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a table's version known, unless a newer one is; answers with the newest.
    fn publish(&self, table: Arc<TableSnapshot>) -> Arc<TableSnapshot> {
        let mut current = write(&self.0.current);
        let known = current.get(table.id());
        if known.version() >= table.version() {
            return Arc::clone(known);
        }
        let mut next = current.as_ref().clone();
        next.tables[table.id() as usize] = Arc::clone(&table);
        let next = Arc::new(next);
        *current = Arc::clone(&next);
        let mut served = write(&self.0.served);
        if next.agrees() && next.tells_consumed() {
            *served = next;
        } else if !TableId::DERIVED.contains(&table.id()) {
            let mut newer = served.as_ref().clone();
            newer.tables[table.id() as usize] = Arc::clone(&table);
            if newer.tells_consumed() {
                *served = Arc::new(newer);
            }
        }
        table
    }
}

/// All tables, those that others are derived from first, as in [`TableId::ALL`]. They are read in the opposite order: all
/// that a derived table has consumed is then among what is read of the landed ones, however much is committed meanwhile.
fn landed_and_derived() -> (Vec<TableId>, Vec<TableId>) {
    let landed = |id: &TableId| !TableId::DERIVED.contains(id);
    TableId::ALL.into_iter().partition(landed)
}

/// Reads every table's newest version.
async fn load(logs: &[TableLog]) -> Result<LakeSnapshot, LakeError> {
    let (landed, derived) = landed_and_derived();
    let load = |id: TableId| logs[id as usize].load();
    let derived = try_join_all(derived.into_iter().map(load)).await?;
    let landed = try_join_all(landed.into_iter().map(load)).await?;
    Ok(LakeSnapshot {
        tables: landed.into_iter().chain(derived).map(Arc::new).collect(),
    })
}

/// Learns from the log which landed files the derived tables have not consumed, so that relations over landed events can
/// leave those out, and compacting does.
async fn mark_unconsumed(snapshot: &mut LakeSnapshot, logs: &[TableLog]) -> Result<(), LakeError> {
    for id in TableId::CONSUMED {
        let table = snapshot.get(id);
        let consumed = TableId::DERIVED
            .map(|derived| snapshot.get(derived).transaction(id.name()))
            .into_iter()
            .map(Option::unwrap_or_default)
            .fold(table.version(), i64::min);
        let mut versions = HashMap::new();
        for version in consumed + 1..=table.version() {
            let changes = logs[id as usize].changes(version).await?;
            for file in changes.into_iter().flat_map(|c| c.adds) {
                if file.version > 0 {
                    versions.insert(file.path.clone(), version);
                }
            }
        }
        if !versions.is_empty() {
            let marked = table.as_ref().clone().with_versions(&versions);
            snapshot.tables[id as usize] = Arc::new(marked);
        }
    }
    Ok(())
}

// A poisoned lock guards a value that is replaced whole, so it is never half changed.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
