//! The lake: Delta tables on an object store, the only state of the program.
//!
//! Files are written first and become part of a table by one commit. A commit names the version that it follows, so of two
//! concurrent writers one loses and tries again on the newer version. All sessions share one snapshot of each table, which
//! each commit advances.
//!
//! There are two views of the lake. [`Lake::current`] has every table at its newest known version. [`Lake::served`] is what
//! queries read: its derived tables have all consumed the same landed versions, so that every path to a number agrees
//! (SPEC M7) also while a derive is between two of its commits.

mod actions;
mod agreement;
mod behind;
mod change;
mod checkpoint;
mod commit;
mod conform;
mod durable;
mod error;
pub(crate) mod files;
mod files_exec;
mod history;
mod layout;
mod log;
mod provider;
mod prune;
mod replay;
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

pub use change::{Change, Operation};
pub use commit::Committed;
pub use durable::NotSynced;
pub use error::LakeError;
pub use layout::LAYOUT;
pub use provider::{LakeScan, LakeTable, PinnedLake};
pub use resident::ResidentColumns;
pub use snapshot::{ALL_DATES, DataFile, Partition, TableSnapshot};
pub use stats::{FileStatistics, date_text, parse_date};
pub use table::{Partitioning, TableId, instant, money, strings, word};
pub use write::{Freshness, NewFile};

pub(crate) use agreement::record_round;
pub use behind::Marked;
pub(crate) use behind::{Backfill, Mark, mark_accounts, mark_backfill};
pub(crate) use commit::Work;
pub(crate) use conform::{Missing, conform};
pub(crate) use layout::mark_derived_anew;
pub(crate) use log::COMPACTED;
use log::TableLog;
pub(crate) use resident::{LateColumnsExec, ResidentExec, ResidentScan};
pub(crate) use store::Location;
pub use store::StoreLayer;
pub(crate) use zone_rules::mark_rules;

/// How often all tables are read again at opening, where landed ones were compacted after the derived ones were read.
const RELOADS: usize = 3;

/// A process that has read a table's log within this time cannot have missed an entry, since vacuuming keeps entries for a
/// day at least.
const LOOKED_RECENTLY: Duration = Duration::from_secs(3600);

/// Every table of the lake, each at one version.
#[derive(Debug, Clone)]
pub struct LakeSnapshot {
    tables: Vec<Arc<TableSnapshot>>,
}

impl LakeSnapshot {
    /// Returns a table's snapshot.
    pub fn get(&self, id: TableId) -> &Arc<TableSnapshot> {
        &self.tables[id as usize]
    }

    /// Returns the landed tables of this snapshot with the derived ones of another.
    pub(crate) fn with_derived(&self, other: &LakeSnapshot) -> LakeSnapshot {
        let mut mixed = self.clone();
        for id in TableId::DERIVED {
            mixed.tables[id as usize] = Arc::clone(other.get(id));
        }
        mixed
    }

    /// Returns whether every compacted file of a landed table holds events that the derived tables have consumed. In a
    /// compacted file, consumed events and others can no longer be told apart.
    fn has_only_consumed_compactions(&self) -> bool {
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
    /// When each table's log was last read, by table.
    looked: Mutex<Vec<SystemTime>>,
}

/// An open lake. Cheap to clone.
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
    /// Opens the lake at a path or URL; creates it if `create`. A lake of an older layout is upgraded to this program's.
    ///
    /// # Errors
    /// [`LakeError::Address`] for an address that cannot be used, [`LakeError::Missing`] where there is no lake and
    /// `create` is false, [`LakeError::Layout`] for a lake of a newer layout.
    pub async fn open(
        url: &str,
        options: &HashMap<String, String>,
        create: bool,
    ) -> Result<Lake, LakeError> {
        Self::open_at(Location::resolve(url, options, create)?, url, create).await
    }

