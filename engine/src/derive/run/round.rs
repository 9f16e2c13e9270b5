//! Commits rounds: each replaces the rows of some accounts in all derived tables, by one commit per table.
//!
//! Several processes derive at once, each in rounds. The commit of the first table decides the order of rounds, and is made
//! only when all tables have the round before it. A table gets the rounds in this order, so tables with the same number of
//! rounds agree (SPEC M7). An account's rows are committed in all tables of a round or in none.
//!
//! An account was derived from its files as they were when the run began. Its rows are right on a newer version of the lake if
//! no other round has replaced its rows and none has consumed events of it that this run has not seen. Otherwise its rows are
//! dropped and the account is marked, so that it is derived again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::account::{FilesByAccount, Rewritten};
use super::super::report::TableReport;
use super::accounts::DerivedAccount;
use super::dirty::by_account;
use super::stage::{Stage, conflict};
use super::{CONSUMED, Failed, Run};
use crate::EngineError;
use crate::lake::{
    ALL_DATES, Change, DataFile, Lake, LakeError, LakeSnapshot, Mark, NewFile, Operation, TableId,
    TableSnapshot, Work, files, mark_accounts, mark_backfill, record_round,
};

/// How long a round waits for another process to commit the round before it to all tables. A process that commits nothing for
/// so long counts as dead.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The derived rows of a table, by account.
type Parts = BTreeMap<Arc<str>, Rewritten>;
type Marks = BTreeMap<Arc<str>, Option<Mark>>;

/// The rounds of a run.
pub(super) struct Rounds<'a> {
    run: &'a Run<'a>,
    stages: &'a [Stage],
    /// The accounts whose rows no round has committed, each with the mark for it meanwhile.
    waiting: BTreeMap<Arc<str>, Mark>,
    /// The marks that rounds of this run have made.
    made: Marks,
    is_first: bool,
    /// What the rounds rewrote, by table.
    pub reports: Vec<TableReport>,
    /// The accounts whose rows were dropped and that are to be derived again.
    pub dropped: BTreeSet<Arc<str>>,
}

/// A round, as the commit of its first table has decided it.
#[derive(Default)]
struct Round {
    number: i64,
    consumed: [i64; CONSUMED.len()],
    marks: Marks,
    /// The accounts whose rows are committed.
    kept: BTreeSet<Arc<str>>,
}

impl<'a> Rounds<'a> {
    pub fn new(run: &'a Run<'a>, stages: &'a [Stage]) -> Self {
        let dirty = stages.iter().flat_map(|stage| stage.dirty.keys());
        let report = |stage: &Stage| TableReport {
            table: stage.table.name(),
            ..TableReport::default()
        };
        Self {
            run,
            stages,
            waiting: dirty
                .map(|account| (Arc::clone(account), run.mark_of(account, stages)))
                .collect(),
            made: Marks::new(),
            is_first: true,
            reports: stages.iter().map(report).collect(),
            dropped: BTreeSet::new(),
        }
    }

    /// Commits the rows of some accounts, and marks those that failed. The first round also marks all that are still to do.
    ///
    /// # Errors
    /// [`LakeError::Conflict`] if the run must start over; a lake that cannot be read or written.
    pub async fn commit(
        &mut self,
        mut accounts: Vec<DerivedAccount>,
        failed: &Failed,
    ) -> Result<(), EngineError> {
        let mut parts: BTreeMap<TableId, Parts> = BTreeMap::new();
        for account in &mut accounts {
            for (table, part) in std::mem::take(&mut account.tables) {
                let of_table = parts.entry(table).or_default();
                of_table.insert(Arc::clone(&account.name), part);
            }
        }
        let lake = self.run.engine.lake();
        let mut round = None;
        let mut outcome = Ok(());
        for (index, stage) in self.stages.iter().enumerate() {
            let parts = parts.remove(&stage.table).unwrap_or_default();
            if index > 0 && (outcome.is_err() || round.is_none()) {
                discard(lake, stage.table, &parts).await;
                continue;
            }
            let mut work = TableRound {
                rounds: self,
                stage,
                accounts: &accounts,
                failed,
                parts: &parts,
                is_first: index == 0,
                round,
            };
            let base = Arc::clone(lake.current().get(stage.table));
            outcome = lake.commit_loop(base, adds(&parts), &mut work).await;
            round = work.round;
            if let (Ok(()), Some(round)) = (&outcome, &round) {
                let kept = parts.iter().filter(|(name, _)| round.kept.contains(*name));
                self.reports[index].count(kept.map(|(_, part)| part));
            }
        }
        outcome?;
        let round = round.unwrap_or_default();
        for account in &accounts {
            self.waiting.remove(&account.name);
            let is_kept = round.kept.contains(&account.name);
            if !is_kept
                && !failed.contains_key(&account.name)
                && round.marks.contains_key(&account.name)
            {
                self.dropped.insert(Arc::clone(&account.name));
            }
        }
        self.made.extend(round.marks);
        self.is_first = false;
        Ok(())
    }

