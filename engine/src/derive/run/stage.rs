//! The part of a run that concerns one derived table: what it is based on, which accounts are dirty, and its commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_zones::Tz;

use super::super::account::{Changes, Rewritten};
use super::super::report::TableReport;
use super::{CONSUMED, Failed, Request, Run};
use crate::EngineError;
use crate::lake::{
    Change, LakeError, Operation, Partition, TableId, TableSnapshot, Work, mark_behind,
    mark_derived_anew, mark_rules,
};

/// A derived table that a run derives.
pub(super) struct Stage {
    pub table: TableId,
    base: Arc<TableSnapshot>,
    /// The accounts that were behind before.
    behind: BTreeSet<Arc<str>>,
    /// The dirty accounts, without those that failed before if they are not to be tried again.
    pub dirty: BTreeMap<Arc<str>, Changes>,
    /// The dirty accounts that are not tried again.
    left_out: BTreeSet<Arc<str>>,
}

impl Run<'_> {
    /// Finds what is dirty of a table; `None` if nothing is, and it has consumed everything.
    pub(super) async fn stage(&mut self, table: TableId) -> Result<Option<Stage>, EngineError> {
        let base = Arc::clone(self.engine.lake().current().get(table));
        let (consumed, target) = (base.consumed(), self.target_versions());
        let mut behind = self.accounts();
        behind.retain(|account| base.is_account_behind(account));
        let retries = self.request.retries() && !behind.is_empty();
        if consumed == target
            && base.has_rules_in_use()
            && !base.is_outdated()
            && !retries
            && matches!(self.request, Request::Dirty { .. })
        {
            return Ok(None);
        }
        if consumed.iter().zip(&target).any(|(c, t)| c > t) {
            // Another derive has consumed newer events. Going on would set back the consumed versions, and the next derive
            // would count those events again: start over with the newest.
            return Err(conflict(&base));
        }
        let moved = base.zones_with_new_rules(self.zones());
        let mut dirty = self.dirty_accounts(&base, &behind, &moved).await?;
        let mut left_out = BTreeSet::new();
        if !self.request.retries() {
            dirty.retain(|account, _| {
                let leave = behind.contains(account);
                if leave {
                    left_out.insert(Arc::clone(account));
                }
                !leave
            });
        }
        Ok(Some(Stage {
            table,
            base,
            behind,
            dirty,
            left_out,
        }))
    }

    /// Returns the version of each consumed table that this run consumes.
    fn target_versions(&self) -> [i64; CONSUMED.len()] {
        CONSUMED.map(|raw| self.target.get(raw).version())
    }

    /// Commits a table: the parts of the accounts that were derived, and marks for those that were not.
    pub(super) async fn commit(
        &self,
        stage: Stage,
        parts: BTreeMap<Arc<str>, Rewritten>,
    ) -> Result<TableReport, EngineError> {
        let Stage {
            table,
            base,
            behind,
            dirty,
            left_out,
        } = stage;
        let mut now_behind: BTreeSet<Arc<str>> = left_out;
        let unchanged = behind
            .iter()
            .filter(|account| !dirty.contains_key(*account));
        now_behind.extend(unchanged.cloned());
        let failed = dirty.keys().filter(|account| !parts.contains_key(*account));
        now_behind.extend(failed.cloned());
        let (mut adds, mut removes) = (Vec::new(), Vec::new());
        let mut zones = BTreeSet::new();
        for (account, part) in parts {
            zones.insert(self.zone(&account).name());
            adds.extend(part.adds);
            removes.extend(part.removes);
        }
        let partitions: BTreeSet<&Partition> = adds
            .iter()
            .map(|file| &file.partition)
            .chain(removes.iter().map(|file| &file.partition))
            .collect();
        let accounts: BTreeSet<&Arc<str>> = partitions
            .iter()
            .filter_map(|partition| partition.account.as_ref())
            .collect();
        let report = TableReport {
            table: table.name(),
            accounts: accounts.len(),
            partitions: partitions.len(),
            files: adds.len(),
            rows: adds.iter().map(|file| file.statistics.rows).sum(),
        };
        let (consumed, target) = (base.consumed(), self.target_versions());
        let marks = mark_behind(&behind, &now_behind);
        let changes = !adds.is_empty() || !removes.is_empty() || !marks.is_empty();
        let (has_rules, is_outdated) = (base.has_rules_in_use(), base.is_outdated());
        if consumed != target || changes || !has_rules || is_outdated {
            let reckoned = if has_rules { zones } else { self.zones() };
            let rules = mark_rules(reckoned.into_iter().filter_map(|name| Tz::named(name).ok()));
            let anew = mark_derived_anew(&base);
            let consumed = CONSUMED.iter().zip(target);
            let consumed = consumed.map(|(raw, version)| (raw.name().to_owned(), version));
            let change = Change {
                operation: match self.request {
                    Request::Dirty { .. } => Operation::Derive,
                    Request::Days { .. } => Operation::Backfill,
                },
                adds,
                removes,
                transactions: consumed.chain(marks).chain(rules).chain(anew).collect(),
                metadata: None,
            };
            let written = change.adds.clone();
            let mut once = Once(Some(change));
            let lake = self.engine.lake();
            lake.commit_loop(base, written, &mut once).await?;
        }
        Ok(report)
    }

    /// Returns the error of a run in whose first table every dirty account failed, for then the cause is likely not theirs.
    pub(super) fn common_cause(stages: &[Stage], failed: &mut Failed) -> Option<EngineError> {
        let first = stages.iter().find(|stage| !stage.dirty.is_empty())?;
        let all = first.dirty.keys().all(|account| {
            let at = failed.get(account).map(|(table, _)| *table);
            at == Some(first.table)
        });
        match all {
            true => failed.pop_first().map(|(_, (_, error))| error),
            false => None,
        }
    }
}

fn conflict(base: &TableSnapshot) -> EngineError {
    EngineError::Lake(LakeError::Conflict {
        table: base.id().name(),
        version: base.version(),
    })
}

/// A change that is right on one version of a table only. On a newer version the run that computed it must start over.
struct Once(Option<Change>);

impl Work for Once {
    type Error = EngineError;

    async fn change(&mut self, base: &Arc<TableSnapshot>) -> Result<Option<Change>, EngineError> {
        match self.0.take() {
            Some(change) => Ok(Some(change)),
            None => Err(conflict(base)),
        }
    }
}
