//! The stored relations that a session reads, each limited to the rows that the session may see.
//!
//! Relations and saved queries are planned once, over *unbound* scans of stored relations. A session binds them: it replaces
//! each unbound scan by a scan of a provider that holds the rows of the session's scope only. So accounts are isolated
//! below every plan, plans are made once for all accounts, and a scan that was not bound fails: it never reads a row.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::datasource::{TableType, provider_as_source, source_as_provider};
use datafusion::logical_expr::{
    Expr, LogicalPlan, TableProviderFilterPushDown, TableScan, TableSource,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use rapport_zones::Tz;

use super::scope::Scope;
use crate::lake::{TableId, instant};

/// Names a stored relation: a table of schema `stored`, which relations and saved queries are defined over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// A table of the lake at its newest version.
    Table(TableId),
    /// The conversation events that the derived tables were made from, without those that landed since: numbers computed
    /// from events at query time agree with the stored ones (SPEC M7).
    ConsumedEvents,
    /// The touches that the derived tables were made from, without those that landed since (SPEC M7).
    ConsumedTouches,
    /// The settings in force, one row per account. An account with landed events but no settings has the defaults (SPEC E6).
    Accounts,
    /// The settings that the derived tables were made with (SPEC M7), one row per account.
    AppliedAccounts,
    /// The progress of landing and deriving, one row per account.
    Progress,
}

impl Stored {
    /// All stored relations that a plan may name.
    pub const ALL: [Stored; 13] = [
        Stored::Table(TableId::Conversations),
        Stored::Table(TableId::Orders),
        Stored::Table(TableId::AttributedOrders),
        Stored::Table(TableId::DailyMetrics),
        Stored::Table(TableId::ConversationEvents),
        Stored::Table(TableId::OrderEvents),
        Stored::Table(TableId::TouchEvents),
        Stored::Table(TableId::RejectedEvents),
        Stored::ConsumedEvents,
        Stored::ConsumedTouches,
        Stored::Accounts,
        Stored::AppliedAccounts,
        Stored::Progress,
    ];

    /// Returns its name in schema `stored`.
    pub fn name(self) -> &'static str {
        match self {
            Stored::Table(table) => table.name(),
            Stored::ConsumedEvents => "consumed_conversation_events",
            Stored::ConsumedTouches => "consumed_touch_events",
            Stored::Accounts => "accounts",
            Stored::AppliedAccounts => "applied_accounts",
            Stored::Progress => "progress",
        }
    }

    /// Tells whether each of its rows belongs to an account. Only operators see a relation without accounts.
    pub fn has_accounts(self) -> bool {
        self != Stored::Table(TableId::RejectedEvents)
    }

    /// Returns its columns.
    pub fn schema(self) -> SchemaRef {
        match self {
            Stored::Table(table) => table.schema(),
            Stored::ConsumedEvents => TableId::ConversationEvents.schema(),
            Stored::ConsumedTouches => TableId::TouchEvents.schema(),
            Stored::Accounts | Stored::AppliedAccounts => Arc::clone(&ACCOUNTS),
            Stored::Progress => Arc::clone(&PROGRESS),
        }
    }
}

/// The touch classes that have a window, in the order of SPEC 3. Each is a column of `accounts`; its column `windows` holds
/// all of them in one text, as the attribution functions take them, and `current_windows` and `legacy_windows` those of the
/// presets.
pub const WINDOW_CLASSES: [&str; 8] = [
    "email_clicked",
    "email_opened",
    "sms_clicked",
    "sms_opened",
    "sms_delivered",
    "whatsapp_clicked",
    "whatsapp_opened",
    "push_opened",
];

static ACCOUNTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8View, nullable);
    let flag = |name: &str| Field::new(name, DataType::Boolean, false);
    let mut fields = vec![
        text("account_id", false),
        text("name", true),
        text("timezone", false),
        text("currency", false),
        text("idle_timeout", true),
        text("attribution_model", false),
        flag("exclude_bot_clicks"),
        flag("exclude_machine_opens"),
        flag("exclude_transactional"),
    ];
    fields.extend(WINDOW_CLASSES.map(|class| text(class, false)));
    fields.extend(["windows", "current_windows", "legacy_windows"].map(|name| text(name, false)));
    Arc::new(Schema::new(fields))
});

static PROGRESS: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("account_id", DataType::Utf8View, false),
        Field::new("newest_event_at", instant(), true),
        Field::new("landed_at", instant(), true),
        Field::new("derived_at", instant(), true),
        Field::new("waiting_events", DataType::Int64, false),
        Field::new("window_days", DataType::Int64, false),
    ]))
});

/// Provides the stored relations.
#[async_trait]
pub trait Sources: fmt::Debug + Send + Sync {
    /// Returns the provider of a stored relation, which holds the rows of this scope and no others.
    fn provider(&self, stored: Stored, scope: &Scope) -> Arc<dyn TableProvider>;

    /// Pins the version that the providers read for one statement, in an extension of its configuration. Returns the time
    /// zone of the scope's days: its account's (SPEC T2), or UTC for an operator.
    async fn pin(&self, scope: &Scope, config: &mut SessionConfig) -> Result<Tz>;
}

/// Binds plans to the stored relations that one session sees.
pub(super) struct BoundSources {
    sources: HashMap<Stored, Arc<dyn TableSource>>,
}

impl fmt::Debug for BoundSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundSources").finish_non_exhaustive()
    }
}

impl BoundSources {
    pub fn new(sources: &dyn Sources, scope: &Scope) -> BoundSources {
        let bound = Stored::ALL
            .into_iter()
            .filter(|stored| *scope == Scope::Operator || stored.has_accounts())
            .map(|stored| {
                let source = provider_as_source(sources.provider(stored, scope));
                (stored, source)
            });
        BoundSources {
            sources: bound.collect(),
        }
    }

    /// Replaces every unbound scan of a plan by a scan of the session's own.
    pub fn bind(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| self.bind_node(node))
            .map(|bound| bound.data)
    }

    /// Replaces one node of a plan, if it is an unbound scan.
    fn bind_node(&self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::TableScan(scan) = node else {
            return Ok(Transformed::no(node));
        };
        let Some(stored) = unbound(&scan) else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        let Some(source) = self.sources.get(&stored) else {
            return internal_err!("no source of stored relation {}", stored.name());
        };
        Ok(Transformed::yes(LogicalPlan::TableScan(TableScan {
            source: Arc::clone(source),
            ..scan
        })))
    }
}

/// Returns the stored relations that an unbound plan reads.
pub(super) fn stored_relations(plan: &LogicalPlan) -> Result<HashSet<Stored>> {
    let mut stored = HashSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            stored.extend(unbound(scan));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(stored)
}

/// Returns the stored relation of an unbound scan.
fn unbound(scan: &TableScan) -> Option<Stored> {
    let provider = source_as_provider(&scan.source).ok()?;
    let unbound = provider.downcast_ref::<Unbound>()?;
    Some(unbound.0)
}

/// Stands for a stored relation in the plans of relations and saved queries. Scanning it is an error.
#[derive(Debug)]
pub(super) struct Unbound(pub Stored);

#[async_trait]
impl TableProvider for Unbound {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        internal_err!(
            "stored relation {} is not bound to a session",
            self.0.name()
        )
    }
}
