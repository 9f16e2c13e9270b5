//! Compaction: merges the small files of a partition into one, with the same rows in the table's sort order.
//!
//! The commit states that no data changes, so no derive takes the rows for new ones. Which files may be merged:
//! - Of a landed table and of the settings, files that all derived tables have consumed: deriving finds what it has yet to
//!   consume by file. The commit records up to which version files were merged, so that a process whose derived tables are
//!   older does not serve the merged files with them (SPEC M7).
//! - Of a derived table, files of days that are closed.
//! - Of the rejected lines, files of days that have ended.
//!
//! A file's size says little about the memory that its rows take, so a merge is bounded by rows and decoded bytes. A
//! partition that cannot be compacted is left as it is and does not keep the others from being compacted.

mod merge;
mod plan;

use std::sync::Arc;

use tokio::task::JoinSet;

use super::TableMaintenance;
use crate::lake::files;
use crate::lake::{Change, DataFile, Lake, LakeError, Operation, TableId, TableSnapshot, Work};
use crate::{Engine, EngineError, Progress};
use merge::{Memory, try_merge};
use plan::{Merge, Rule, Skipped, plan};

/// Merged files per commit: a crash loses the work on at most these.
const FILES_PER_COMMIT: usize = 1_000;
/// After this many failed partitions of a table, compaction of it stops: the cause is likely the store, not the partitions.
const MOST_FAILED: usize = 100;

/// Compacts one table.
pub(super) async fn compact(
    engine: &Engine,
    id: TableId,
    done: &mut TableMaintenance,
    progress: &dyn Progress,
) -> Result<(), EngineError> {
    let mut compaction = Compaction {
        engine,
        id,
        progress,
        memory: Memory::of(engine),
        skipped: Skipped::default(),
    };
    loop {
        let snapshot = engine.lake().refresh().await?;
        let rule = Rule::of(engine, &snapshot, id);
        let merges = plan(&snapshot, id, rule, &compaction.skipped);
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

/// The compaction of one table.
struct Compaction<'a> {
    engine: &'a Engine,
    id: TableId,
    progress: &'a dyn Progress,
    memory: Memory,
    skipped: Skipped,
}

impl Compaction<'_> {
    /// Merges files and commits them.
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
                self.skipped.files.extend(large);
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

    /// Writes the merged files, several concurrently. Partitions that cannot be merged are reported and skipped. On an error
    /// the files that were written are deleted.
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
                    self.skipped.partitions.insert(partition);
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

/// Commits merged files in place of their sources. A merge is dropped if another writer has removed one of its sources.
async fn commit(
    lake: &Lake,
    id: TableId,
    merged: Vec<Merge>,
    rule: Rule,
    done: &mut TableMaintenance,
) -> Result<(), EngineError> {
    let base = lake.refresh_table(id).await?;
    let written = merged.iter().filter_map(|merge| merge.into.clone());
    let written = written.collect();
    let mut replacement = Replacement { merged, rule };
    lake.commit_loop(base, written, &mut replacement).await?;
    for merge in &replacement.merged {
        done.compacted += merge.files.len();
        done.into += 1;
    }
    Ok(())
}

/// Replaces files by what they were merged into.
struct Replacement {
    merged: Vec<Merge>,
    rule: Rule,
}

impl Work for Replacement {
    type Error = LakeError;

    async fn change(&mut self, base: &Arc<TableSnapshot>) -> Result<Option<Change>, LakeError> {
        self.merged.retain(|merge| {
            let date = merge.partition.date.unwrap_or_default();
            let known = base.files(merge.partition.account.as_deref(), date..=date);
            let is_here = |file: &Arc<DataFile>| known.iter().any(|k| k.path == file.path);
            merge.files.iter().all(is_here)
        });
        if self.merged.is_empty() {
            return Ok(None);
        }
        Ok(Some(Change {
            adds: self.merged.iter().filter_map(|m| m.into.clone()).collect(),
            removes: self.merged.iter().flat_map(|m| m.files.clone()).collect(),
            transactions: self.rule.recorded(base),
            ..Change::new(Operation::Compact)
        }))
    }
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
    use crate::lake::{COMPACTED, Committed};

    #[tokio::test]
    async fn the_recorded_version_never_decreases() {
        let options = Default::default();
        let lake = Lake::open("memory:///", &options, true).await.unwrap();
        let id = TableId::TouchEvents;
        let mut recorded = Vec::new();
        for version in [8, 10, 9, 11] {
            let base = lake.refresh_table(id).await.unwrap();
            let change = Change {
                transactions: Rule::Consumed(version).recorded(&base),
                ..Change::new(Operation::Compact)
            };
            assert_eq!(lake.commit(&base, change).await.unwrap(), Committed::Ours);
            let table = Arc::clone(lake.current().get(id));
            recorded.push(table.transaction(COMPACTED).unwrap());
        }
        assert_eq!(recorded, [8, 10, 10, 11]);
    }
}
