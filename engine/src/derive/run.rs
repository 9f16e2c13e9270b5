//! One run of a derive: pins the versions to consume, derives the dirty accounts, and commits them in rounds.

mod accounts;
mod dirty;
mod round;
mod stage;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rapport_zones::Tz;

use super::account::{Account, Changes, FilesByAccount, derive_state};
use super::carry::Carried;
use super::days::day_of;
use super::plans::Plans;
use super::report::{AccountFailure, DeriveReport, TableReport};
use super::rules::Rules;
use crate::lake::{Backfill, LakeSnapshot, TableId};
use crate::settings::SettingsVersion;
use crate::{Engine, EngineError, Progress};

use accounts::{Deriving, DirtyAccount};
use dirty::default_settings;
use round::{Rounds, wait_for_agreement};
use stage::Stage;

/// How long a run waits before it begins, for tables to agree that another process is committing.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a run derives, beside what has changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    /// Whether accounts that have failed are tried again.
    pub failed: bool,
    /// Whether accounts are derived whose turn has not come in another run.
    pub pending: bool,
    /// Accounts that are derived though their turn has not come.
    pub accounts: BTreeSet<Arc<str>>,
    /// Days that are derived whether or not they have changed: UTC days, of some accounts (empty: of all).
    pub backfill: Option<(RangeInclusive<i32>, Vec<String>)>,
}

impl Request {
    /// Returns whether an account is derived whose turn has not come.
    fn takes(&self, account: &str) -> bool {
        self.pending || self.accounts.contains(account)
    }
}

/// The days that a run derives whether or not they have changed, and of which accounts.
struct Forced {
    backfill: Backfill,
    accounts: BTreeSet<Arc<str>>,
}

/// What a run did, and the accounts that another run has to derive again.
pub(super) struct Outcome {
    pub report: DeriveReport,
    pub dropped: BTreeSet<Arc<str>>,
}

const CONSUMED: [TableId; 4] = TableId::CONSUMED;

/// The files that were added to a raw table since a version; `None` if the log no longer says which.
type Added = Option<FilesByAccount>;

pub(super) struct Run<'a> {
    engine: &'a Engine,
    request: &'a Request,
    /// The versions of the landed tables that this run consumes, and of the derived tables that it starts from.
    target: Arc<LakeSnapshot>,
    forced: Option<Forced>,
    /// How many accounts of the request's days an interrupted run has done.
    done_before: usize,
    settings: BTreeMap<String, SettingsVersion>,
    added: HashMap<(TableId, i64), Arc<Added>>,
    changed_settings: HashMap<i64, Arc<BTreeSet<String>>>,
}

/// What a run derived.
struct Derived {
    tables: Vec<TableReport>,
    dropped: BTreeSet<Arc<str>>,
    failed: Failed,
}

/// The accounts that have failed, each with the table in which it did.
type Failed = BTreeMap<Arc<str>, (TableId, EngineError)>;

impl<'a> Run<'a> {
    pub async fn prepare(engine: &'a Engine, request: &'a Request) -> Result<Self, EngineError> {
        wait_for_agreement(engine.lake(), PATIENCE).await?;
        let target = engine.lake().refresh().await?;
        let files = target.get(TableId::Accounts).all_files();
        let settings = engine.settings_files().in_force(&files).await?;
        let mut run = Self {
            engine,
            request,
            target,
            forced: None,
            done_before: 0,
            settings,
            added: HashMap::new(),
            changed_settings: HashMap::new(),
        };
        if let Some((days, accounts)) = &request.backfill {
            run.force(days.clone(), accounts)?;
        }
        Ok(run)
    }

    /// Derives days of accounts whether or not they have changed. Where the same backfill was interrupted, these are the
    /// accounts that it has left.
    fn force(&mut self, days: RangeInclusive<i32>, accounts: &[String]) -> Result<(), EngineError> {
        let mut known = self.accounts();
        for account in accounts {
            if !known.contains(account.as_str()) && !self.settings.contains_key(account) {
                return Err(EngineError::Request(format!(
                    "no account {account:?}: it has neither settings nor events"
                )));
            }
        }
        known.retain(|name| accounts.is_empty() || accounts.iter().any(|a| **a == **name));
        let backfill = Backfill::of(days, accounts);
        let derived = self.target.get(TableId::Conversations);
        if derived.backfill_under_way().as_ref() == Some(&backfill) {
            let is_left = |name: &Arc<str>| derived.mark(name).is_some();
            let (left, done): (BTreeSet<_>, BTreeSet<_>) = known.iter().cloned().partition(is_left);
            if !left.is_empty() {
                self.done_before = done.len();
                known = left;
            }
        }
        self.forced = Some(Forced {
            backfill,
            accounts: known,
        });
        Ok(())
    }

    /// Returns the backfill that this run does.
    fn backfill(&self) -> Option<&Backfill> {
        self.forced.as_ref().map(|forced| &forced.backfill)
    }

    /// Returns the backfill that this run does of an account.
    fn forced_of(&self, account: &str) -> Option<&Backfill> {
        let forced = self.forced.as_ref()?;
        forced
            .accounts
            .contains(account)
            .then_some(&forced.backfill)
    }

