//! One run of a derive: pins the versions to consume, derives each table, and commits it.

mod dirty;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use rapport_zones::Tz;
use tokio::task::JoinSet;

use super::account::{Account, FilesByAccount, Found, Rewritten};
use super::days::Days;
use super::entity::{CONVERSATION, ORDER};
use super::report::{AccountFailure, DeriveReport, TableReport};
use crate::lake::{
    Change, DataFile, LakeError, LakeSnapshot, NewFile, Operation, Partition, TableId,
    TableSnapshot, Work, mark_behind, mark_derived_anew, mark_rules,
};
use crate::settings::SettingsVersion;
use crate::{Engine, EngineError, Progress};

/// What a run derives.
pub(super) enum Request {
    /// Everything dirty, with or without the accounts that failed before.
    Dirty { retry: bool },
    /// Everything dirty, and some days of some accounts (empty: of all).
    Days { days: Days, accounts: Vec<String> },
}

impl Request {
    /// Returns whether accounts that failed before are tried again.
    fn retries(&self) -> bool {
        !matches!(self, Request::Dirty { retry: false })
    }
}

const CONSUMED: [TableId; 4] = TableId::CONSUMED;

/// The files that were added to a raw table since a version; `None` if the log no longer says which.
type Added = Option<FilesByAccount>;

pub(super) struct Run<'a> {
    engine: &'a Engine,
    request: &'a Request,
    /// The versions of the landed tables that this run consumes.
    target: Arc<LakeSnapshot>,
    settings: BTreeMap<String, SettingsVersion>,
    added: HashMap<(TableId, i64), Arc<Added>>,
    changed_settings: HashMap<i64, Arc<BTreeSet<String>>>,
    /// The keys without a start that folding has found.
    found: Vec<Found>,
    /// The accounts that have failed. The tables after the one in which they failed skip them.
    failed: Failed,
    /// Whether this run has committed a table.
    has_committed: bool,
}

/// The parts of a table that were derived, and the accounts that failed.
struct Derived {
    rewritten: Vec<Rewritten>,
    failed: Failed,
}

type Failed = BTreeMap<Arc<str>, (TableId, EngineError)>;

impl<'a> Run<'a> {
    pub async fn prepare(engine: &'a Engine, request: &'a Request) -> Result<Self, EngineError> {
        let target = engine.lake().refresh().await?;
        let files = target.get(TableId::Accounts).all_files();
        let settings = engine.settings_files().in_force(&files).await?;
        let run = Self {
            engine,
            request,
            target,
            settings,
            added: HashMap::new(),
            changed_settings: HashMap::new(),
            found: Vec::new(),
            failed: Failed::new(),
            has_committed: false,
        };
        if let Request::Days { accounts, .. } = request {
            let known = run.accounts();
            for account in accounts {
                if !known.contains(account.as_str()) && !run.settings.contains_key(account) {
                    return Err(EngineError::Request(format!(
                        "no account {account:?}: it has neither settings nor events"
                    )));
                }
            }
        }
        Ok(run)
    }

    /// Derives all tables, one after the other.
    pub async fn derive(mut self, progress: &dyn Progress) -> Result<DeriveReport, EngineError> {
        self.settle().await?;
        let mut report = DeriveReport::default();
        for table in TableId::DERIVED {
            report
                .tables
                .push(self.derive_table(table, progress).await?);
        }
        report.orphans = self.orphans().await?;
        report.failed = self.failed.iter().map(failure).collect();
        Ok(report)
    }

    /// Waits until the landed versions to consume would survive a power loss: a record of having consumed them must not
    /// survive without them.
    async fn settle(&self) -> Result<(), EngineError> {
        let lake = self.engine.lake();
        let consumed = lake.current().get(TableId::Conversations).consumed();
        for (raw, consumed) in CONSUMED.into_iter().zip(consumed) {
            let table = self.target.get(raw);
            if table.version() > consumed {
                lake.settle(table).await?;
            }
        }
        Ok(())
    }

    async fn derive_table(
        &mut self,
        table: TableId,
        progress: &dyn Progress,
    ) -> Result<TableReport, EngineError> {
        let base = Arc::clone(self.engine.lake().current().get(table));
        let mut report = TableReport {
            table: table.name(),
            ..TableReport::default()
        };
        let consumed = base.consumed();
        let target = CONSUMED.map(|raw| self.target.get(raw).version());
        let lake = self.engine.lake();
        let behind = lake.behind(&base, self.accounts()).await?;
        let retries = self.request.retries() && !behind.is_empty();
        let has_rules = base.has_rules_in_use();
        let is_outdated = base.is_outdated();
        if consumed == target
            && has_rules
            && !is_outdated
            && !retries
            && matches!(self.request, Request::Dirty { .. })
        {
            return Ok(report);
        }
        if consumed.iter().zip(&target).any(|(c, t)| c > t) {
            // Another derive has consumed newer events. Going on would set back the consumed versions, and the next derive
            // would count those events again: start over with the newest.
            return Err(EngineError::Lake(LakeError::Conflict {
                table: table.name(),
                version: base.version(),
            }));
        }
        let moved = lake.zones_with_new_rules(&base, self.zones()).await?;
        let mut dirty = self
            .dirty_accounts(consumed, is_outdated, &behind, &moved)
            .await?;
        let left_out = self.skip_failed(&mut dirty, &behind);
        progress.begin(table.name(), "accounts", Some(dirty.len() as u64));
        let mut done: BTreeSet<Arc<str>> = dirty.iter().map(|a| Arc::clone(&a.name)).collect();
        let Derived { rewritten, failed } = self.derive_accounts(table, dirty, progress).await;
        progress.end();
        let all_failed = !failed.is_empty() && rewritten.is_empty();
        let mut adds: Vec<NewFile> = Vec::new();
        let mut removes: Vec<Arc<DataFile>> = Vec::new();
        for part in rewritten {
            self.found.extend(part.waiting);
            adds.extend(part.adds);
            removes.extend(part.removes);
        }
        done.retain(|name| !failed.contains_key(name));
        let mut now_behind: BTreeSet<Arc<str>> = behind.difference(&done).cloned().collect();
        now_behind.extend(left_out);
        now_behind.extend(failed.keys().cloned());
        self.failed.extend(failed);
        if all_failed
            && !self.has_committed
            && let Some((_, (_, error))) = self.failed.pop_first()
        {
            // All accounts failed in the first table, so the cause is likely not theirs.
            return Err(error);
        }
        let partitions: BTreeSet<&Partition> = adds
            .iter()
            .map(|file| &file.partition)
            .chain(removes.iter().map(|file| &file.partition))
            .collect();
        report.partitions = partitions.len();
        report.accounts = partitions
            .iter()
            .filter_map(|partition| partition.account.as_ref())
            .collect::<BTreeSet<_>>()
            .len();
        report.files = adds.len();
        report.rows = adds.iter().map(|file| file.statistics.rows).sum();
        let marks = mark_behind(&behind, &now_behind);
        let changes = !adds.is_empty() || !removes.is_empty() || !marks.is_empty();
        if consumed != target || changes || !has_rules || is_outdated {
            let reckoned: BTreeSet<&str> = match has_rules {
                true => done
                    .iter()
                    .map(|account| self.zone(account).name())
                    .collect(),
                false => self.zones(),
            };
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
            lake.commit_loop(base, written, &mut once).await?;
            self.has_committed = true;
        }
        Ok(report)
    }

