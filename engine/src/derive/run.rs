//! One run of a derive: pins the versions to consume, derives the dirty accounts, and commits each table.

mod accounts;
mod dirty;
mod stage;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use rapport_zones::Tz;

use super::account::{Account, Changes, FilesByAccount, Rewritten, derive_state};
use super::carry::Carried;
use super::days::{Days, day_of};
use super::plans::Plans;
use super::report::{AccountFailure, DeriveReport, TableReport};
use super::rules::Rules;
use crate::lake::{LakeSnapshot, TableId, files};
use crate::settings::SettingsVersion;
use crate::{Engine, EngineError, Progress};

use accounts::DirtyAccount;
use dirty::default_settings;
use stage::Stage;

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
    /// The accounts that have failed, each with the table in which it did.
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
            failed: Failed::new(),
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

    /// Derives all that the request asks for, and commits it.
    pub async fn derive(mut self, progress: &dyn Progress) -> Result<DeriveReport, EngineError> {
        self.settle().await?;
        let tables = self.derive_tables(&TableId::DERIVED, progress).await?;
        Ok(DeriveReport {
            tables,
            orphans: self.orphans().await?,
            failed: self.failed.iter().map(failure).collect(),
        })
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

    /// Derives tables, and commits them in their order.
    async fn derive_tables(
        &mut self,
        tables: &[TableId],
        progress: &dyn Progress,
    ) -> Result<Vec<TableReport>, EngineError> {
        let mut stages = Vec::new();
        for table in tables {
            stages.extend(self.stage(*table).await?);
        }
        let accounts = self.accounts_to_derive(&stages)?;
        progress.begin("deriving", "accounts", Some(accounts.len() as u64));
        let derived = self.derive_accounts(accounts, progress).await;
        progress.end();
        let mut parts: HashMap<TableId, BTreeMap<Arc<str>, Rewritten>> = HashMap::new();
        for account in derived {
            for (table, part) in account.tables {
                let of_table = parts.entry(table).or_default();
                of_table.insert(Arc::clone(&account.name), part);
            }
            if let Some(failure) = account.failed {
                self.failed.insert(account.name, failure);
            }
        }
        if let Some(error) = Self::common_cause(&stages, &mut self.failed) {
            self.discard(parts).await;
            return Err(error);
        }
        let mut stages = stages.into_iter().peekable();
        let mut reports = Vec::with_capacity(tables.len());
        for table in tables {
            let report = match stages.next_if(|stage| stage.table == *table) {
                Some(stage) => {
                    let parts = parts.remove(table).unwrap_or_default();
                    self.commit(stage, parts).await
                }
                None => Ok(TableReport {
                    table: table.name(),
                    ..TableReport::default()
                }),
            };
            match report {
                Ok(report) => reports.push(report),
                Err(error) => {
                    self.discard(parts).await;
                    return Err(error);
                }
            }
        }
        Ok(reports)
    }

    /// Deletes the files of tables that will not be committed.
    async fn discard(&self, parts: HashMap<TableId, BTreeMap<Arc<str>, Rewritten>>) {
        for (table, accounts) in parts {
            for file in accounts.values().flat_map(|part| &part.adds) {
                files::discard(self.engine.lake(), table, &file.path).await;
            }
        }
    }

    /// Returns the accounts that are dirty in any table, the largest first.
    fn accounts_to_derive(&self, stages: &[Stage]) -> Result<Vec<DirtyAccount>, EngineError> {
        let lake = self.engine.lake();
        // Landed tables at the versions that this run consumes; derived tables at their newest versions.
        let snapshot = Arc::new(self.target.with_derived(&lake.current()));
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
                tables: dirty.collect(),
                account: Account {
                    engine: self.engine.clone(),
                    name: Arc::clone(name),
                    rules,
                    lake: Arc::clone(&snapshot),
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
        accounts.sort_by_cached_key(|dirty| Reverse(self.size(&dirty.account.name)));
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
