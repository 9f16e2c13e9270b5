//! Derives attributed orders: which conversations are credited with which orders (SPEC 5).
//!
//! An order's attribution depends on the order and on the touches within the longest window before it. So a day is derived
//! again when one of its orders changed, or a touch up to a window before it, or the conversation of such a touch.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::MemTable;
use datafusion::physical_plan::collect_partitioned;
use datafusion::prelude::SessionContext;

use super::account::{Account, Changed, Rewritten, instants};
use super::carry;
use super::days::{Days, day_of, days_of};
use super::entity::{CONVERSATION, ORDER};
use super::keys::ChangedKey;
use super::rules::quoted;
use crate::EngineError;
use crate::lake::{DataFile, TableId};

/// The keys whose events changed, and the days on which attributed orders may have changed.
pub(super) struct Affected {
    pub days: Days,
    pub conversations: Arc<Vec<ChangedKey>>,
    pub orders: Arc<Vec<ChangedKey>>,
}

impl Account {
    /// Derives the days of the account's attributed orders that changed events may affect.
    pub(super) async fn derive_attributed(&mut self) -> Result<Rewritten, EngineError> {
        if self.changes.any_everything() {
            let removes = self.files(TableId::AttributedOrders);
            return self.attribute(None, removes).await;
        }
        let affected = self.affected().await?;
        let mut days = affected.days;
        days.extend(self.changes.forced.iter());
        if days.is_empty() {
            return Ok(Rewritten::default());
        }
        // Whole files are replaced, so their other days are derived too.
        let mut removes = Vec::new();
        let mut pending = self.files(TableId::AttributedOrders);
        loop {
            let (overlapping, apart): (Vec<_>, Vec<_>) = pending.into_iter().partition(|file| {
                days_of(file, "ordered_at").is_none_or(|of_file| days.touches(of_file))
            });
            if overlapping.is_empty() {
                break;
            }
            for file in &overlapping {
                match days_of(file, "ordered_at") {
                    Some(of_file) => days.extend(of_file),
                    None => {
                        let removes = self.files(TableId::AttributedOrders);
                        return self.attribute(None, removes).await;
                    }
                }
            }
            removes.extend(overlapping);
            pending = apart;
        }
        self.attribute(Some(days), removes).await
    }

    /// Returns what changed events may affect: the days of orders, and the keys that the events name.
    pub(super) async fn affected(&self) -> Result<Affected, EngineError> {
        let window = self.rules.window_days;
        let mut days = Days::default();
        let mut conversations = Arc::default();
        let mut orders = Arc::default();
        if let Changed::Files(files) = &self.changes.conversations {
            conversations = self.changed_keys(CONVERSATION, files).await?;
            for key in conversations.iter() {
                let (first, last) = key.reach();
                days.extend(day_of(first)..=day_of(last) + window);
            }
            // A touch that names a conversation is the agent's if the conversation is live, and its profile's whenever that
            // was linked (SPEC A1, C2), however far it lies from the conversation's own events.
            let changed: HashSet<&str> = conversations.iter().map(|key| key.key.as_str()).collect();
            for touched in self.touches_naming(&changed).await? {
                days.extend(day_of(touched)..=day_of(touched) + window);
            }
        }
        if let Changed::Files(files) = &self.changes.touches {
            for file in files {
                if let Some(of_file) = days_of(file, "occurred_at") {
                    days.extend(*of_file.start()..=*of_file.end() + window);
                }
            }
        }
        if let Changed::Files(files) = &self.changes.orders {
            orders = self.changed_keys(ORDER, files).await?;
            for key in orders.iter() {
                days.extend(key.start_days());
            }
            // An order that turned out to be placed earlier still has its rows on its former day.
            let changed: HashSet<&str> = orders.iter().map(|key| key.key.as_str()).collect();
            for ordered in self.attributed_instants(&changed).await? {
                days.insert(day_of(ordered));
            }
        }
        Ok(Affected {
            days,
            conversations,
            orders,
        })
    }

    async fn touches_naming(&self, conversations: &HashSet<&str>) -> Result<Vec<i64>, EngineError> {
        let touches = self.files(TableId::TouchEvents);
        if conversations.is_empty() || touches.is_empty() {
            return Ok(vec![]);
        }
        let context = self.context()?;
        context.register_table("keys", keys_table(conversations)?)?;
        context.register_table("touches", self.scan(TableId::TouchEvents, touches))?;
        let sql = "SELECT DISTINCT date_trunc('day', t.occurred_at) FROM touches t JOIN keys k ON t.conversation_id = k.key";
        self.distinct_instants(&context, sql).await
    }

