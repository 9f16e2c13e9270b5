//! Compacting: the small files of a partition become one, with the same rows in the table's order.
//!
//! The commit says that no data changes, so nobody takes the rows for new ones. Of a landed table, only files that all
//! derived tables have consumed are put together: what is still to be consumed is told by the files that came, so those must
//! stay as they are. The commit records up to which version it reached, by which a process whose derived tables are older
//! knows that it must not serve these files with them (SPEC M7). So it is with the settings, of which every version stays
//! (SPEC S1). Of a derived table, the files of days that no longer move are put together, as deriving writes them when it
//! makes a month anew. Rejected lines are consumed by nobody; those of days that have ended are put together.
//!
//! A file says little of how much memory its rows take, so what is put together at a time is bounded by rows and by their
//! size once they are decoded. A partition that cannot be put together is left as it is, and the others are not.

use std::collections::{BTreeMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use rapport_data::RawTable;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::TableMaintenance;
use crate::derive::days::{day_of, days_of, is_closed};
use crate::lake::files;
use crate::lake::{
    COMPACTED, Change, Committed, DataFile, Freshness, Lake, LakeSnapshot, NewFile, Operation,
    Partition, TableId, TableSnapshot,
};
use crate::land::rewrite;
use crate::{Engine, EngineError, Progress};

/// Files are put together up to about this size, which reads well.
const FULL: u64 = 32 << 20;
/// A file of half of that can no longer be doubled.
const SMALL: u64 = FULL / 2;
/// Files are put together up to so many rows.
const FULL_ROWS: u64 = 1 << 20;
/// Files are put together up to so many bytes of decoded rows: as much as those of a full file mostly are.
const FULL_DECODED: u64 = 128 << 20;
/// How often rows are in memory while they are put together: as they were read, in their order, and encoded.
const COPIES: u64 = 3;
/// The unit in which memory is dealt out.
const PERMIT_BYTES: u64 = 64 * 1024;
/// So many rewritten files are committed at once; a crash repeats no more than these.
const FILES_PER_COMMIT: usize = 1_000;
/// Landings that commit meanwhile do no harm; so many in a row are no chance.
const ATTEMPTS: usize = 100;
/// Where so many partitions of a table cannot be put together, the fault is not theirs: it is the store's, say.
const MOST_FAILED: usize = 100;

/// Files that are put together, and, once they are, the file that they become.
struct Merge {
    partition: Partition,
    files: Vec<Arc<DataFile>>,
    /// Files that are too large to be put together with others, though their sizes do not show it.
    large: Vec<Arc<DataFile>>,
    into: Option<NewFile>,
}

/// Compacts one table.
pub(super) async fn compact(
    engine: &Engine,
    id: TableId,
    done: &mut TableMaintenance,
    progress: &dyn Progress,
) -> Result<(), EngineError> {
    // Half of what plans may hold, as landing takes.
    let permits = engine.options().memory_limit as u64 / 2 / PERMIT_BYTES;
    let permits = u32::try_from(permits).unwrap_or(u32::MAX).max(1);
    let mut compaction = Compaction {
        engine,
        id,
        progress,
        memory: Memory {
            permits,
            free: Arc::new(Semaphore::new(permits as usize)),
        },
        left: Left::default(),
    };
    loop {
        let snapshot = engine.lake().refresh().await?;
        let rule = Rule::of(engine, &snapshot, id);
        let merges = plan(&snapshot, id, rule, &compaction.left);
        if merges.is_empty() {
            return Ok(());
        }
        let files: usize = merges.iter().map(|merge| merge.files.len()).sum();
        let step = format!("compacting {}", id.name());
        progress.begin(&step, "files", Some(files as u64));
        let outcome = compaction.run(merges, rule, done).await;
        progress.end();
        outcome?;
    }
}

/// Which files of a table may be put together.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Landed ones that came up to this version.
    Consumed(i64),
    /// Derived ones of days that no longer move.
    Closed { today: i32 },
    /// Those of partitions whose day has ended.
    Ended { today: i32 },
}

