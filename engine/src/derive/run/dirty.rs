//! Finds the dirty accounts of a derived table, from the commits after the versions that it has consumed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use rapport_data::Settings;

use super::super::account::{Changed, Changes, FilesByAccount};
use super::super::days::Days;
use super::super::rules::Rules;
use super::{Added, CONSUMED, Run};
use crate::EngineError;
use crate::lake::{ALL_DATES, DataFile, Mark, TableId, TableSnapshot};
use crate::settings::StoredVersion;

/// The share of new events, as a fraction, from which on an account is derived as a whole: finding what they affect would
/// read most of the account anyway.
const MOSTLY_NEW: (u64, u64) = (1, 2);

impl Run<'_> {
    /// Returns the accounts with anything to derive again in a table, on a version of it, with what has changed. An account is
    /// derived as a whole if the table is outdated, if its mark says so, or if the rules of its zone have changed (`moved`).
    ///
    /// Marked accounts that the request leaves out keep their marks. One whose turn has not come is derived all the same when it
    /// has new events.
    pub(super) async fn dirty_accounts(
        &mut self,
        base: &TableSnapshot,
        moved: &BTreeSet<&'static str>,
    ) -> Result<BTreeMap<Arc<str>, Changes>, EngineError> {
        let [conversations, orders, touches, settings] = base.consumed();
        let reset = self.accounts_with_changed_settings(settings).await?;
        let uncounted = [
            self.uncounted(base, TableId::ConversationEvents, conversations)
                .await?,
            self.uncounted(base, TableId::OrderEvents, orders).await?,
        ];
        let conversations = self
            .added(TableId::ConversationEvents, conversations)
            .await?;
        let orders = self.added(TableId::OrderEvents, orders).await?;
        let touches = self.added(TableId::TouchEvents, touches).await?;
        let mut dirty = BTreeMap::new();
        for name in self.accounts() {
            let is_moved = moved.contains(self.zone(&name).name());
            let everything = base.is_outdated() || is_moved || reset.contains(name.as_ref());
            let mut changes = if everything {
                Changes::everything()
            } else {
                Changes {
                    conversations: self.changed(TableId::ConversationEvents, &conversations, &name),
                    orders: self.changed(TableId::OrderEvents, &orders, &name),
                    touches: self.changed(TableId::TouchEvents, &touches, &name),
                    ..Changes::default()
                }
            };
            for (raw, files) in &uncounted {
                let files = files.as_ref().map(|files| files.get(&name));
                changes.set_uncounted(*raw, files);
            }
            let mut days = Days::default();
            match base.mark(&name) {
                Some(Mark::Failed) if !self.request.failed => continue,
                Some(Mark::Whole | Mark::Days(_))
                    if changes.is_nothing() && !self.request.takes(&name) => {}
                Some(Mark::Failed | Mark::Whole) => changes = Changes::everything(),
                Some(Mark::Days(backfill)) => days = Days::of(backfill.days()),
                None => {}
            }
            if let Some(backfill) = self.forced_of(&name) {
                days.extend(backfill.days());
            }
            changes.forced = days.within(self.landed_days(&name));
            if !changes.is_nothing() {
                dirty.insert(name, changes);
            }
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

    /// Returns the number of an account's events.
    pub(super) fn events(&self, account: &str) -> u64 {
        let files = |raw: &TableId| rows(&self.target.get(*raw).files(Some(account), ALL_DATES));
        CONSUMED.iter().map(files).sum()
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
    /// A run derives the orphans before the tables that follow them.
    async fn uncounted(
        &self,
        base: &TableSnapshot,
        raw: TableId,
        consumed: i64,
    ) -> Result<(TableId, Added), EngineError> {
        let lake = self.engine.lake();
        let orphans_come_first = [TableId::AttributedOrders, TableId::DailyMetrics];
        if orphans_come_first.contains(&base.id()) {
            return Ok((raw, Some(FilesByAccount::new())));
        }
        let counted = self.target.get(TableId::Orphans).transaction(raw.name());
        let counted = counted.unwrap_or_default();
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

pub(super) fn by_account(files: Vec<Arc<DataFile>>) -> FilesByAccount {
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

pub(super) fn default_settings(account: &str) -> Result<Settings, EngineError> {
    Settings::defaults(account).map_err(|error| EngineError::Settings(error.to_string()))
}
