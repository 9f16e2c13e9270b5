//! The settings of accounts. The table `accounts` keeps every version with its time (SPEC S1).
//!
//! The last version of an account is in force, for its whole history. Two versions of one account never have the same time,
//! whatever the clock does, so the time alone decides which is the last.

mod stored;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, TimeDelta, Utc};
use rapport_data::settings::SettingsError;
use rapport_data::{RawTable, Settings};

use crate::lake::{
    Change, Freshness, LakeSnapshot, Operation, Partition, TableId, TableSnapshot, Work,
};
use crate::{Engine, EngineError};

pub(crate) use stored::{SettingsFiles, StoredVersion};

/// The minimum time between two versions of an account.
const STEP: TimeDelta = TimeDelta::microseconds(1);

/// One version of an account's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsVersion {
    /// The complete settings.
    pub settings: Settings,
    /// The instant from which on they are in force.
    pub changed_at: DateTime<Utc>,
}

/// Why an account exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// It has settings, in force since this instant.
    Configured(DateTime<Utc>),
    /// It has events and no settings, so the defaults hold (SPEC E6).
    Landed,
}

/// The last version of each account's settings, by account.
type LastVersions = BTreeMap<String, StoredVersion>;

/// Returns the accounts that have events in any raw table; an account may come several times.
fn landed(lake: &LakeSnapshot) -> impl Iterator<Item = &Arc<str>> {
    RawTable::ALL
        .into_iter()
        .flat_map(|raw| lake.get(TableId::of_raw(raw)).accounts())
}

impl Engine {
    /// Puts settings in force. Returns the number of accounts whose settings changed.
    ///
    /// # Errors
    /// A lake that cannot be read or written.
    pub async fn put_accounts(&self, settings: Vec<Settings>) -> Result<usize, EngineError> {
        let now = self.now();
        self.change_accounts(|known| Ok(changes(known, &settings, now)))
            .await
    }

    /// Changes some of an account's settings and keeps the others, also those that another process changes meanwhile: `edit`
    /// gets the settings in force (the defaults, if there are none), and is called again when a newer version was committed.
    /// Returns whether anything changed.
    ///
    /// # Errors
    /// An error of `edit`; an invalid account id; settings in force that cannot be read; a lake that cannot be read or
    /// written.
    pub async fn edit_account(
        &self,
        account: &str,
        edit: impl Fn(&mut Settings) -> Result<(), SettingsError> + Send + Sync,
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

    /// Commits the versions that `changes` computes from those in force, again whenever another writer was first. Returns
    /// their number.
    async fn change_accounts(
        &self,
        changes: impl Fn(LastVersions) -> Result<Vec<SettingsVersion>, EngineError> + Send,
    ) -> Result<usize, EngineError> {
        let lake = self.lake();
        let base = lake.refresh_table(TableId::Accounts).await?;
        let mut work = SettingsChange {
            engine: self,
            changes,
            changed: 0,
        };
        lake.commit_loop(base, Vec::new(), &mut work).await?;
        Ok(work.changed)
    }

    /// Returns every account with the settings in force, ordered by id.
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

/// Computes versions of settings from those in force.
struct SettingsChange<'a, F> {
    engine: &'a Engine,
    changes: F,
    /// The number of versions in the last change computed.
    changed: usize,
}

impl<F> Work for SettingsChange<'_, F>
where
    F: Fn(LastVersions) -> Result<Vec<SettingsVersion>, EngineError> + Send,
{
    type Error = EngineError;

    async fn change(&mut self, base: &Arc<TableSnapshot>) -> Result<Option<Change>, EngineError> {
        let files = base.all_files();
        let known = self.engine.settings_files().last(&files).await?;
        let versions = (self.changes)(known)?;
        self.changed = versions.len();
        if versions.is_empty() {
            return Ok(None);
        }
        let (partition, rows) = (Partition::default(), [rows(&versions)?]);
        let lake = self.engine.lake();
        let file = lake.write(TableId::Accounts, &partition, &rows, Freshness::Moving);
        Ok(Some(Change {
            adds: vec![file.await?],
            ..Change::new(Operation::Settings)
        }))
    }
}

/// Returns the versions that put `settings` in force, in their order; none for settings that are in force already.
fn changes(
    mut known: LastVersions,
    settings: &[Settings],
    now: DateTime<Utc>,
) -> Vec<SettingsVersion> {
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
