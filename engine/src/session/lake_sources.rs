//! Provides the stored relations of a lake.
//!
//! All sessions share the lake's newest snapshot and the settings that belong to it. So a statement does no I/O here, unless
//! settings have changed since the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringViewArray};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::datasource::TableType;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use rapport_data::settings::{Preset, TouchClass, Windows};
use rapport_data::{RawTable, Settings};
use rapport_zones::Tz;

use super::progress::ProgressTable;
use super::scope::Scope;
use super::sources::{Sources, Stored, WINDOW_CLASSES};
use crate::EngineError;
use crate::lake::{Lake, LakeSnapshot, LakeTable, PinnedLake, ResidentColumns, TableId};
use crate::settings::{SettingsFiles, SettingsVersion};

type AccountSettings = BTreeMap<String, SettingsVersion>;

/// Holds the settings that belong to one version of the lake: an extension of a statement's configuration.
#[derive(Debug)]
pub(super) struct PinnedSettings {
    /// The newest version of the table `accounts`, and the version that the derived tables were made with.
    versions: (i64, i64),
    in_force: Arc<AccountSettings>,
    applied: Arc<AccountSettings>,
}

impl PinnedSettings {
    /// Returns the settings in force: of the account, if one is given, or of all accounts.
    pub(super) fn settings_in_force(
        &self,
        account: Option<&str>,
        snapshot: &LakeSnapshot,
    ) -> Result<Vec<Settings>> {
        self.visible(account, &self.in_force, snapshot)
    }

    /// Selects the settings of the account, if one is given, or of all accounts. An account that has landed events but no
    /// settings has the defaults (SPEC E6).
    fn visible(
        &self,
        account: Option<&str>,
        settings: &AccountSettings,
        snapshot: &LakeSnapshot,
    ) -> Result<Vec<Settings>> {
        let landed = RawTable::ALL.map(|raw| snapshot.get(TableId::of_raw(raw)));
        let accounts: BTreeSet<&str> = match account {
            Some(account) => {
                let known = self.in_force.contains_key(account)
                    || landed
                        .iter()
                        .any(|table| table.dates(account).next().is_some());
                known.then_some(account).into_iter().collect()
            }
            None => {
                let landed = landed.iter().flat_map(|table| table.accounts());
                let configured = self.in_force.keys().map(String::as_str);
                configured
                    .chain(landed.map(|account| account.as_ref()))
                    .collect()
            }
        };
        accounts
            .into_iter()
            .map(|account| match settings.get(account) {
                Some(version) => Ok(version.settings.clone()),
                None => Settings::defaults(account),
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| DataFusionError::External(Box::new(e)))
    }
}

/// The longest time that a statement waits for another one that reads the same settings. The other may belong to an
/// account whose threads are busy, so after this time the statement reads them itself.
const SHARED_READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the settings and the lake that a statement has pinned.
///
/// # Errors
/// If the statement has pinned none; `stored` names the relation that it reads.
pub(super) fn pinned(
    state: &dyn Session,
    stored: Stored,
) -> Result<(Arc<PinnedSettings>, Arc<PinnedLake>)> {
    let config = state.config();
    let settings = config.get_extension::<PinnedSettings>();
    match settings.zip(config.get_extension::<PinnedLake>()) {
        Some(pinned) => Ok(pinned),
        None => internal_err!("a statement over {} pinned no lake", stored.name()),
    }
}

/// Plans a scan of rows in memory.
pub(super) fn memory_scan(
    rows: RecordBatch,
    projection: Option<&Vec<usize>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = rows.schema();
    let scan = MemorySourceConfig::try_new_exec(&[vec![rows]], schema, projection.cloned())?;
    Ok(scan)
}

/// Provides stored relations from a lake.
#[derive(Debug)]
pub struct LakeSources {
    lake: Lake,
    files: SettingsFiles,
    /// The settings that were read last.
    settings: Mutex<Option<Arc<PinnedSettings>>>,
    /// Held by the statement that reads settings.
    reading: tokio::sync::Mutex<()>,
    resident: Arc<ResidentColumns>,
}

impl LakeSources {
    /// Creates sources that read the version of the lake that is served when a statement begins.
    pub(crate) fn new(
        lake: Lake,
        files: SettingsFiles,
        resident: Arc<ResidentColumns>,
    ) -> LakeSources {
        LakeSources {
            lake,
            files,
            resident,
            settings: Mutex::new(None),
            reading: tokio::sync::Mutex::new(()),
        }
    }