    /// Deletes the files of an account that has failed in a later table.
    pub async fn discard(&self, account: &mut DerivedAccount) {
        for (table, part) in std::mem::take(&mut account.tables) {
            let parts = Parts::from([(Arc::clone(&account.name), part)]);
            discard(self.run.engine.lake(), table, &parts).await;
        }
    }

    /// Decides the next round, on the newest version of the first table; `None` if nothing is left of it.
    async fn decide(
        &self,
        base: &TableSnapshot,
        accounts: &[DerivedAccount],
        failed: &Failed,
    ) -> Result<Option<Round>, EngineError> {
        let current = self.agreed(base).await?;
        let (consumed, target) = (base.consumed(), self.run.target_versions());
        let unseen = self.unseen(consumed).await?;
        let is_consumed = consumed.iter().zip(&target).all(|(c, t)| c >= t);
        let is_right = |account: &str| {
            let same = |id: TableId| same_files(current.get(id), self.run.target.get(id), account);
            !unseen.iter().any(|files| files.contains_key(account))
                && TableId::DERIVED.into_iter().all(same)
        };
        let mut wanted = Marks::new();
        if self.is_first {
            let waiting = self.waiting.iter();
            wanted.extend(waiting.map(|(account, mark)| (Arc::clone(account), Some(mark.clone()))));
        }
        let mut kept = BTreeSet::new();
        for DerivedAccount { name, .. } in accounts {
            if failed.contains_key(name) {
                wanted.insert(Arc::clone(name), Some(Mark::Failed));
            } else if is_right(name) {
                kept.insert(Arc::clone(name));
                wanted.insert(Arc::clone(name), None);
            } else if is_consumed && self.run.forced_of(name).is_none() {
                // The round that has consumed its events has derived or marked it.
                wanted.remove(name);
            } else {
                wanted.insert(Arc::clone(name), self.waiting.get(name).cloned());
            }
        }
        let mut marks = Marks::new();
        for (account, mark) in wanted {
            let mark = self.with_others(base, &account, mark);
            marks.insert(account, mark);
        }
        let changes = marks
            .iter()
            .any(|(account, mark)| base.mark(account) != *mark);
        let is_stale = |stage: &Stage| !stage.base.has_rules_in_use() || stage.base.is_outdated();
        let is_owed = !self.run.target.agrees() || self.stages.iter().any(is_stale);
        let is_needed = !kept.is_empty() || changes || !is_consumed || self.is_first && is_owed;
        let numbers = TableId::DERIVED.map(|id| current.get(id).round());
        Ok(is_needed.then(|| Round {
            number: numbers.into_iter().fold(0, i64::max) + 1,
            consumed: std::array::from_fn(|i| consumed[i].max(target[i])),
            marks,
            kept,
        }))
    }

    /// Returns a mark together with what another process has marked the account with since this run has looked.
    fn with_others(&self, base: &TableSnapshot, account: &str, mark: Option<Mark>) -> Option<Mark> {
        let known = match self.made.get(account) {
            Some(made) => made.clone(),
            None => self.run.target.get(base.id()).mark(account),
        };
        match base.mark(account) {
            Some(now) if Some(&now) != known.as_ref() => Some(now.and(mark)),
            _ => mark,
        }
    }

    /// Returns the lake with all derived tables at the last round of the first one.
    ///
    /// Where the run has found tables that disagree, a process has died between two commits. What the run found them to lack
    /// holds for these versions alone.
    async fn agreed(&self, base: &TableSnapshot) -> Result<Arc<LakeSnapshot>, EngineError> {
        let lake = self.run.engine.lake();
        if self.is_first && !self.run.target.agrees() {
            let current = lake.refresh().await?;
            let same = |stage: &Stage| current.get(stage.table).version() == stage.base.version();
            return match self.stages.iter().all(same) {
                true => Ok(current),
                false => Err(conflict(base)),
            };
        }
        let agreed = wait_for_agreement(lake, PATIENCE).await?;
        agreed.ok_or_else(|| conflict(base))
    }