    /// Derives all that the request asks for, and commits it.
    pub async fn derive(mut self, progress: &dyn Progress) -> Result<Outcome, EngineError> {
        self.settle().await?;
        let derived = self.derive_tables(&TableId::DERIVED, progress).await?;
        Ok(Outcome {
            report: DeriveReport {
                tables: derived.tables,
                orphans: self.orphans().await?,
                failed: derived.failed.iter().map(failure).collect(),
                done_before: self.done_before,
            },
            dropped: derived.dropped,
        })
    }

    /// Waits until the landed versions to consume would survive a power loss: a record of having consumed them must not
    /// survive without them.
    async fn settle(&self) -> Result<(), EngineError> {
        let lake = self.engine.lake();
        let consumed = self.target.get(TableId::Conversations).consumed();
        for (raw, consumed) in CONSUMED.into_iter().zip(consumed) {
            let table = self.target.get(raw);
            if table.version() > consumed {
                lake.settle(table).await?;
            }
        }
        Ok(())
    }

    /// Derives tables, and commits them in rounds.
    async fn derive_tables(
        &mut self,
        tables: &[TableId],
        progress: &dyn Progress,
    ) -> Result<Derived, EngineError> {
        let stages = self.stages(tables).await?;
        if stages.is_empty() {
            let report = |table: &TableId| TableReport {
                table: table.name(),
                ..TableReport::default()
            };
            return Ok(Derived {
                tables: tables.iter().map(report).collect(),
                dropped: BTreeSet::new(),
                failed: Failed::new(),
            });
        }
        let accounts = self.accounts_to_derive(&stages)?;
        let events = accounts.iter().map(|account| account.events).sum();
        progress.begin("deriving", "events", Some(events));
        let derived = self.derive_accounts(accounts, &stages, progress).await;
        progress.end();
        derived
    }

    /// Derives accounts. Each time those that are done have enough events, their rows are committed.
    async fn derive_accounts(
        &self,
        accounts: Vec<DirtyAccount>,
        stages: &[Stage],
        progress: &dyn Progress,
    ) -> Result<Derived, EngineError> {
        let options = self.engine.options();
        let mut rounds = Rounds::new(self, stages);
        let mut deriving = Deriving::new(accounts, options.threads);
        let (mut done, mut failed) = (Vec::new(), Failed::new());
        let mut events = 0;
        let mut has_succeeded = deriving.is_done();
        while let Some(mut account) = deriving.next().await {
            progress.advance(account.events);
            events += account.events;
            match account.failed.take() {
                Some(failure) => {
                    rounds.discard(&mut account).await;
                    failed.insert(Arc::clone(&account.name), failure);
                }
                None => has_succeeded = true,
            }
            done.push(account);
            if has_succeeded && events >= options.round_events && !deriving.is_done() {
                rounds.commit(std::mem::take(&mut done), &failed).await?;
                events = 0;
            }
        }
        if !has_succeeded && let Some((_, (_, error))) = failed.pop_first() {
            // Every account has failed: then the cause is likely not theirs.
            return Err(error);
        }
        rounds.commit(done, &failed).await?;
        Ok(Derived {
            tables: rounds.reports,
            dropped: rounds.dropped,
            failed,
        })
    }

    /// Returns the accounts that are dirty in any table, the largest first.
    fn accounts_to_derive(&self, stages: &[Stage]) -> Result<Vec<DirtyAccount>, EngineError> {
        let state = derive_state(self.engine);
        let plans = Arc::new(Plans::default());
        let today = day_of(self.engine.now().timestamp_micros());
        let names: BTreeSet<&Arc<str>> = stages.iter().flat_map(|s| s.dirty.keys()).collect();
        let partitions = self.engine.options().threads.div_ceil(names.len().max(1));
        let mut accounts = Vec::with_capacity(names.len());
        for name in names {
            let dirty = stages.iter().filter_map(|stage| {
                let changes = stage.dirty.get(name)?.clone();
                Some((stage.table, changes))
            });
            let rules = match self.settings.get(name.as_ref()) {
                Some(version) => Rules::from(&version.settings),
                None => Rules::from(&default_settings(name)?),
            };
            accounts.push(DirtyAccount {
                events: self.events(name),
                tables: dirty.collect(),
                account: Account {
                    engine: self.engine.clone(),
                    name: Arc::clone(name),
                    rules,
                    lake: Arc::clone(&self.target),
                    changes: Changes::default(),
                    today,
                    partitions,
                    state: state.clone(),
                    plans: Arc::clone(&plans),
                    found: Vec::new(),
                    rewritten: HashMap::new(),
                    carried: Carried::default(),
                    named: Mutex::default(),
                },
            });
        }
        accounts.sort_by_key(|account| Reverse(account.events));
        Ok(accounts)
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

    /// Returns the number of landed conversation events whose conversation has no start.
    async fn orphans(&self) -> Result<u64, EngineError> {
        let lake = self.engine.lake();
        let files = lake.current().get(TableId::Orphans).all_files();
        super::orphans::count(self.engine, files).await
    }
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
