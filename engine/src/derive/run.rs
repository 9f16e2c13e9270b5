//! One run of deriving: from the versions it consumes to its commits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use rapport_data::Settings;
use tokio::task::JoinSet;

use super::account::{
    Account, CONVERSATION, Changed, Changes, FilesByAccount, Found, ORDER, Rewritten,
};
use super::days::{Days, day_of};
use super::report::{DeriveReport, TableReport};
use super::rules::Rules;
use crate::lake::{
    ALL_DATES, Change, DataFile, LakeError, LakeSnapshot, NewFile, Operation, Partition, TableId,
    TableSnapshot,
};
use crate::land::files;
use crate::settings::{SettingsVersion, StoredVersion};
use crate::{Engine, EngineError, Progress};

/// What a run is asked for.
pub(super) enum Request {
    /// What is dirty.
    Dirty,
    /// What is dirty, and some days of some accounts (none named: of all).
    Days { days: Days, accounts: Vec<String> },
}

const CONSUMED: [TableId; 4] = TableId::CONSUMED;

/// A share of new events in an account from which on it is derived whole: telling the new from the old would read most of
/// both.
const MOSTLY_NEW: (u64, u64) = (1, 2);

/// The files that came to a raw table since some version; `None` if the log no longer tells.
type Added = Option<FilesByAccount>;

