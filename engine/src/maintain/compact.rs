//! Compacting: the small files of a partition become one, with the same rows in the table's order.
//!
//! The commit says that no data changes, so nobody takes the rows for new ones. Of a landed table, only files that all
//! derived tables have consumed are put together: what is still to be consumed is told by the files that came, so those must
//! stay as they are. The commit records up to which version it reached, by which a process whose derived tables are older
//! knows that it must not serve these files with them (SPEC M7). So it is with the settings, of which every version stays
//! (SPEC S1). Of a derived table, the files of days that no longer move are put together, as deriving writes them when it
//! makes a month anew. Rejected lines are consumed by nobody; those of days that have ended are put together.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rapport_data::RawTable;
use tokio::task::JoinSet;

use super::TableMaintenance;
use crate::derive::days::{day_of, days_of, is_closed};
use crate::lake::{
    COMPACTED, Change, DataFile, Freshness, Lake, LakeError, LakeSnapshot, NewFile, Operation,
    Partition, TableId,
};
use crate::land::{files, rewrite};
use crate::{Engine, EngineError, Progress};

/// Files are put together up to about this size, which reads well and fits into memory several times.
const FULL: u64 = 32 << 20;
/// A file of half of that can no longer be doubled.
const SMALL: u64 = FULL / 2;
/// So many rewritten files are committed at once; a crash repeats no more than these.
const FILES_PER_COMMIT: usize = 1_000;
/// Landings that commit meanwhile do no harm; so many in a row are no chance.
const ATTEMPTS: usize = 100;

/// Files that are put together, and, once they are, the file that they become.
struct Merge {
    partition: Partition,
    files: Vec<Arc<DataFile>>,
    into: Option<NewFile>,
}

/// Compacts one table.
pub(super) async fn compact(
    engine: &Engine,
    id: TableId,
    done: &mut TableMaintenance,
    progress: &dyn Progress,
) -> Result<(), EngineError> {
    let mut left = HashSet::new();
    loop {
        let snapshot = engine.lake().refresh().await?;
        let rule = Rule::of(engine, &snapshot, id);
        let mut merges = plan(&snapshot, id, rule, &left);
        if merges.is_empty() {
            return Ok(());
        }
        let files: usize = merges.iter().map(|merge| merge.files.len()).sum();
        progress.begin(
            &format!("compacting {}", id.name()),
            "files",
            Some(files as u64),
        );
        while !merges.is_empty() {
            let rest = merges.split_off(merges.len().min(FILES_PER_COMMIT));
            let merged = rewrite(engine, id, merges, progress).await?;
            let (merged, refused): (Vec<_>, Vec<_>) =
                merged.into_iter().partition(|merge| merge.into.is_some());
            left.extend(refused.into_iter().map(|merge| merge.partition));
            commit(engine.lake(), id, merged, rule, done).await?;
            merges = rest;
        }
        progress.end();
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

    /// What a commit records of it.
    fn recorded(self) -> Vec<(String, i64)> {
        match self {
            Rule::Consumed(version) => vec![(COMPACTED.to_owned(), version)],
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

/// The files to put together: of each partition the small ones, as many as make a full one.
fn plan(lake: &LakeSnapshot, id: TableId, rule: Rule, left: &HashSet<Partition>) -> Vec<Merge> {
    let mut partitions: BTreeMap<Partition, Vec<Arc<DataFile>>> = BTreeMap::new();
    for file in lake.get(id).all_files() {
        if file.size < SMALL && rule.allows(id, &file) && !left.contains(&file.partition) {
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
            into: None,
        });
    }
}

/// Writes the merged files, several at once. On an error those that were written are taken away again.
async fn rewrite(
    engine: &Engine,
    id: TableId,
    merges: Vec<Merge>,
    progress: &dyn Progress,
) -> Result<Vec<Merge>, EngineError> {
    let mut waiting = merges.into_iter();
    let mut running = JoinSet::new();
    let mut merged = Vec::new();
    let mut outcome = Ok(());
    loop {
        while outcome.is_ok()
            && running.len() < engine.options().threads.max(1)
            && let Some(merge) = waiting.next()
        {
            running.spawn(merge_files(engine.lake().clone(), id, merge));
        }
        match running.join_next().await {
            None => break,
            Some(Ok(Ok(merge))) => {
                progress.advance(merge.files.len() as u64);
                merged.push(merge);
            }
            Some(Ok(Err(error))) => outcome = outcome.and(Err(error)),
            Some(Err(error)) => {
                let stopped = EngineError::Request(format!("compacting stopped: {error}"));
                outcome = outcome.and(Err(stopped));
            }
        }
    }
    if let Err(error) = outcome {
        discard(engine.lake(), id, &merged).await;
        return Err(error);
    }
    Ok(merged)
}

async fn merge_files(lake: Lake, id: TableId, mut merge: Merge) -> Result<Merge, EngineError> {
    let has_events = RawTable::ALL.map(TableId::of_raw).contains(&id);
    let rows = if has_events {
        rewrite::merged(&lake, id, &merge.files).await?
    } else {
        rewrite::sorted(&lake, id, &merge.files).await.map(Some)?
    };
    match rows {
        Some(rows) => {
            let file = lake
                .write(id, &merge.partition, &[rows], Freshness::Closed)
                .await?;
            merge.into = Some(file);
        }
        None => tracing::warn!(
            table = id.name(),
            partition = %merge.partition.folder(id),
            "a partition holds an event twice, so it is left as it is"
        ),
    }
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
            transactions: rule.recorded(),
        };
        let (adds, removes) = (change.adds.clone(), change.removes.len());
        let committed = match lake.commit(&base, change).await {
            Ok(_) => true,
            // The store may have taken our request, and refused its repetition.
            Err(LakeError::Conflict { version, .. }) => {
                lake.names(id, version, &adds).await?.unwrap_or(true)
            }
            // Whether the log names the files now is not known, so they must stay.
            Err(error) => return Err(error.into()),
        };
        if committed {
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
