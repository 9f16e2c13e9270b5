//! Finds the dirty accounts of a derived table, from the commits after the versions that it has consumed.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use rapport_data::Settings;

use super::super::account::{Account, Changed, Changes, FilesByAccount};
use super::super::days::{Days, day_of};
use super::super::rules::Rules;
use super::{Added, CONSUMED, Request, Run};
use crate::EngineError;
use crate::lake::{ALL_DATES, DataFile, LakeSnapshot, TableId};
use crate::settings::StoredVersion;

/// The share of new events, as a fraction, from which on an account is derived as a whole: finding what they affect would
/// read most of the account anyway.
const MOSTLY_NEW: (u64, u64) = (1, 2);

impl Run<'_> {
    /// Returns the accounts with anything to derive again in a table, the largest first. An account is derived as a whole if
    /// the table is outdated, if it is behind, or if the rules of its zone have changed (`moved`).
    pub(super) async fn dirty_accounts(
        &mut self,
        consumed: [i64; CONSUMED.len()],
        is_outdated: bool,
        behind: &BTreeSet<Arc<str>>,
        moved: &BTreeSet<&'static str>,
    ) -> Result<Vec<Account>, EngineError> {
        let [conversations, orders, touches, settings] = consumed;
        let reset = self.accounts_with_changed_settings(settings).await?;
        let conversations = self
            .added(TableId::ConversationEvents, conversations)
            .await?;
        let orders = self.added(TableId::OrderEvents, orders).await?;
        let touches = self.added(TableId::TouchEvents, touches).await?;
        // Landed tables at the versions that this run consumes; derived tables at their newest versions.
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
            let is_moved = moved.contains(self.zone(&name).name());
            let everything =
                is_outdated || is_moved || reset.contains(name.as_ref()) || behind.contains(&name);
            let mut changes = if everything {
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
                changes.set_uncounted(*raw, files);
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

    /// Returns every account with a landed event.
    pub(super) fn accounts(&self) -> BTreeSet<Arc<str>> {
        CONSUMED
            .iter()
            .flat_map(|raw| self.target.get(*raw).accounts())
            .cloned()
            .collect()
    }

    /// Returns the first to the last day on which an account has landed events.
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

    /// Returns the files of a raw table that a derived table has consumed, up to version `consumed`, and the orphans have not.
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

    /// Returns the accounts whose settings changed since a version in more than their name (SPEC S1).
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
            // It is not known what a release that could parse them derived.
            Some(Err(_)) => return true,
            None => match default_settings(account) {
                Ok(defaults) => Rules::from(&defaults),
                Err(_) => return true,
            },
        };
        before != Rules::from(&after.settings)
    }
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