    /// Returns the time zone of an account.
    fn zone(&self, account: &str) -> Tz {
        let settings = self.settings.get(account);
        settings.map_or(Tz::UTC, |version| version.settings.timezone)
    }

    /// Returns the names of all accounts' time zones.
    fn zones(&self) -> BTreeSet<&'static str> {
        self.accounts()
            .iter()
            .map(|account| self.zone(account).name())
            .collect()
    }

    /// Removes from `dirty` the accounts that have failed in this run, and those that failed before unless the request retries
    /// them. Returns the removed accounts, which are behind from now on.
    fn skip_failed(
        &self,
        dirty: &mut Vec<Account>,
        behind: &BTreeSet<Arc<str>>,
    ) -> BTreeSet<Arc<str>> {
        let retries = self.request.retries();
        let mut left_out = BTreeSet::new();
        dirty.retain(|account| {
            let failed = self.failed.contains_key(&account.name);
            let leave = failed || !retries && behind.contains(&account.name);
            if leave {
                left_out.insert(Arc::clone(&account.name));
            }
            !leave
        });
        left_out
    }

    /// Derives accounts, several concurrently. A failing account does not affect the others.
    async fn derive_accounts(
        &self,
        table: TableId,
        accounts: Vec<Account>,
        progress: &dyn Progress,
    ) -> Derived {
        let concurrent = self.engine.options().threads.max(1);
        let mut accounts = accounts.into_iter();
        let mut running = JoinSet::new();
        let mut derived = Derived {
            rewritten: Vec::new(),
            failed: Failed::new(),
        };
        loop {
            while running.len() < concurrent
                && let Some(account) = accounts.next()
            {
                let name = Arc::clone(&account.name);
                running.spawn(async move {
                    let work = AssertUnwindSafe(derive_account(&account, table));
                    let panicked = || EngineError::Request("deriving panicked".to_owned());
                    (
                        name,
                        work.catch_unwind()
                            .await
                            .unwrap_or_else(|_| Err(panicked())),
                    )
                });
            }
            match running.join_next().await {
                None => return derived,
                Some(Ok((name, outcome))) => {
                    progress.advance(1);
                    match outcome {
                        Ok(part) => derived.rewritten.push(part),
                        Err(error) => {
                            derived.failed.insert(name, (table, error));
                        }
                    }
                }
                // A task is cancelled only when its runtime ends, which ends this run too.
                Some(Err(error)) => tracing::error!(%error, "deriving stopped"),
            }
        }
    }

    /// Returns the number of landed conversation events whose conversation has no start.
    async fn orphans(&self) -> Result<u64, EngineError> {
        let lake = self.engine.lake();
        let files = lake.current().get(TableId::Orphans).all_files();
        super::orphans::count(self.engine, files).await
    }
}

/// A change that is right on one version of a table only. On a newer version the run that computed it must start over.
struct Once(Option<Change>);

impl Work for Once {
    type Error = LakeError;

    async fn change(&mut self, base: &Arc<TableSnapshot>) -> Result<Option<Change>, LakeError> {
        match self.0.take() {
            Some(change) => Ok(Some(change)),
            None => Err(LakeError::Conflict {
                table: base.id().name(),
                version: base.version(),
            }),
        }
    }
}

async fn derive_account(account: &Account, table: TableId) -> Result<Rewritten, EngineError> {
    let derived = match table {
        TableId::Conversations => account.derive_entities(CONVERSATION).await,
        TableId::Orders => account.derive_entities(ORDER).await,
        TableId::Orphans => account.derive_orphans().await,
        TableId::AttributedOrders => account.derive_attributed().await,
        _ => account.derive_daily().await,
    };
    derived.map_err(|source| EngineError::Account {
        account: account.name.to_string(),
        table: table.name(),
        source: Box::new(source),
    })
}

fn failure((account, (table, error)): (&Arc<str>, &(TableId, EngineError))) -> AccountFailure {
    AccountFailure {
        account: account.to_string(),
        table: table.name(),
        error: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