impl Rule {
    fn of(engine: &Engine, lake: &LakeSnapshot, id: TableId) -> Self {
        let today = day_of(engine.now().timestamp_micros());
        if TableId::DERIVED.contains(&id) {
            Rule::Closed { today }
        } else if TableId::CONSUMED.contains(&id) {
            Rule::Consumed(consumed_by_all(lake, id))
        } else {
            Rule::Ended { today }
        }
    }

    fn allows(self, id: TableId, file: &DataFile) -> bool {
        match self {
            Rule::Consumed(version) => file.version <= version,
            Rule::Closed { today } => days_of(file, id.sort_columns()[0])
                .is_some_and(|days| is_closed(*days.end(), today)),
            Rule::Ended { today } => file.partition.date.is_some_and(|date| date < today),
        }
    }

    /// What a commit on top of a version of the table records of it. Another process may have compacted more by then, and
    /// what it recorded must not be set back: its files would be taken for those of an older version.
    fn recorded(self, base: &TableSnapshot) -> Vec<(String, i64)> {
        match self {
            Rule::Consumed(version) => {
                let known = base.transaction(COMPACTED).unwrap_or(version);
                vec![(COMPACTED.to_owned(), version.max(known))]
            }
            Rule::Closed { .. } | Rule::Ended { .. } => Vec::new(),
        }
    }
}

/// Up to which version of a landed table every derived one has consumed it.
fn consumed_by_all(lake: &LakeSnapshot, id: TableId) -> i64 {
    let consumed = |derived: TableId| lake.get(derived).transaction(id.name());
    let consumed = TableId::DERIVED.map(|derived| consumed(derived).unwrap_or_default());
    consumed.into_iter().fold(i64::MAX, i64::min)
}

/// What stays as it is for the rest of a compaction.
#[derive(Debug, Default)]
struct Left {
    /// Partitions that cannot be put together.
    partitions: HashSet<Partition>,
    /// The paths of files that are too large to be.
    files: HashSet<String>,
}

/// The files to put together: of each partition the small ones, as many as make a full one.
fn plan(lake: &LakeSnapshot, id: TableId, rule: Rule, left: &Left) -> Vec<Merge> {
    let mut partitions: BTreeMap<Partition, Vec<Arc<DataFile>>> = BTreeMap::new();
    for file in lake.get(id).all_files() {
        let is_small = file.size < SMALL && file.rows() <= FULL_ROWS / 2;
        let is_left = left.partitions.contains(&file.partition) || left.files.contains(&file.path);
        if is_small && !is_left && rule.allows(id, &file) {
            let partition = partitions.entry(file.partition.clone());
            partition.or_default().push(file);
        }
    }
    let mut merges = Vec::new();
    for (partition, mut files) in partitions {
        if matches!(rule, Rule::Closed { .. }) {
            files.sort_by_key(|file| days_of(file, id.sort_columns()[0]).map(|d| *d.start()));
        }
        let mut group: Vec<Arc<DataFile>> = Vec::new();
        let mut size = 0;
        for file in files {
            if size + file.size > FULL {
                add(&mut merges, &partition, std::mem::take(&mut group));
                size = 0;
            }
            size += file.size;
            group.push(file);
        }
        add(&mut merges, &partition, group);
    }
    merges
}

fn add(merges: &mut Vec<Merge>, partition: &Partition, files: Vec<Arc<DataFile>>) {
    if files.len() > 1 {
        merges.push(Merge {
            partition: partition.clone(),
            files,
            large: Vec::new(),
            into: None,
        });
    }
}

/// What rows may take while they are put together.
#[derive(Debug, Clone)]
struct Memory {
    permits: u32,
    free: Arc<Semaphore>,
}

/// How much is put together at a time.
#[derive(Debug, Default)]
struct Load {
    rows: u64,
    bytes: u64,
}

/// Whether a file is put together with those before it.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    /// It is.
    Taken,
    /// Not with these, as they are enough.
    Later,
    /// It is too large to be, with whichever.
    Never,
}

impl Load {
    fn take(&mut self, rows: u64, bytes: u64) -> Fit {
        if rows > FULL_ROWS / 2 || bytes > FULL_DECODED / 2 {
            return Fit::Never;
        }
        if self.rows + rows > FULL_ROWS || self.bytes + bytes > FULL_DECODED {
            return Fit::Later;
        }
        self.rows += rows;
        self.bytes += bytes;
        Fit::Taken
    }
}