pub(super) struct Run<'a> {
    engine: &'a Engine,
    request: &'a Request,
    /// What this run consumes.
    target: Arc<LakeSnapshot>,
    settings: BTreeMap<String, SettingsVersion>,
    added: HashMap<(TableId, i64), Arc<Added>>,
    changed_settings: HashMap<i64, Arc<BTreeSet<String>>>,
    /// The keys without a start that were met on the way.
    found: Vec<Found>,
}

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

    /// Derives the tables one after the other.
    pub async fn derive(mut self, progress: &dyn Progress) -> Result<DeriveReport, EngineError> {
        let mut report = DeriveReport::default();
        for table in TableId::DERIVED {
            report
                .tables
                .push(self.derive_table(table, progress).await?);
        }
        report.orphans = self.orphans().await?;
        Ok(report)
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
        let consumed = CONSUMED.map(|raw| base.transaction(raw.name()).unwrap_or_default());
        let target = CONSUMED.map(|raw| self.target.get(raw).version());
        if consumed == target && matches!(self.request, Request::Dirty) {
            return Ok(report);
        }
        if consumed.iter().zip(&target).any(|(c, t)| c > t) {
            // Another derive was here with newer events. Going on would set back the record of what is consumed, and the
            // next derive would count those events again: begin anew with the newest.
            return Err(EngineError::Lake(LakeError::Conflict {
                table: table.name(),
                version: base.version(),
            }));
        }
        let accounts = self.dirty_accounts(consumed).await?;
        progress.begin(table.name(), "accounts", Some(accounts.len() as u64));
        let (rewritten, outcome) = self.derive_accounts(table, accounts, progress).await;
        progress.end();
        let mut adds = Vec::new();
        let mut removes = Vec::new();
        for part in rewritten {
            self.found.extend(part.waiting);
            adds.extend(part.adds);
            removes.extend(part.removes);
        }
        if let Err(error) = outcome {
            self.abandon(table, &adds).await;
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
        if consumed != target || !adds.is_empty() || !removes.is_empty() {
            let change = Change {
                operation: match self.request {
                    Request::Dirty => Operation::Derive,
                    Request::Days { .. } => Operation::Backfill,
                },
                adds,
                removes,
                transactions: CONSUMED
                    .iter()
                    .zip(target)
                    .map(|(raw, version)| (raw.name().to_owned(), version))
                    .collect(),
            };
            self.commit(&base, change).await?;
        }
        Ok(report)
    }

    /// Derives accounts, several at once. After an error no more are begun, but those that are running come to their end:
    /// what they have written must be known, to be taken away.
    async fn derive_accounts(
        &self,
        table: TableId,
        accounts: Vec<Account>,
        progress: &dyn Progress,
    ) -> (Vec<Rewritten>, Result<(), EngineError>) {
        let concurrent = self.engine.options().threads.max(1);
        let mut accounts = accounts.into_iter();
        let mut running = JoinSet::new();
        let mut rewritten = Vec::new();
        let mut outcome = Ok(());
        loop {
            while outcome.is_ok()
                && running.len() < concurrent
                && let Some(account) = accounts.next()
            {
                running.spawn(async move { derive_account(&account, table).await });
            }
            match running.join_next().await {
                None => return (rewritten, outcome),
                Some(Ok(Ok(part))) => {
                    rewritten.push(part);
                    progress.advance(1);
                }
                Some(Ok(Err(error))) => outcome = outcome.and(Err(error)),
                Some(Err(error)) => {
                    let stopped = EngineError::Request(format!("deriving stopped: {error}"));
                    outcome = outcome.and(Err(stopped));
                }
            }
        }
    }

    /// Commits; takes the written files away if another writer was first.
    async fn commit(&self, base: &TableSnapshot, change: Change) -> Result<(), EngineError> {
        let (lake, table) = (self.engine.lake(), base.id());
        let written = change.adds.clone();
        match lake.commit(base, change).await {
            Ok(_) => Ok(()),
            Err(error @ LakeError::Conflict { .. }) => {
                lake.refresh_table(table).await?;
                match lake.names(table, base.version() + 1, &written).await? {
                    // The store had taken our request, and refused its repetition.
                    Some(true) => return Ok(()),
                    Some(false) => self.abandon(table, &written).await,
                    None => {}
                }
                Err(error.into())
            }
            // Whether the log names the files now is not known, so they must stay.
            Err(error) => Err(error.into()),
        }
    }

    /// Takes away files that no commit names.
    async fn abandon(&self, table: TableId, written: &[NewFile]) {
        for file in written {
            files::discard(self.engine.lake(), table, &file.path).await;
        }
    }

    /// The accounts of which some of a derived table must be derived again, the largest first.
    async fn dirty_accounts(
        &mut self,
        consumed: [i64; CONSUMED.len()],
    ) -> Result<Vec<Account>, EngineError> {
        let [conversations, orders, touches, settings] = consumed;
        let reset = self.accounts_with_changed_settings(settings).await?;
        let conversations = self
            .added(TableId::ConversationEvents, conversations)
            .await?;
        let orders = self.added(TableId::OrderEvents, orders).await?;
        let touches = self.added(TableId::TouchEvents, touches).await?;
        // Landed tables as this run consumes them, derived ones as far as they have come.
        let lake = Arc::new(self.target.with_derived(&self.engine.lake().current()));
        let uncounted = [
            self.uncounted(&lake, TableId::ConversationEvents, consumed[0])
                .await?,
            self.uncounted(&lake, TableId::OrderEvents, consumed[1])
                .await?,
        ];
        let now = self.engine.now().timestamp_micros();
        let mut dirty = Vec::new();
        for name in self.accounts() {
            let mut changes = if reset.contains(name.as_ref()) {
                Changes::everything()
            } else {
                Changes {
                    conversations: self.changed(TableId::ConversationEvents, &conversations, &name),
                    orders: self.changed(TableId::OrderEvents, &orders, &name),
                    touches: self.changed(TableId::TouchEvents, &touches, &name),
                    uncounted: HashMap::new(),
                    forced: Days::default(),
                }
            };
            for (raw, files) in &uncounted {
                let files = files.as_ref().map(|files| files.get(&name));
                changes.tell_uncounted(*raw, files);
            }
            if let Request::Days { days, accounts } = self.request
                && (accounts.is_empty() || accounts.iter().any(|a| *a == *name))
            {
                changes.forced = days.within(self.landed_days(&name));
            }
            let rules = match self.settings.get(name.as_ref()) {
                Some(version) => Rules::from(&version.settings),
                None => Rules::from(&default_settings(&name)?),
            };
            let account = Account {
                engine: self.engine.clone(),
                name,
                rules,
                lake: Arc::clone(&lake),
                changes,
                today: day_of(now),
                partitions: 1,
                found: Vec::new(),
            };
            if !account.is_clean() {
                dirty.push(account);
            }
        }
        dirty.sort_by_key(|account| std::cmp::Reverse(self.size(&account.name)));
        let threads = self.engine.options().threads;
        let spare = threads.div_ceil(dirty.len().max(1));
        for account in &mut dirty {
            account.partitions = spare;
            let found = self.found.iter().filter(|f| f.account == account.name);
            account.found = found.cloned().collect();
        }
        Ok(dirty)
    }

    /// Every account that has a landed event.
    fn accounts(&self) -> BTreeSet<Arc<str>> {
        CONSUMED
            .iter()
            .flat_map(|raw| self.target.get(*raw).accounts())
            .cloned()
            .collect()
    }

    /// From the first to the last day on which an account has landed events.
    fn landed_days(&self, account: &str) -> RangeInclusive<i32> {
        let mut days = CONSUMED
            .iter()
            .flat_map(|raw| self.target.get(*raw).dates(account))
            .collect::<BTreeSet<_>>()
            .into_iter();
        let first = days.next().unwrap_or_default();
        first..=days.next_back().unwrap_or(first)
    }

    fn size(&self, account: &str) -> u64 {
        rows(
            &self
                .target
                .get(TableId::ConversationEvents)
                .files(Some(account), ALL_DATES),
        )
    }

    fn changed(&self, raw: TableId, added: &Added, account: &str) -> Changed {
        let Some(added) = added else {
            return Changed::Everything;
        };
        match added.get(account) {
            None => Changed::Nothing,
            Some(files) => {
                let all = rows(&self.target.get(raw).files(Some(account), ALL_DATES));
                let (part, whole) = MOSTLY_NEW;
                if rows(files) * whole >= all * part {
                    Changed::Everything
                } else {
                    Changed::Files(files.clone())
                }
            }
        }
    }

    async fn added(&mut self, raw: TableId, since: i64) -> Result<Arc<Added>, EngineError> {
        if let Some(known) = self.added.get(&(raw, since)) {
            return Ok(Arc::clone(known));
        }
        let target = self.target.get(raw);
        let files = self
            .engine
            .lake()
            .files_added(raw, since, target.version())
            .await?;
        let added = Arc::new(files.map(by_account));
        self.added.insert((raw, since), Arc::clone(&added));
        Ok(added)
    }

    /// The events of a raw table that a derived table has consumed up to some version and the orphans have not.
    async fn uncounted(
        &self,
        lake: &LakeSnapshot,
        raw: TableId,
        consumed: i64,
    ) -> Result<(TableId, Added), EngineError> {
        let counted = lake
            .get(TableId::Orphans)
            .transaction(raw.name())
            .unwrap_or_default();
        let lake = self.engine.lake();
        let files = lake.files_added(raw, counted, consumed).await?;
        Ok((raw, files.map(by_account)))
    }

    /// The accounts whose settings changed since a version, in more than their name (SPEC S1).
    async fn accounts_with_changed_settings(
        &mut self,
        since: i64,
    ) -> Result<Arc<BTreeSet<String>>, EngineError> {
        if let Some(known) = self.changed_settings.get(&since) {
            return Ok(Arc::clone(known));
        }
        let lake = self.engine.lake();
        let target = self.target.get(TableId::Accounts);
        let changed: BTreeSet<String> = match lake
            .files_added(TableId::Accounts, since, target.version())
            .await?
        {
            None => self.settings.keys().cloned().collect(),
            Some(new) => {
                let mut old = target.all_files();
                old.retain(|file| !new.iter().any(|n| n.path == file.path));
                let settings = self.engine.settings_files();
                let before = settings.last(&old).await?;
                let touched = settings.last(&new).await?;
                touched
                    .into_keys()
                    .filter(|account| self.rules_differ(account, before.get(account)))
                    .collect()
            }
        };
        let changed = Arc::new(changed);
        self.changed_settings.insert(since, Arc::clone(&changed));
        Ok(changed)
    }

    fn rules_differ(&self, account: &str, before: Option<&StoredVersion>) -> bool {
        let Some(after) = self.settings.get(account) else {
            return true;
        };
        let before = match before.map(StoredVersion::settings) {
            Some(Ok(settings)) => Rules::from(settings),
            // What a release that could read them made of them is not known.
            Some(Err(_)) => return true,
            None => match default_settings(account) {
                Ok(defaults) => Rules::from(&defaults),
                Err(_) => return true,
            },
        };
        before != Rules::from(&after.settings)
    }

    /// The landed conversation events that wait for their start.
    async fn orphans(&self) -> Result<u64, EngineError> {
        let lake = self.engine.lake();
        let files = lake.current().get(TableId::Orphans).all_files();
        super::orphans::count(self.engine, files).await
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

fn by_account(files: Vec<Arc<DataFile>>) -> FilesByAccount {
    let mut by_account = FilesByAccount::new();
    for file in files {
        if let Some(account) = file.partition.account.clone() {
            by_account.entry(account).or_default().push(file);
        }
    }
    by_account
}

fn rows(files: &[Arc<DataFile>]) -> u64 {
    files.iter().map(|file| file.rows()).sum()
}

fn default_settings(account: &str) -> Result<Settings, EngineError> {
    Settings::defaults(account).map_err(|error| EngineError::Settings(error.to_string()))
}

#[cfg(test)]
mod tests;
