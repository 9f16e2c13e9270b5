//! How far landing and deriving have come with each account.
//!
//! All of it is told by the snapshot that a statement has pinned: which files the account has, what their statistics say,
//! when they were committed, and up to which versions the derived tables have consumed them. No data file is read, and
//! nothing tells of what other accounts do. Only where some account is behind are the logs asked which, once for each
//! version of the derived tables.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_err};
use datafusion::datasource::TableType;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use rapport_data::{RawTable, Settings};

use super::lake_sources::Settled;
use super::sources::Stored;
use crate::EngineError;
use crate::lake::{ALL_DATES, DataFile, Lake, LakeSnapshot, PinnedLake, TableId};

const SECONDS_A_DAY: u64 = 86_400;

type Accounts = BTreeSet<Arc<str>>;

/// The accounts that are behind in some derived table, as far as statements have asked.
#[derive(Debug, Default)]
pub(super) struct BehindAccounts(Mutex<Option<Known>>);

#[derive(Debug)]
struct Known {
    /// The versions of the derived tables, as in [`TableId::DERIVED`].
    versions: [i64; TableId::DERIVED.len()],
    accounts: Arc<Accounts>,
}

impl BehindAccounts {
    async fn of(&self, lake: &Lake, snapshot: &LakeSnapshot) -> Result<Arc<Accounts>> {
        let derived = TableId::DERIVED.map(|id| snapshot.get(id));
        if !derived.iter().any(|table| table.is_behind()) {
            return Ok(Arc::default());
        }
        let versions = derived.map(|table| table.version());
        if let Some(known) = self.known(&versions) {
            return Ok(known);
        }
        let all: Accounts = RawTable::ALL
            .iter()
            .flat_map(|raw| snapshot.get(TableId::of_raw(*raw)).accounts())
            .cloned()
            .collect();
        let mut accounts = Accounts::new();
        for table in derived {
            let behind = lake.behind(table, all.clone()).await;
            accounts.extend(
                behind.map_err(|e| DataFusionError::External(Box::new(EngineError::from(e))))?,
            );
        }
        let accounts = Arc::new(accounts);
        *self.lock() = Some(Known {
            versions,
            accounts: Arc::clone(&accounts),
        });
        Ok(accounts)
    }

    fn known(&self, versions: &[i64]) -> Option<Arc<Accounts>> {
        let known = self.lock();
        let known = known.as_ref().filter(|known| known.versions == versions)?;
        Some(Arc::clone(&known.accounts))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        // A poisoned lock guards a value that is replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One row an account: how far its events have come.
#[derive(Debug)]
pub(super) struct ProgressTable {
    lake: Lake,
    behind: Arc<BehindAccounts>,
    account: Option<String>,
}

impl ProgressTable {
    pub fn new(lake: Lake, behind: Arc<BehindAccounts>, account: Option<String>) -> ProgressTable {
        ProgressTable {
            lake,
            behind,
            account,
        }
    }
}

/// What a snapshot tells of an account.
#[derive(Debug, Default)]
struct Progress {
    newest_event_at: Option<i64>,
    landed_at: Option<i64>,
    derived_at: Option<i64>,
    waiting_events: u64,
}

impl Progress {
    fn of(account: &str, snapshot: &LakeSnapshot, is_behind: bool) -> Progress {
        let mut progress = Progress::default();
        let derived = snapshot.get(TableId::Conversations);
        for raw in RawTable::ALL.map(TableId::of_raw) {
            let consumed = derived.transaction(raw.name()).unwrap_or_default();
            for file in snapshot.get(raw).files(Some(account), ALL_DATES) {
                progress.landed_at = progress.landed_at.max(Some(file.committed_at));
                progress.newest_event_at = progress.newest_event_at.max(newest_event(&file));
                // What an account lacks that is behind is not told by what has been consumed: all of it is derived again.
                if is_behind || file.version > consumed {
                    progress.waiting_events += file.rows();
                }
            }
        }
        for table in TableId::DERIVED {
            let files = snapshot.get(table).files(Some(account), ALL_DATES);
            let newest = files.iter().map(|file| file.committed_at).max();
            progress.derived_at = progress.derived_at.max(newest);
        }
        progress
    }
}

/// When the newest event of a file of landed events happened, in microseconds since 1970.
fn newest_event(file: &DataFile) -> Option<i64> {
    match file.statistics.greatest("occurred_at") {
        Some(ScalarValue::TimestampMicrosecond(micros, _)) => micros,
        _ => None,
    }
}

/// The longest attribution window in force, in days, rounded up.
fn window_days(settings: &Settings) -> i64 {
    let windows = settings.windows.iter().filter_map(|(_, window)| window);
    let longest = windows.map(|window| window.seconds()).max();
    let days = longest.unwrap_or_default().div_ceil(SECONDS_A_DAY);
    i64::try_from(days).unwrap_or(i64::MAX)
}

/// Milliseconds as microseconds.
fn micros(millis: Option<i64>) -> Option<i64> {
    millis.map(|millis| millis.saturating_mul(1_000))
}

fn columns(settings: &[Settings], progress: &[Progress], schema: SchemaRef) -> Result<RecordBatch> {
    let instants = |of: fn(&Progress) -> Option<i64>| -> ArrayRef {
        let instants: TimestampMicrosecondArray = progress.iter().map(of).collect();
        Arc::new(instants.with_timezone("UTC"))
    };
    let accounts: StringViewArray = settings.iter().map(|s| Some(s.account_id())).collect();
    let waiting = progress
        .iter()
        .map(|p| i64::try_from(p.waiting_events).unwrap_or(i64::MAX));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(accounts),
        instants(|p| p.newest_event_at),
        instants(|p| micros(p.landed_at)),
        instants(|p| micros(p.derived_at)),
        Arc::new(Int64Array::from_iter_values(waiting)),
        Arc::new(
            settings
                .iter()
                .map(|s| Some(window_days(s)))
                .collect::<Int64Array>(),
        ),
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}

#[async_trait]
impl TableProvider for ProgressTable {
    fn schema(&self) -> SchemaRef {
        Stored::Progress.schema()
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
            return internal_err!("a statement over progress pinned no lake");
        };
        let snapshot = &pinned.0;
        let settings = settled.of_accounts(self.account.as_deref(), snapshot)?;
        let behind = self.behind.of(&self.lake, snapshot).await?;
        let progress: Vec<Progress> = settings
            .iter()
            .map(|s| Progress::of(s.account_id(), snapshot, behind.contains(s.account_id())))
            .collect();
        let rows = columns(&settings, &progress, self.schema())?;
        let schema = rows.schema();
        Ok(MemorySourceConfig::try_new_exec(
            &[vec![rows]],
            schema,
            projection.cloned(),
        )?)
    }
}
