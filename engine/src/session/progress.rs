//! The stored relation `progress`: how far landing and deriving have come, one row per account.
//!
//! It is computed from the snapshot that a statement has pinned: the account's files, their statistics and commit times,
//! and the versions that the derived tables have consumed. No file is read, and an account's row depends on nothing that
//! other accounts do.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use rapport_data::{RawTable, Settings};

use super::lake_sources::{memory_scan, pinned};
use super::sources::Stored;
use crate::lake::{ALL_DATES, DataFile, LakeSnapshot, TableId};

const SECONDS_PER_DAY: u64 = 86_400;

/// Provides the relation `progress` to a scope: of one account, or of all.
#[derive(Debug)]
pub(super) struct ProgressTable {
    pub account: Option<String>,
}

/// Holds the progress of one account. Instants are in milliseconds since 1970, but `newest_event_at` is in microseconds.
#[derive(Debug, Default)]
struct Progress {
    newest_event_at: Option<i64>,
    landed_at: Option<i64>,
    derived_at: Option<i64>,
    waiting_events: u64,
}

impl Progress {
    /// Computes the progress of an account from a snapshot.
    fn of(account: &str, snapshot: &LakeSnapshot) -> Progress {
        let mut progress = Progress::default();
        let mut tables = TableId::DERIVED.iter().map(|id| snapshot.get(*id));
        let is_behind = tables.any(|table| table.is_account_behind(account));
        let derived = snapshot.get(TableId::Conversations);
        for raw in RawTable::ALL.map(TableId::of_raw) {
            let consumed = derived.transaction(raw.name()).unwrap_or_default();
            for file in snapshot.get(raw).files(Some(account), ALL_DATES) {
                progress.landed_at = progress.landed_at.max(Some(file.committed_at));
                progress.newest_event_at = progress.newest_event_at.max(newest_event(&file));
                // A derived table that is behind with an account is derived again from all of its events, consumed or not.
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

/// Returns the instant of the newest event in a file of landed events, in microseconds since 1970.
fn newest_event(file: &DataFile) -> Option<i64> {
    match file.statistics.greatest("occurred_at") {
        Some(ScalarValue::TimestampMicrosecond(micros, _)) => micros,
        _ => None,
    }
}

/// Returns the longest attribution window of an account, in days, rounded up.
fn window_days(settings: &Settings) -> i64 {
    let windows = settings.windows.iter().filter_map(|(_, window)| window);
    let longest = windows.map(|window| window.seconds()).max();
    let days = longest.unwrap_or_default().div_ceil(SECONDS_PER_DAY);
    i64::try_from(days).unwrap_or(i64::MAX)
}

/// Converts milliseconds to microseconds.
fn micros(millis: Option<i64>) -> Option<i64> {
    millis.map(|millis| millis.saturating_mul(1_000))
}

/// Builds the rows of `progress`.
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
        let (pinned, lake) = pinned(state, Stored::Progress)?;
        let snapshot = &lake.0;
        let settings = pinned.settings_in_force(self.account.as_deref(), snapshot)?;
        let progress: Vec<Progress> = settings
            .iter()
            .map(|s| Progress::of(s.account_id(), snapshot))
            .collect();
        memory_scan(columns(&settings, &progress, self.schema())?, projection)
    }
}
