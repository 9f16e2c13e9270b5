//! Where the rows of a session come from: the stored relations, each cut to what the session may see.
//!
//! The public relations and saved queries are planned once, over *unbound* scans of stored relations. A session binds
//! them: each unbound scan becomes a scan of a provider that is already cut to the session's scope. So isolation lies
//! below every plan, preparing costs nothing per account, and a scan that was forgotten reads nothing at all: an
//! unbound one refuses to run.

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

/// A stored relation, as relations and saved queries name it in schema `stored`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// A table of the lake at its newest version.
    Table(TableId),
    /// The conversation events that the derived tables were made from, and none that landed since: what is computed
    /// from events at query time agrees with what is stored (SPEC M7).
    ConsumedEvents,
    /// The touches that the derived tables were made from, in the same way.
    ConsumedTouches,
    /// The settings in force, one row an account; one with landed events but no settings has the defaults (SPEC E6).
    Accounts,
    /// As `Accounts`, at the version of the settings that the derived tables were made with (SPEC M7).
    AppliedAccounts,
    /// How far landing and deriving have come, one row an account.
    Progress,
}

impl Stored {
    /// Every stored relation that a plan may name.
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

    /// Its name in schema `stored`.
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

    /// Whether each of its rows belongs to an account; what does not is for operators alone.
    pub fn is_of_accounts(self) -> bool {
        self != Stored::Table(TableId::RejectedEvents)
    }

    /// What a scan of it gives.
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

/// The touch classes that have a window, in the order of SPEC 3: a column each of `accounts`. All of them together are its
/// column `windows` too, as the functions of attribution take them.
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
    fields.push(text("windows", false));
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

/// What stored relations are read from.
#[async_trait]
pub trait Sources: fmt::Debug + Send + Sync {
    /// The provider of a stored relation that holds the rows of this scope and no others.
    fn provider(&self, stored: Stored, scope: &Scope) -> Arc<dyn TableProvider>;

    /// Fixes what the providers read for one statement, by an extension of its configuration, and says in which zone
    /// the scope's days are: its account's (SPEC T2), or UTC for an operator.
    async fn pin(&self, scope: &Scope, config: &mut SessionConfig) -> Result<Tz>;
}

/// The stored relations as one session sees them.
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
            .filter(|stored| *scope == Scope::Operator || stored.is_of_accounts())
            .map(|stored| {
                let source = provider_as_source(sources.provider(stored, scope));
                (stored, source)
            });
        BoundSources {
            sources: bound.collect(),
        }
    }

    /// The plan with every unbound scan turned into a scan of this session's own.
    pub fn bind(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| self.bind_node(node))
            .map(|bound| bound.data)
    }

    /// One node of a plan, bound if it is an unbound scan.
    pub fn bind_node(&self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
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

/// The stored relations that an unbound plan reads.
pub(super) fn stored_of(plan: &LogicalPlan) -> Result<HashSet<Stored>> {
    let mut stored = HashSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            stored.extend(unbound(scan));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(stored)
}

fn unbound(scan: &TableScan) -> Option<Stored> {
    let provider = source_as_provider(&scan.source).ok()?;
    let unbound = provider.downcast_ref::<Unbound>()?;
    Some(unbound.0)
}

/// A stored relation of no scope: what templates are planned over. It never gives a row.
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