/// The compaction of one table.
struct Compaction<'a> {
    engine: &'a Engine,
    id: TableId,
    progress: &'a dyn Progress,
    memory: Memory,
    left: Left,
}

impl Compaction<'_> {
    /// Puts files together and commits them.
    async fn run(
        &mut self,
        mut merges: Vec<Merge>,
        rule: Rule,
        done: &mut TableMaintenance,
    ) -> Result<(), EngineError> {
        while !merges.is_empty() {
            let rest = merges.split_off(merges.len().min(FILES_PER_COMMIT));
            let mut merged = self.rewrite(merges, done).await?;
            for merge in &merged {
                let large = merge.large.iter().map(|file| file.path.clone());
                self.left.files.extend(large);
            }
            merged.retain(|merge| merge.into.is_some());
            commit(self.engine.lake(), self.id, merged, rule, done).await?;
            if done.failed.len() >= MOST_FAILED {
                return Err(EngineError::Request(format!(
                    "table {}: {MOST_FAILED} partitions could not be compacted, so no more were tried",
                    self.id.name()
                )));
            }
            merges = rest;
        }
        Ok(())
    }

    /// Writes the merged files, several at once. Partitions that cannot be merged are told of and left. On an error those
    /// files that were written are taken away again.
    async fn rewrite(
        &mut self,
        merges: Vec<Merge>,
        done: &mut TableMaintenance,
    ) -> Result<Vec<Merge>, EngineError> {
        let mut waiting = merges.into_iter();
        let mut running = JoinSet::new();
        let mut merged = Vec::new();
        let mut outcome = Ok(());
        loop {
            while outcome.is_ok()
                && done.failed.len() < MOST_FAILED
                && running.len() < self.engine.options().threads.max(1)
                && let Some(merge) = waiting.next()
            {
                let (lake, id, memory) = (self.engine.lake(), self.id, &self.memory);
                running.spawn(try_merge(lake.clone(), id, memory.clone(), merge));
            }
            match running.join_next().await {
                None => break,
                Some(Ok((_, Ok(merge)))) => {
                    self.progress.advance(merge.files.len() as u64);
                    merged.push(merge);
                }
                Some(Ok((partition, Err(error)))) => {
                    let folder = partition.folder(self.id);
                    tracing::warn!(
                        table = self.id.name(),
                        partition = %folder,
                        %error,
                        "a partition cannot be compacted, so it is left as it is"
                    );
                    done.failed
                        .push(format!("{}/{folder}: {error}", self.id.name()));
                    self.left.partitions.insert(partition);
                }
                Some(Err(error)) => {
                    let stopped = EngineError::Request(format!("compacting stopped: {error}"));
                    outcome = outcome.and(Err(stopped));
                }
            }
        }
        if let Err(error) = outcome {
            discard(self.engine.lake(), self.id, &merged).await;
            return Err(error);
        }
        Ok(merged)
    }
}

/// Merges files; whatever happens there is told with their partition.
async fn try_merge(
    lake: Lake,
    id: TableId,
    memory: Memory,
    merge: Merge,
) -> (Partition, Result<Merge, EngineError>) {
    let partition = merge.partition.clone();
    let merging = AssertUnwindSafe(merge_files(lake, id, memory, merge));
    let merged = merging.catch_unwind().await.unwrap_or_else(|_| {
        let panicked = "compacting it panicked, as is told on standard error";
        Err(EngineError::Request(panicked.to_owned()))
    });
    (partition, merged)
}

