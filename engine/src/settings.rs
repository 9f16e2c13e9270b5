//! The settings of accounts, as the lake keeps them: every version of every account's, with its time (SPEC S1).
//!
//! The last version of an account is in force, over its whole history. Versions of one account never have the same time,
//! whatever the clock does, so which one is the last never depends on anything else.

mod stored;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, TimeDelta, Utc};
use rapport_data::settings::SettingsError;
use rapport_data::{RawTable, Settings};

use crate::lake::files;
use crate::lake::{Change, Committed, Freshness, LakeSnapshot, Operation, Partition, TableId};
use crate::{Engine, EngineError};

pub(crate) use stored::{SettingsFiles, StoredVersion};

/// How often a change of settings is tried again after another writer was first.
const ATTEMPTS: usize = 100;
/// The least step between two versions.
const STEP: TimeDelta = TimeDelta::microseconds(1);

/// One version of an account's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsVersion {
    /// The settings, complete.
    pub settings: Settings,
    /// Since when they are in force.
    pub changed_at: DateTime<Utc>,
}

/// Why there is an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// It has settings, in force since then.
    Configured(DateTime<Utc>),
    /// It has none, but events have landed for it, so the defaults hold (SPEC E6).
    Landed,
}

/// The last version of each account.
type Book = BTreeMap<String, StoredVersion>;

/// The accounts that have events in a raw table.
fn landed(lake: &LakeSnapshot) -> impl Iterator<Item = &Arc<str>> {
    RawTable::ALL
        .into_iter()
        .flat_map(|raw| lake.get(TableId::of_raw(raw)).accounts())
}

impl Engine {
    /// Puts settings in force. Those that are in force already change nothing; answers with how many did.
    ///
    /// # Errors
    /// A lake that cannot be read or written.
    pub async fn put_accounts(&self, settings: Vec<Settings>) -> Result<usize, EngineError> {
        let now = self.now();
        self.change_accounts(|known| Ok(changes(known, &settings, now)))
            .await
    }

    /// Changes some of an account's settings and leaves the others as they are, whoever changes those meanwhile: `edit` is
    /// given what is in force (the defaults, where nothing is), again whenever that is no longer the newest. Answers with
    /// whether anything changed.
    ///
    /// # Errors
    /// What `edit` refuses; an account that cannot be, or whose settings cannot be read; a lake that cannot be read or
    /// written.
    pub async fn edit_account(
        &self,
        account: &str,
        edit: impl Fn(&mut Settings) -> Result<(), SettingsError>,
    ) -> Result<bool, EngineError> {
        let refused = |error: SettingsError| EngineError::Settings(error.to_string());
        let now = self.now();
        let changed = self
            .change_accounts(|known| {
                let mut settings = match known.get(account) {
                    Some(version) => version.settings()?.clone(),
                    None => Settings::defaults(account).map_err(refused)?,
                };
                edit(&mut settings).map_err(refused)?;
                Ok(changes(known, &[settings], now))
            })
            .await?;
        Ok(changed > 0)
    }

    /// Commits the versions that follow from those in force; works them out anew whenever another writer was first.
    async fn change_accounts(
        &self,
        changes: impl Fn(Book) -> Result<Vec<SettingsVersion>, EngineError>,
    ) -> Result<usize, EngineError> {
        let lake = self.lake();
        for _ in 0..ATTEMPTS {
            let base = lake.refresh_table(TableId::Accounts).await?;
            let known = self.settings_files().last(&base.all_files()).await?;
            let changed = changes(known)?;
            if changed.is_empty() {
                return Ok(0);
            }
            let rows = rows(&changed)?;
            let file = lake
                .write(
                    TableId::Accounts,
                    &Partition::default(),
                    &[rows],
                    Freshness::Moving,
                )
                .await?;
            let change = Change {
                operation: Operation::Settings,
                adds: vec![file.clone()],
                removes: Vec::new(),
                transactions: Vec::new(),
            };
            match lake.commit(&base, change).await? {
                Committed::Ours => return Ok(changed.len()),
                Committed::Theirs => files::discard(lake, TableId::Accounts, &file.path).await,
                // Whether they are in force is seen at once.
                Committed::Unknown => {}
            }
        }
        Err(EngineError::Request(format!(
            "the settings were changed by others {ATTEMPTS} times in a row; try again"
        )))
    }

    /// Every account in the order of their ids, with the settings in force.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn accounts(&self) -> Result<Vec<(Settings, AccountState)>, EngineError> {
        let snapshot = self.lake().refresh().await?;
        let files = snapshot.get(TableId::Accounts).all_files();
        let mut accounts: BTreeMap<String, (Settings, AccountState)> = self
            .settings_files()
            .in_force(&files)
            .await?
            .into_iter()
            .map(|(account, version)| {
                let state = AccountState::Configured(version.changed_at);
                (account, (version.settings, state))
            })
            .collect();
        for account in landed(&snapshot) {
            if !accounts.contains_key(account.as_ref()) {
                let defaults = Settings::defaults(account)
                    .map_err(|error| EngineError::Settings(error.to_string()))?;
                accounts.insert(account.to_string(), (defaults, AccountState::Landed));
            }
        }
        Ok(accounts.into_values().collect())
    }
}

/// The versions that putting `settings` makes, in their order.
fn changes(mut known: Book, settings: &[Settings], now: DateTime<Utc>) -> Vec<SettingsVersion> {
    let mut changed = Vec::new();
    for settings in settings {
        let last = known.get(settings.account_id());
        let is_known = |last: &StoredVersion| last.settings().is_ok_and(|last| last == settings);
        if last.is_some_and(is_known) {
            continue;
        }
        let version = SettingsVersion {
            changed_at: last.map_or(now, |last| now.max(last.changed_at() + STEP)),
            settings: settings.clone(),
        };
        known.insert(settings.account_id().to_owned(), version.clone().into());
        changed.push(version);
    }
    changed
}

fn rows(versions: &[SettingsVersion]) -> Result<RecordBatch, EngineError> {
    let mut sorted: Vec<&SettingsVersion> = versions.iter().collect();
    sorted.sort_by_key(|version| (version.settings.account_id(), version.changed_at));
    let times = sorted
        .iter()
        .map(|version| version.changed_at.timestamp_micros());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            sorted.iter().map(|version| version.settings.account_id()),
        )),
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        Arc::new(StringArray::from_iter_values(
            sorted.iter().map(|version| version.settings.to_json()),
        )),
    ];
    Ok(RecordBatch::try_new(
        TableId::Accounts.file_schema(),
        columns,
    )?)
}

#[cfg(test)]
mod tests;
