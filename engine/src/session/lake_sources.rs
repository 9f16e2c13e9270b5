//! The stored relations of a lake.
//!
//! Nothing here does I/O for a statement unless settings have changed since the last one: the lake's snapshot and the
//! settings that belong to it are shared by all sessions.

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
use rapport_data::settings::TouchClass;
use rapport_data::{RawTable, Settings};
use rapport_zones::Tz;

use super::progress::{BehindAccounts, ProgressTable};
use super::scope::Scope;
use super::sources::{Sources, Stored, WINDOW_CLASSES};
use crate::EngineError;
use crate::lake::{Lake, LakeSnapshot, LakeTable, PinnedLake, ResidentColumns, TableId};
use crate::settings::{SettingsFiles, SettingsVersion};

type Book = BTreeMap<String, SettingsVersion>;

/// The settings that belong to a version of the lake: an extension of a statement's configuration.
#[derive(Debug)]
pub(super) struct Settled {
    /// The version of the table `accounts`, and that which the derived tables were made with.
    versions: (i64, i64),
    in_force: Arc<Book>,
    applied: Arc<Book>,
}

impl Settled {
    /// The settings in force of the one account given, if it is one, or of all.
    pub(super) fn of_accounts(
        &self,
        account: Option<&str>,
        snapshot: &LakeSnapshot,
    ) -> Result<Vec<Settings>> {
        self.in_sight(account, &self.in_force, snapshot)
    }

    /// The same, as a book has them; the defaults of those that have landed events without any (SPEC E6).
    fn in_sight(
        &self,
        account: Option<&str>,
        book: &Book,
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
            .map(|account| match book.get(account) {
                Some(version) => Ok(version.settings.clone()),
                None => Settings::defaults(account),
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| DataFusionError::External(Box::new(e)))
    }
}

/// How long a statement waits for another that reads the same. That one may be another account's, whose threads have other
/// work; so it is no more than a courtesy.
const PATIENCE: Duration = Duration::from_secs(5);

/// Stored relations read from a lake.
#[derive(Debug)]
pub struct LakeSources {
    lake: Lake,
    files: SettingsFiles,
    settled: Mutex<Option<Arc<Settled>>>,
    /// Held by the statement that reads settings.
    settling: tokio::sync::Mutex<()>,
    behind: Arc<BehindAccounts>,
    resident: Arc<ResidentColumns>,
}

impl LakeSources {
    /// Over a lake, as it is served at the time of each statement.
    pub(crate) fn new(
        lake: Lake,
        files: SettingsFiles,
        resident: Arc<ResidentColumns>,
    ) -> LakeSources {
        LakeSources {
            lake,
            files,
            resident,
            settled: Mutex::new(None),
            settling: tokio::sync::Mutex::new(()),
            behind: Arc::default(),
        }
    }

    async fn settled(&self, snapshot: &LakeSnapshot) -> Result<Arc<Settled>> {
        let consumed = snapshot
            .get(TableId::Conversations)
            .transaction(TableId::Accounts.name());
        let versions = (
            snapshot.get(TableId::Accounts).version(),
            consumed.unwrap_or_default(),
        );
        if let Some(known) = self.known(versions) {
            return Ok(known);
        }
        // After a change of settings all statements come here: one of them reads, the others wait for it.
        let _turn = tokio::time::timeout(PATIENCE, self.settling.lock()).await;
        if let Some(known) = self.known(versions) {
            return Ok(known);
        }
        let settled = Arc::new(self.settle(snapshot, versions).await?);
        *self.lock() = Some(Arc::clone(&settled));
        Ok(settled)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Settled>>> {
        // A poisoned lock guards a value that is replaced whole.
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, versions: (i64, i64)) -> Option<Arc<Settled>> {
        let known = self.lock().clone();
        known.filter(|known| known.versions == versions)
    }

    /// Works out the settings that belong to a version of the lake.
    async fn settle(&self, snapshot: &LakeSnapshot, versions: (i64, i64)) -> Result<Settled> {
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
            // Where those cannot be read any more, others have taken their place, and these will soon be applied.
            let applied = old.into_iter().filter_map(|(account, version)| {
                let version = version.read().ok();
                let version = version.or_else(|| in_force.get(&account).cloned())?;
                Some((account, version))
            });
            Arc::new(applied.collect())
        };
        Ok(Settled {
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
            Stored::Progress => {
                Arc::new(ProgressTable::new(lake, Arc::clone(&self.behind), account))
            }
        }
    }

    async fn pin(&self, scope: &Scope, config: &mut SessionConfig) -> Result<Tz> {
        let snapshot = self.lake.served();
        let settled = self.settled(&snapshot).await?;
        let own = scope
            .account()
            .and_then(|account| settled.in_force.get(account));
        let zone = own.map_or(Tz::UTC, |version| version.settings.timezone);
        config.set_extension(Arc::new(PinnedLake(snapshot)));
        config.set_extension(settled);
        Ok(zone)
    }
}

/// One row an account: its settings, or the defaults where events have landed without any (SPEC E6).
#[derive(Debug)]
struct AccountsTable {
    stored: Stored,
    account: Option<String>,
}

impl AccountsTable {
    fn rows(&self, settled: &Settled, snapshot: &LakeSnapshot) -> Result<RecordBatch> {
        let book = match self.stored {
            Stored::AppliedAccounts => &settled.applied,
            _ => &settled.in_force,
        };
        let settings = settled.in_sight(self.account.as_deref(), book, snapshot)?;
        columns(&settings, self.stored.schema())
    }
}

/// The settings of some accounts as the columns of `accounts`.
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
    columns.push(text(&|s| Some(s.windows_text())));
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
        let config = state.config();
        let (Some(settled), Some(pinned)) = (
            config.get_extension::<Settled>(),
            config.get_extension::<PinnedLake>(),
        ) else {
            return internal_err!("a statement over accounts pinned no lake");
        };
        let rows = self.rows(&settled, &pinned.0)?;
        let schema = rows.schema();
        Ok(MemorySourceConfig::try_new_exec(
            &[vec![rows]],
            schema,
            projection.cloned(),
        )?)
    }
}
