//! The part of a run that concerns one derived table: the version that it starts from, and which accounts are dirty.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_zones::Tz;

use super::super::account::Changes;
use super::{CONSUMED, Run};
use crate::EngineError;
use crate::lake::{LakeError, Mark, TableId, TableSnapshot, mark_derived_anew, mark_rules};

/// A derived table that a run derives.
pub(super) struct Stage {
    pub table: TableId,
    pub base: Arc<TableSnapshot>,
    /// The dirty accounts, without those that the request leaves out.
    pub dirty: BTreeMap<Arc<str>, Changes>,
}

impl Run<'_> {
    /// Finds what is dirty of each of these derived tables; nothing if all have consumed everything and nothing is asked for.
    pub(super) async fn stages(&mut self, tables: &[TableId]) -> Result<Vec<Stage>, EngineError> {
        let lake = Arc::clone(&self.target);
        let mut stages = Vec::with_capacity(tables.len());
        let mut is_idle = lake.agrees();
        for table in tables {
            let base = Arc::clone(lake.get(*table));
            let (consumed, target) = (base.consumed(), self.target_versions());
            if consumed.iter().zip(&target).any(|(c, t)| c > t) {
                // Another derive has consumed newer events. Going on would set back the consumed versions, and the next
                // derive would count those events again: start over with the newest.
                return Err(conflict(&base));
            }
            let moved = base.zones_with_new_rules(self.zones());
            let dirty = self.dirty_accounts(&base, &moved).await?;
            is_idle = is_idle
                && consumed == target
                && base.has_rules_in_use()
                && !base.is_outdated()
                && dirty.is_empty();
            stages.push(Stage {
                table: *table,
                base,
                dirty,
            });
        }
        if is_idle {
            stages.clear();
        }
        Ok(stages)
    }

    /// Returns the version of each consumed table that this run consumes.
    pub(super) fn target_versions(&self) -> [i64; CONSUMED.len()] {
        CONSUMED.map(|raw| self.target.get(raw).version())
    }

    /// Returns the mark of a dirty account while its turn has not come.
    pub(super) fn mark_of(&self, account: &str, stages: &[Stage]) -> Mark {
        let mut changes = stages.iter().filter_map(|stage| stage.dirty.get(account));
        if !changes.all(Changes::is_forced_alone) {
            return Mark::Whole;
        }
        let found = stages.first().and_then(|stage| stage.base.mark(account));
        match self.forced_of(account) {
            Some(backfill) => Mark::Days(backfill.clone()).and(found),
            None => found.unwrap_or(Mark::Whole),
        }
    }

    /// Returns what the first round of a run records of a table, beside what it has consumed: the rules of the zones that its
    /// days are computed by, and that its rows are of this layout. Accounts for which that is not true yet are marked.
    pub(super) fn records(&self, stage: &Stage) -> Vec<(String, i64)> {
        let zones: BTreeSet<&'static str> = match stage.base.has_rules_in_use() {
            true => stage.dirty.keys().map(|a| self.zone(a).name()).collect(),
            false => self.zones(),
        };
        let zones = zones.into_iter().filter_map(|name| Tz::named(name).ok());
        let rules = mark_rules(zones).into_iter();
        rules.chain(mark_derived_anew(&stage.base)).collect()
    }
}

pub(super) fn conflict(base: &TableSnapshot) -> EngineError {
    EngineError::Lake(LakeError::Conflict {
        table: base.id().name(),
        version: base.version(),
    })
}