    /// Returns the files of landed events that other rounds have consumed and this run has not seen, by raw table.
    async fn unseen(
        &self,
        consumed: [i64; CONSUMED.len()],
    ) -> Result<Vec<FilesByAccount>, EngineError> {
        let mut unseen = Vec::new();
        for (raw, consumed) in CONSUMED.into_iter().zip(consumed) {
            let seen = self.run.target.get(raw);
            if consumed <= seen.version() {
                continue;
            }
            let lake = self.run.engine.lake();
            let files = match raw {
                // Settings are not stored by account.
                TableId::Accounts => None,
                _ => lake.files_added(raw, seen.version(), consumed).await?,
            };
            unseen.push(by_account(files.ok_or_else(|| conflict(seen))?));
        }
        Ok(unseen)
    }
}

/// The commit of one table of a round.
struct TableRound<'a> {
    rounds: &'a Rounds<'a>,
    stage: &'a Stage,
    accounts: &'a [DerivedAccount],
    failed: &'a Failed,
    parts: &'a Parts,
    is_first: bool,
    /// The round; before the commit of the first table, `None`.
    round: Option<Round>,
}

impl Work for TableRound<'_> {
    type Error = EngineError;

    async fn change(&mut self, base: &Arc<TableSnapshot>) -> Result<Option<Change>, EngineError> {
        let rounds = self.rounds;
        if self.is_first {
            self.round = rounds.decide(base, self.accounts, self.failed).await?;
        }
        let Some(round) = &self.round else {
            return Ok(None);
        };
        let kept = self
            .parts
            .iter()
            .filter(|(name, _)| round.kept.contains(*name));
        let (mut adds, mut removes) = (Vec::new(), Vec::new());
        for (_, part) in kept {
            adds.extend(part.adds.iter().cloned());
            removes.extend(part.removes.iter().cloned());
        }
        let found = &rounds.run.target;
        let follows = match rounds.is_first && !found.agrees() {
            true => base.version() == self.stage.base.version(),
            false => base.round() + 1 == round.number,
        };
        if !self.is_first && !follows && base.round() == round.number && adds.is_empty() {
            // The store has accepted the commit and failed to confirm it.
            return Ok(None);
        }
        let has = |file: &Arc<DataFile>| base.has(file);
        if !follows || !removes.iter().all(has) {
            return Err(conflict(base));
        }
        let mut transactions: Vec<_> = record_round(round.number, round.consumed).collect();
        transactions.extend(mark_accounts(base, &round.marks));
        if rounds.is_first {
            transactions.extend(rounds.run.records(self.stage));
        }
        if let Some(backfill) = rounds.run.backfill() {
            let is_done = |account: &Arc<str>| self.accounts.iter().any(|a| a.name == *account);
            let goes_on = !rounds.waiting.keys().all(is_done);
            transactions.push(mark_backfill(goes_on.then(|| backfill.clone())));
        }
        Ok(Some(Change {
            operation: match rounds.run.backfill() {
                Some(_) => Operation::Backfill,
                None => Operation::Derive,
            },
            adds,
            removes,
            transactions,
            metadata: None,
        }))
    }
}

/// Waits until all derived tables have the same rounds; `None` if nothing was committed for so long and they do not.
pub(super) async fn wait_for_agreement(
    lake: &Lake,
    patience: Duration,
) -> Result<Option<Arc<LakeSnapshot>>, LakeError> {
    let mut current = lake.current();
    let mut last_commit = Instant::now();
    while !current.agrees() {
        if last_commit.elapsed() > patience {
            return Ok(None);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        let versions = |lake: &LakeSnapshot| TableId::DERIVED.map(|id| lake.get(id).version());
        let newer = lake.refresh().await?;
        if versions(&newer) != versions(&current) {
            last_commit = Instant::now();
        }
        current = newer;
    }
    Ok(Some(current))
}

/// Returns whether an account has the same files in two versions of a table.
fn same_files(one: &TableSnapshot, other: &TableSnapshot, account: &str) -> bool {
    let paths = |table: &TableSnapshot| -> BTreeSet<String> {
        let files = table.files(Some(account), ALL_DATES);
        files.iter().map(|file| file.path.clone()).collect()
    };
    one.version() == other.version() || paths(one) == paths(other)
}

fn adds(parts: &Parts) -> Vec<NewFile> {
    let adds = parts.values().flat_map(|part| &part.adds);
    adds.cloned().collect()
}

/// Deletes the files of a table that will not be committed.
async fn discard(lake: &Lake, table: TableId, parts: &Parts) {
    for file in adds(parts) {
        files::discard(lake, table, &file.path).await;
    }
}