    /// As [`Lake::open`], at an address that is resolved.
    pub(crate) async fn open_at(
        location: Location,
        url: &str,
        create: bool,
    ) -> Result<Lake, LakeError> {
        let logs = TableId::ALL
            .iter()
            .map(|id| TableLog::new(*id, &location))
            .collect::<Result<Vec<_>, _>>()?;
        let mut tables = load(&logs).await?;
        // A lake of a newer layout need not have all of our tables: it was refused before it gets any.
        let there = logs.iter().zip(&tables);
        let missing = there.filter_map(|(log, table)| table.is_none().then_some(log));
        let missing: Vec<&TableLog> = missing.collect();
        if missing.len() == logs.len() && !create {
            return Err(LakeError::Missing(url.to_owned()));
        }
        if !missing.is_empty() {
            location.require_conditional_writes().await?;
            try_join_all(missing.into_iter().map(TableLog::create)).await?;
            tables = load(&logs).await?;
        }
        let mut current = all(url, tables)?;
        for _ in 0..RELOADS {
            if current.has_only_consumed_compactions() {
                break;
            }
            // Another process has derived and compacted between two of these reads.
            current = all(url, load(&logs).await?)?;
        }
        let mut served = agreement::newest(&current, &logs)
            .await?
            .unwrap_or_else(|| {
                // Numbers that may differ by what one derive changes are better than none; the next derive makes them agree.
                tracing::warn!("the derived tables rest on different events, and their logs do not reach back to where they agreed");
                current.clone()
            });
        mark_unconsumed(&mut served, &logs).await?;
        let current = served.with_derived(&current);
        let lake = Lake(Arc::new(Inner {
            store: location.lake_store(),
            location,
            logs,
            current: RwLock::new(Arc::new(current)),
            served: RwLock::new(Arc::new(served)),
            looked: Mutex::new(vec![SystemTime::now(); TableId::ALL.len()]),
        }));
        lake.upgrade().await?;
        Ok(lake)
    }

    /// Returns the object store, rooted at the lake.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.0.store
    }

    /// Returns the folder of a lake on a local disk.
    pub fn folder(&self) -> Option<PathBuf> {
        self.0.location.folder()
    }

    /// Returns the lake's URL.
    pub fn url(&self) -> &str {
        self.0.location.url.as_str()
    }

    /// Returns the URL by which plans refer to the lake's store.
    pub(crate) fn store_url() -> Result<ObjectStoreUrl, LakeError> {
        Ok(ObjectStoreUrl::parse("lake://tables")?)
    }

    /// Registers the lake's store in `runtime`, so that its plans can read the lake's files.
    ///
    /// # Errors
    /// None in practice: the URL is a constant.
    pub fn register(&self, runtime: &RuntimeEnv) -> Result<(), LakeError> {
        runtime.register_object_store(Self::store_url()?.as_ref(), Arc::clone(&self.0.store));
        Ok(())
    }

    /// Returns every table at its newest known version. Does no I/O: see [`Lake::refresh`].
    pub fn current(&self) -> Arc<LakeSnapshot> {
        Arc::clone(&read(&self.0.current))
    }

    /// Returns what queries read: the newest known versions at which all derived tables agree. Does no I/O.
    pub fn served(&self) -> Arc<LakeSnapshot> {
        Arc::clone(&read(&self.0.served))
    }

    /// Reads what other processes have committed.
    ///
    /// # Errors
    /// A store that cannot be read, or a log that is damaged.
    pub async fn refresh(&self) -> Result<Arc<LakeSnapshot>, LakeError> {
        let (landed, derived) = landed_and_derived();
        let derived = try_join_all(derived.into_iter().map(|id| self.newest(id))).await?;
        let landed = try_join_all(landed.into_iter().map(|id| self.newest(id))).await?;
        // Landed tables are published first, so that the derived rows served never rest on events that are not.
        for table in landed.into_iter().chain(derived) {
            self.publish(table);
        }
        Ok(self.current())
    }

    /// Reads what other processes have committed to one table.
    ///
    /// # Errors
    /// As [`Lake::refresh`].
    pub async fn refresh_table(&self, id: TableId) -> Result<Arc<TableSnapshot>, LakeError> {
        Ok(self.publish(self.newest(id).await?))
    }

    /// Reads a table's newest version from its last checkpoint on, without regard to the known version.
    async fn reload(&self, id: TableId) -> Result<(), LakeError> {
        let table = self.0.logs[id as usize].load().await?;
        let table = table.ok_or_else(|| LakeError::Missing(self.url().to_owned()))?;
        self.publish(Arc::new(table));
        Ok(())
    }

    async fn newest(&self, id: TableId) -> Result<Arc<TableSnapshot>, LakeError> {
        let log = &self.0.logs[id as usize];
        let now = SystemTime::now();
        if self.may_have_missed_entries(id, now)
            && !log
                .has_entries_after(self.current().get(id).version())
                .await?
        {
            self.reload(id).await?;
        }
        let mut snapshot = Arc::clone(self.current().get(id));
        while let Some(changes) = log.changes(snapshot.version() + 1).await? {
            snapshot = Arc::new(snapshot.advanced(snapshot.version() + 1, changes));
        }
        // Only after reading: a failed read must not count as one.
        self.looked()[id as usize] = now;
        Ok(snapshot)
    }

    /// Returns the files with new rows that were added to a table after version `from` and up to version `to`; `None` if the
    /// log no longer has all entries between.
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

    /// Returns whether this process has not read a table's log for so long that the next entries may have been vacuumed: the
    /// machine was suspended, say, or a long landing read the log at its beginning only.
    fn may_have_missed_entries(&self, id: TableId, now: SystemTime) -> bool {
        let last = self.looked()[id as usize];
        // If the clock was set back, the time since is unknown.
        now.duration_since(last)
            .map_or(true, |since| since > LOOKED_RECENTLY)
    }

    fn looked(&self) -> MutexGuard<'_, Vec<SystemTime>> {
        // A poisoned lock is harmless: each entry is only ever replaced as a whole.
        self.0.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a table's version the newest known one, unless a newer one is known. Returns the newest.
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
        if next.agrees() && next.has_only_consumed_compactions() {
            *served = next;
        } else if !TableId::DERIVED.contains(&table.id()) {
            let mut newer = served.as_ref().clone();
            newer.tables[table.id() as usize] = Arc::clone(&table);
            if newer.has_only_consumed_compactions() {
                *served = Arc::new(newer);
            }
        }
        table
    }
}