/// Merges as many of the files, in their order, as may be at a time.
async fn merge_files(
    lake: Lake,
    id: TableId,
    memory: Memory,
    mut merge: Merge,
) -> Result<Merge, EngineError> {
    let (mut load, mut open) = (Load::default(), Vec::new());
    for file in std::mem::take(&mut merge.files) {
        let footer = files::open(&lake, id, &file.path, file.size).await?;
        match load.take(footer.rows(), footer.decoded_bytes()) {
            Fit::Taken => {
                merge.files.push(file);
                open.push(footer);
            }
            Fit::Later => break,
            Fit::Never => merge.large.push(file),
        }
    }
    if open.len() < 2 {
        return Ok(merge);
    }
    let permits = load.bytes * COPIES / PERMIT_BYTES;
    let permits = u32::try_from(permits).unwrap_or(u32::MAX);
    // Nobody closes it.
    let _held = memory
        .free
        .acquire_many(permits.clamp(1, memory.permits))
        .await;
    let has_events = RawTable::ALL.map(TableId::of_raw).contains(&id);
    let rows = if has_events {
        rewrite::merged(id, open).await?
    } else {
        rewrite::sorted(id, open).await.map(Some)?
    };
    let Some(rows) = rows else {
        return Err(EngineError::Request("it holds an event twice".to_owned()));
    };
    let file = lake
        .write(id, &merge.partition, &[rows], Freshness::Closed)
        .await?;
    merge.into = Some(file);
    Ok(merge)
}

/// Puts merged files in the place of those that they hold. Where another writer was first, what it left of those is done.
async fn commit(
    lake: &Lake,
    id: TableId,
    mut merged: Vec<Merge>,
    rule: Rule,
    done: &mut TableMaintenance,
) -> Result<(), EngineError> {
    for _ in 0..ATTEMPTS {
        let base = lake.refresh_table(id).await?;
        let (here, gone): (Vec<_>, Vec<_>) = merged.into_iter().partition(|merge| {
            let date = merge.partition.date.unwrap_or_default();
            let known = base.files(merge.partition.account.as_deref(), date..=date);
            let is_here = |file: &Arc<DataFile>| known.iter().any(|k| k.path == file.path);
            merge.files.iter().all(is_here)
        });
        discard(lake, id, &gone).await;
        merged = here;
        if merged.is_empty() {
            return Ok(());
        }
        let change = Change {
            operation: Operation::Compact,
            adds: merged.iter().filter_map(|m| m.into.clone()).collect(),
            removes: merged.iter().flat_map(|m| m.files.clone()).collect(),
            transactions: rule.recorded(&base),
        };
        let (adds, removes) = (change.adds.clone(), change.removes.len());
        if lake.commit(&base, change).await? != Committed::Theirs {
            done.compacted += removes;
            done.into += adds.len();
            return Ok(());
        }
    }
    discard(lake, id, &merged).await;
    Err(EngineError::Request(format!(
        "table {}: other writers were first {ATTEMPTS} times in a row; try again",
        id.name()
    )))
}

async fn discard(lake: &Lake, id: TableId, merges: &[Merge]) {
    for file in merges.iter().filter_map(|merge| merge.into.as_ref()) {
        files::discard(lake, id, &file.path).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn what_is_recorded_never_goes_back() {
        let options = Default::default();
        let lake = Lake::open("memory:///", &options, true).await.unwrap();
        let id = TableId::TouchEvents;
        let mut recorded = Vec::new();
        for version in [8, 10, 9, 11] {
            let base = lake.refresh_table(id).await.unwrap();
            let change = Change {
                operation: Operation::Compact,
                adds: Vec::new(),
                removes: Vec::new(),
                transactions: Rule::Consumed(version).recorded(&base),
            };
            assert_eq!(lake.commit(&base, change).await.unwrap(), Committed::Ours);
            let table = Arc::clone(lake.current().get(id));
            recorded.push(table.transaction(COMPACTED).unwrap());
        }
        assert_eq!(recorded, [8, 10, 10, 11]);
    }

    #[test]
    fn what_is_put_together_is_bounded_by_rows_and_by_bytes() {
        let mut load = Load::default();
        assert_eq!(load.take(FULL_ROWS / 2, 10), Fit::Taken);
        assert_eq!(load.take(FULL_ROWS / 2 + 1, 10), Fit::Never);
        assert_eq!(load.take(1, FULL_DECODED / 2), Fit::Taken);
        assert_eq!(load.take(1, FULL_DECODED / 2 + 1), Fit::Never);
        assert_eq!(load.take(1, FULL_DECODED / 2), Fit::Later);
        assert_eq!(load.take(FULL_ROWS / 2, 0), Fit::Later);
        assert_eq!(load.take(1, 1), Fit::Taken);
        assert_eq!(
            (load.rows, load.bytes),
            (FULL_ROWS / 2 + 2, FULL_DECODED / 2 + 11)
        );
    }
}