    async fn attributed_instants(&self, orders: &HashSet<&str>) -> Result<Vec<i64>, EngineError> {
        let context = self.context()?;
        context.register_table("keys", keys_table(orders)?)?;
        let files = self.files(TableId::AttributedOrders);
        context.register_table("attributed", self.scan(TableId::AttributedOrders, files))?;
        let sql = "SELECT DISTINCT date_trunc('day', a.ordered_at) FROM attributed a JOIN keys k ON a.order_id = k.key";
        self.distinct_instants(&context, sql).await
    }

    async fn distinct_instants(
        &self,
        context: &SessionContext,
        sql: &str,
    ) -> Result<Vec<i64>, EngineError> {
        let batches = self.rows(context, sql).await?;
        let values = batches.iter().flat_map(|batch| instants(batch, 0));
        Ok(values.flatten().collect())
    }

    /// Attributes the orders of some days (`None`: all).
    async fn attribute(
        &mut self,
        days: Option<Days>,
        removes: Vec<Arc<DataFile>>,
    ) -> Result<Rewritten, EngineError> {
        let context = self.context()?;
        let window = self.rules.window_days;
        let touches = match &days {
            Some(days) => {
                let days = days.widened(window, 0);
                let events = self.files_on(TableId::ConversationEvents, &days);
                context.register_table("events", self.scan(TableId::ConversationEvents, events))?;
                self.files_on(TableId::TouchEvents, &days)
            }
            None => {
                self.register_whole(&context, "events", TableId::ConversationEvents)?;
                self.files(TableId::TouchEvents)
            }
        };
        context.register_table("touches", self.scan(TableId::TouchEvents, touches))?;
        self.register_whole(&context, "conversations", TableId::Conversations)?;
        self.register_whole(&context, "all_orders", TableId::Orders)?;
        let on_days = match &days {
            Some(days) => format!("WHERE {}", days.sql("CAST(ordered_at AS DATE)")),
            None => String::new(),
        };
        // What several parts of the plan use is read once.
        let orders = format!("SELECT * FROM all_orders {on_days}");
        if self.register_rows(&context, "orders", &orders).await? == 0 {
            return Ok(Rewritten {
                removes,
                ..Rewritten::default()
            });
        }
        self.register_rows(&context, "live", LIVE).await?;
        self.register_rows(&context, "touched", &self.touched_sql())
            .await?;
        self.register_rows(&context, "agent", &self.agent_sql())
            .await?;
        let sql = self.attribution_sql();
        let kept = days.is_none().then_some(carry::ATTRIBUTED);
        let table = TableId::AttributedOrders;
        Ok(Rewritten {
            adds: self.write(table, &context, &sql, kept).await?,
            removes,
            waiting: None,
        })
    }

    /// Runs a query and registers its rows, which are kept in memory, as a table. Returns their number.
    async fn register_rows(
        &self,
        context: &SessionContext,
        name: &str,
        sql: &str,
    ) -> Result<usize, EngineError> {
        let plan = self.plan(context, sql).await?;
        let schema = plan.schema();
        let rows = collect_partitioned(plan, context.task_ctx()).await?;
        let count = rows.iter().flatten().map(RecordBatch::num_rows).sum();
        context.register_table(name, Arc::new(MemTable::try_new(schema, rows)?))?;
        Ok(count)
    }

    /// The touches that count (SPEC A2), each with the live conversation that it names, if any.
    fn touched_sql(&self) -> String {
        format!(
            include_str!("sql/touched.sql"),
            touch_counts = self.rules.counts(OF_TOUCH),
            classes = self.rules.class_list(),
        )
    }

    /// The agent's touches (SPEC A1, A2).
    fn agent_sql(&self) -> String {
        format!(
            include_str!("sql/agent_touches.sql"),
            event_counts = self.rules.counts("e.kind, e.is_bot, NULL, NULL"),
            classes = self.rules.class_list(),
        )
    }

    fn attribution_sql(&self) -> String {
        let rules = &self.rules;
        format!(
            include_str!("sql/attributed_orders.sql"),
            model = quoted(rules.model),
            windows = quoted(&rules.windows),
            currency = quoted(&rules.currency),
        )
    }
}

/// Selects live conversations (SPEC C2).
const LIVE: &str =
    "SELECT conversation_id, profile_id, channel FROM conversations WHERE mode = 'live'";

/// The expressions of a row of `touch_events` (alias `t`) that SPEC A2 depends on.
const OF_TOUCH: &str = "t.kind, t.is_bot, t.is_machine_open, t.is_transactional";

fn keys_table(keys: &HashSet<&str>) -> Result<Arc<MemTable>, EngineError> {
    let schema = Arc::new(Schema::new(vec![Field::new("key", DataType::Utf8, false)]));
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(keys.iter()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column])?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}