    /// Returns the settings that belong to a snapshot, from the cache or from the lake.
    async fn settings_of(&self, snapshot: &LakeSnapshot) -> Result<Arc<PinnedSettings>> {
        let consumed = snapshot
            .get(TableId::Conversations)
            .transaction(TableId::Accounts.name());
        let versions = (
            snapshot.get(TableId::Accounts).version(),
            consumed.unwrap_or_default(),
        );
        if let Some(cached) = self.cached(versions) {
            return Ok(cached);
        }
        // After a change of settings all statements come here: one of them reads, the others wait for it.
        let _turn = tokio::time::timeout(SHARED_READ_TIMEOUT, self.reading.lock()).await;
        if let Some(cached) = self.cached(versions) {
            return Ok(cached);
        }
        let settings = Arc::new(self.read_settings(snapshot, versions).await?);
        *self.lock() = Some(Arc::clone(&settings));
        Ok(settings)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<PinnedSettings>>> {
        // A panic cannot leave the value half written: it is replaced as a whole.
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cached(&self, versions: (i64, i64)) -> Option<Arc<PinnedSettings>> {
        let cached = self.lock().clone();
        cached.filter(|cached| cached.versions == versions)
    }

    /// Reads the settings that belong to a snapshot.
    async fn read_settings(
        &self,
        snapshot: &LakeSnapshot,
        versions: (i64, i64),
    ) -> Result<PinnedSettings> {
        let files = snapshot.get(TableId::Accounts).all_files();
        let in_force = self.files.in_force(&files).await?;
        let in_force = Arc::new(in_force);
        let (table, consumed) = versions;
        let newer = self.lake.files_added(TableId::Accounts, consumed, table);
        let newer = newer.await.map_err(EngineError::from)?;
        let newer: BTreeSet<String> = newer
            .into_iter()
            .flatten()
            .map(|file| file.path.clone())
            .collect();
        let applied = if newer.is_empty() {
            Arc::clone(&in_force)
        } else {
            let mut old = files;
            old.retain(|file| !newer.contains(&file.path));
            let old = self.files.last(&old).await?;
            // An old version that can no longer be read has been replaced by the one in force, which will be applied soon.
            let applied = old.into_iter().filter_map(|(account, version)| {
                let version = version.read().ok();
                let version = version.or_else(|| in_force.get(&account).cloned())?;
                Some((account, version))
            });
            Arc::new(applied.collect())
        };
        Ok(PinnedSettings {
            versions,
            in_force,
            applied,
        })
    }
}

#[async_trait]
impl Sources for LakeSources {
    fn provider(&self, stored: Stored, scope: &Scope) -> Arc<dyn TableProvider> {
        let lake = self.lake.clone();
        let account = scope.account().map(str::to_owned);
        match stored {
            Stored::Table(table) => LakeTable::pinned(lake, table, account, &self.resident),
            Stored::ConsumedEvents => {
                LakeTable::consumed(lake, TableId::ConversationEvents, account)
            }
            Stored::ConsumedTouches => LakeTable::consumed(lake, TableId::TouchEvents, account),
            Stored::Accounts | Stored::AppliedAccounts => {
                Arc::new(AccountsTable { stored, account })
            }
            Stored::Progress => Arc::new(ProgressTable { account }),
        }
    }

    async fn pin(&self, scope: &Scope, config: &mut SessionConfig) -> Result<Tz> {
        let snapshot = self.lake.served();
        let settings = self.settings_of(&snapshot).await?;
        let own = scope
            .account()
            .and_then(|account| settings.in_force.get(account));
        let zone = own.map_or(Tz::UTC, |version| version.settings.timezone);
        config.set_extension(Arc::new(PinnedLake(snapshot)));
        config.set_extension(settings);
        Ok(zone)
    }
}

/// Provides the relations `accounts` and `applied_accounts` to a scope: of one account, or of all.
#[derive(Debug)]
struct AccountsTable {
    stored: Stored,
    account: Option<String>,
}

impl AccountsTable {
    fn rows(&self, pinned: &PinnedSettings, snapshot: &LakeSnapshot) -> Result<RecordBatch> {
        let settings = match self.stored {
            Stored::AppliedAccounts => &pinned.applied,
            _ => &pinned.in_force,
        };
        let settings = pinned.visible(self.account.as_deref(), settings, snapshot)?;
        columns(&settings, self.stored.schema())
    }
}

/// Builds the rows of `accounts`.
fn columns(settings: &[Settings], schema: SchemaRef) -> Result<RecordBatch> {
    let text = |value: &dyn Fn(&Settings) -> Option<String>| -> ArrayRef {
        Arc::new(settings.iter().map(value).collect::<StringViewArray>())
    };
    let flag = |value: fn(&Settings) -> bool| -> ArrayRef {
        Arc::new(
            settings
                .iter()
                .map(|s| Some(value(s)))
                .collect::<BooleanArray>(),
        )
    };
    let mut columns = vec![
        text(&|s| Some(s.account_id().to_owned())),
        text(&|s| s.name.clone()),
        text(&|s| Some(s.timezone.name().to_owned())),
        text(&|s| Some(s.currency.to_string())),
        text(&|s| s.idle_timeout.map(|timeout| timeout.to_string())),
        text(&|s| Some(s.attribution_model.to_string())),
        flag(|s| s.exclude_bot_clicks),
        flag(|s| s.exclude_machine_opens),
        flag(|s| s.exclude_transactional),
    ];
    for class in WINDOW_CLASSES {
        let class = TouchClass::ALL
            .into_iter()
            .find(|known| known.name() == class);
        columns.push(text(&|s| {
            let window = class.and_then(|class| s.windows.get(class));
            Some(window.map_or_else(|| "off".to_owned(), |window| window.to_string()))
        }));
    }
    columns.push(text(&|s| Some(s.windows.text())));
    for preset in [Preset::Current, Preset::Legacy] {
        columns.push(text(&|_| Some(Windows::of(preset).text())));
    }
    Ok(RecordBatch::try_new(schema, columns)?)
}

#[async_trait]
impl TableProvider for AccountsTable {
    fn schema(&self) -> SchemaRef {
        self.stored.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (settings, lake) = pinned(state, self.stored)?;
        memory_scan(self.rows(&settings, &lake.0)?, projection)
    }
}
