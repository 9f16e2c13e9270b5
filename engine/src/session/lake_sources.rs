//! The stored relations of a lake.
//!
//! Nothing here does I/O for a statement unless settings have changed since the last one: the lake's snapshot and the
//! settings that belong to it are shared by all sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringViewArray};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::datasource::TableType;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use rapport_data::settings::TouchClass;
use rapport_data::{RawTable, Settings};

use super::scope::Scope;
use super::sources::{Sources, Stored, WINDOW_CLASSES};
use crate::lake::{Lake, LakeSnapshot, LakeTable, PinnedLake, TableId};
use crate::settings::{SettingsVersion, in_force, versions};

type Book = BTreeMap<String, SettingsVersion>;

/// The settings that belong to a version of the lake: an extension of a statement's configuration.
#[derive(Debug)]
struct Settled {
    /// The version of the table `accounts`, and that which the derived tables were made with.
    versions: (i64, i64),
    in_force: Arc<Book>,
    applied: Arc<Book>,
}

/// Stored relations read from a lake.
#[derive(Debug)]
pub struct LakeSources {
    lake: Lake,
    settled: Mutex<Option<Arc<Settled>>>,
}

impl LakeSources {
    /// Over a lake, as it is served at the time of each statement.
    pub fn new(lake: Lake) -> LakeSources {
        LakeSources {
            lake,
            settled: Mutex::new(None),
        }
    }

    async fn settled(&self, snapshot: &LakeSnapshot) -> Result<Arc<Settled>> {
        let table = snapshot.get(TableId::Accounts);
        let derived = snapshot.get(TableId::Conversations);
        let consumed = derived
            .transaction(TableId::Accounts.name())
            .unwrap_or_default();
        let key = (table.version(), consumed);
        // A poisoned lock guards a value that is replaced whole.
        let known = self
            .settled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(known) = known.filter(|known| known.versions == key) {
            return Ok(known);
        }
        let external = |e: crate::EngineError| DataFusionError::External(Box::new(e));
        let files = table.all_files();
        let book = in_force(versions(&self.lake, &files).await.map_err(external)?);
        let book = Arc::new(book);
        let newer = self
            .lake
            .files_added(TableId::Accounts, consumed, table.version());
        let newer = newer
            .await
            .map_err(|e| DataFusionError::External(Box::new(e)))?;
        let newer: BTreeSet<String> = newer
            .into_iter()
            .flatten()
            .map(|f| f.path.clone())
            .collect();
        let applied = if newer.is_empty() {
            Arc::clone(&book)
        } else {
            let old: Vec<_> = files
                .into_iter()
                .filter(|f| !newer.contains(&f.path))
                .collect();
            Arc::new(in_force(
                versions(&self.lake, &old).await.map_err(external)?,
            ))
        };
        let settled = Arc::new(Settled {
            versions: key,
            in_force: book,
            applied,
        });
        *self.settled.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&settled));
        Ok(settled)
    }
}

#[async_trait]
impl Sources for LakeSources {
    fn provider(&self, stored: Stored, scope: &Scope) -> Arc<dyn TableProvider> {
        let lake = self.lake.clone();
        let account = scope.account().map(str::to_owned);
        match stored {
            Stored::Table(table) => LakeTable::pinned(lake, table, account),
            Stored::ConsumedEvents => {
                LakeTable::consumed(lake, TableId::ConversationEvents, account)
            }
            Stored::Accounts | Stored::AppliedAccounts => {
                Arc::new(AccountsTable { stored, account })
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
        let landed = RawTable::ALL.map(|raw| snapshot.get(TableId::of_raw(raw)));
        let accounts: BTreeSet<&str> = match &self.account {
            Some(account) => {
                let known = settled.in_force.contains_key(account)
                    || landed
                        .iter()
                        .any(|table| table.dates(account).next().is_some());
                known.then_some(account.as_str()).into_iter().collect()
            }
            None => {
                let landed = landed.iter().flat_map(|table| table.accounts());
                let configured = settled.in_force.keys().map(String::as_str);
                configured
                    .chain(landed.map(|account| account.as_ref()))
                    .collect()
            }
        };
        let settings = accounts
            .into_iter()
            .map(|account| match book.get(account) {
                Some(version) => Ok(version.settings.clone()),
                None => Settings::defaults(account),
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| DataFusionError::External(Box::new(e)))?;
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