/// Returns the landed and the derived tables, each in the order of [`TableId::ALL`]. Derived tables are read first: whatever
/// they have consumed is then among what is read of the landed ones, however much is committed meanwhile.
fn landed_and_derived() -> (Vec<TableId>, Vec<TableId>) {
    let landed = |id: &TableId| !TableId::DERIVED.contains(id);
    TableId::ALL.into_iter().partition(landed)
}

/// Reads the newest version of every table; `None` for one that is not there.
async fn load(logs: &[TableLog]) -> Result<Vec<Option<TableSnapshot>>, LakeError> {
    let (landed, derived) = landed_and_derived();
    let load = |id: TableId| logs[id as usize].load();
    let derived = try_join_all(derived.into_iter().map(load)).await?;
    let landed = try_join_all(landed.into_iter().map(load)).await?;
    Ok(landed.into_iter().chain(derived).collect())
}

fn all(url: &str, tables: Vec<Option<TableSnapshot>>) -> Result<LakeSnapshot, LakeError> {
    let tables = tables.into_iter().map(|table| table.map(Arc::new));
    let tables = tables.collect::<Option<_>>();
    let tables = tables.ok_or_else(|| LakeError::Missing(url.to_owned()))?;
    Ok(LakeSnapshot { tables })
}

/// Marks the landed files that the derived tables have not consumed with the version that added them. Relations over landed
/// events leave those files out, and compacting does not touch them.
async fn mark_unconsumed(snapshot: &mut LakeSnapshot, logs: &[TableLog]) -> Result<(), LakeError> {
    for id in TableId::CONSUMED {
        let table = Arc::clone(snapshot.get(id));
        let consumed = TableId::DERIVED
            .map(|derived| snapshot.get(derived).transaction(id.name()))
            .into_iter()
            .map(Option::unwrap_or_default)
            .fold(table.version(), i64::min);
        // Files that came after the checkpoint know the version that added them.
        for version in consumed + 1..=table.read_from() {
            let changes = logs[id as usize].changes(version).await?;
            let table = Arc::make_mut(&mut snapshot.tables[id as usize]);
            for file in changes.into_iter().flat_map(|changes| changes.adds) {
                table.set_version(&file);
            }
        }
    }
    Ok(())
}

// A poisoned lock is harmless: its value is only ever replaced as a whole.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
