//! Attributed orders: which conversations brought which orders (SPEC 5).
//!
//! An order's answer depends on itself and on the touches of the days that the longest window reaches back. So an order's
//! day is derived again when an order of it changed, or a touch up to a window before it, or the conversation of such a
//! touch.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;

use super::account::{Account, Changed, ChangedKey, Rewritten, instants};
use super::days::{Days, day_of, days_of};
use super::entity::{CONVERSATION, ORDER};
use super::rules::quoted;
use crate::EngineError;
use crate::lake::{DataFile, TableId};

/// The keys whose events changed, and the days on which anything attributed may have.
pub(super) struct Affected {
    pub days: Days,
    pub conversations: Vec<ChangedKey>,
    pub orders: Vec<ChangedKey>,
}

impl Account {
    /// Derives the account's attributed orders, as far as a changed event may bear on them.
    pub(super) async fn derive_attributed(&self) -> Result<Rewritten, EngineError> {
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
        // Whole files are replaced, so their other days come along.
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

    /// What the changed events bear on: the days of orders, and the keys that the events name.
    pub(super) async fn affected(&self) -> Result<Affected, EngineError> {
        let window = self.rules.window_days;
        let mut days = Days::default();
        let mut conversations = Vec::new();
        let mut orders = Vec::new();
        if let Changed::Files(files) = &self.changes.conversations {
            conversations = self.changed_keys(CONVERSATION, files).await?;
            for key in &conversations {
                let (first, last) = key.reach();
                days.extend(day_of(first)..=day_of(last) + window);
            }
            // Touches that name a conversation are the agent's if it is live, and its profile's whenever that was linked
            // (SPEC A1, C2), however far from its own events they lie.
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
            for key in &orders {
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
        let context = self.context();
        context.register_table("keys", keys_table(conversations)?)?;
        context.register_table("touches", self.scan(TableId::TouchEvents, touches))?;
        let sql = "SELECT DISTINCT date_trunc('day', t.occurred_at) FROM touches t JOIN keys k ON t.conversation_id = k.key";
        distinct_instants(&context, sql).await
    }

    async fn attributed_instants(&self, orders: &HashSet<&str>) -> Result<Vec<i64>, EngineError> {
        let context = self.context();
        context.register_table("keys", keys_table(orders)?)?;
        let files = self.files(TableId::AttributedOrders);
        context.register_table("attributed", self.scan(TableId::AttributedOrders, files))?;
        let sql = "SELECT DISTINCT date_trunc('day', a.ordered_at) FROM attributed a JOIN keys k ON a.order_id = k.key";
        distinct_instants(&context, sql).await
    }

    /// Attributes the orders of some days (`None`: all).
    async fn attribute(
        &self,
        days: Option<Days>,
        removes: Vec<Arc<DataFile>>,
    ) -> Result<Rewritten, EngineError> {
        let context = self.context();
        let window = self.rules.window_days;
        let inputs = |id: TableId| match &days {
            Some(days) => self.files_on(id, &days.widened(window, 0)),
            None => self.files(id),
        };
        context.register_table(
            "events",
            self.scan(
                TableId::ConversationEvents,
                inputs(TableId::ConversationEvents),
            ),
        )?;
        context.register_table(
            "touches",
            self.scan(TableId::TouchEvents, inputs(TableId::TouchEvents)),
        )?;
        for (name, id) in [
            ("conversations", TableId::Conversations),
            ("all_orders", TableId::Orders),
        ] {
            context.register_table(name, self.scan(id, self.files(id)))?;
        }
        let on_days = match &days {
            Some(days) => format!("WHERE {}", days.sql("CAST(ordered_at AS DATE)")),
            None => String::new(),
        };
        // One reading of the orders in question serves every use of them below.
        let orders = context
            .sql(&format!("SELECT * FROM all_orders {on_days}"))
            .await?
            .cache()
            .await?;
        if orders.clone().count().await? == 0 {
            return Ok(Rewritten {
                removes,
                ..Rewritten::default()
            });
        }
        context.register_table("orders", orders.into_view())?;
        let live = context.sql(LIVE).await?.cache().await?;
        context.register_table("live", live.into_view())?;
        // Many small files are opened once for a shopper's touches and those of the conversations that orders name.
        let agent = context.sql(&self.agent_sql()).await?.cache().await?;
        context.register_table("agent", agent.into_view())?;
        let rows = context.sql(&self.attribution_sql()).await?;
        Ok(Rewritten {
            adds: self.write(TableId::AttributedOrders, rows).await?,
            removes,
            waiting: None,
        })
    }

    /// The agent's touches (SPEC A1): its own messages, the clicks on its links, and touches that name a live conversation.
    /// Those that could attribute nothing, for want of a window (SPEC A2), are left out.
    fn agent_sql(&self) -> String {
        format!(
            "SELECT * FROM (
               SELECT l.profile_id, e.occurred_at, e.event_id, l.conversation_id, touch_class(l.channel, e.kind) AS touch_class
               FROM (SELECT *, touch_kind(type, sender) AS kind FROM events) e
               JOIN live l ON l.conversation_id = e.conversation_id
               WHERE e.kind IS NOT NULL AND {counts_in_conversation}
               UNION ALL
               SELECT l.profile_id, t.occurred_at, t.event_id, l.conversation_id, touch_class(t.channel, t.kind)
               FROM touches t JOIN live l ON l.conversation_id = t.conversation_id
               WHERE {counts})
             WHERE touch_class IN ({classes})",
            counts_in_conversation = self.rules.counts("e.kind, e.is_bot, NULL, NULL"),
            counts = self.rules.counts(OF_TOUCH),
            classes = self.rules.class_list(),
        )
    }

    fn attribution_sql(&self) -> String {
        let rules = &self.rules;
        format!(
            "WITH
             marketing AS (
               SELECT t.profile_id, t.occurred_at, t.event_id, t.message_id,
                      touch_class(t.channel, t.kind) AS touch_class
               FROM touches t
               WHERE {counts}
                 AND NOT EXISTS (SELECT 1 FROM live l WHERE l.conversation_id = t.conversation_id)),
             -- Orders and touches of one shopper meet in one group. An order without a profile is a group of its own (A4).
             met AS (
               SELECT profile_id, CASE WHEN profile_id IS NULL THEN order_id END AS lone_order,
                      order_id, ordered_at AS occurred_at, CAST(NULL AS VARCHAR) AS event_id, value,
                      CAST(NULL AS VARCHAR) AS touch_class, CAST(NULL AS VARCHAR) AS unit, false AS is_agent
               FROM orders WHERE profile_id IS NOT NULL OR conversation_id IS NOT NULL
               UNION ALL
               SELECT profile_id, NULL, NULL, occurred_at, event_id, NULL, touch_class, conversation_id, true
               FROM agent WHERE profile_id IS NOT NULL
               UNION ALL
               SELECT profile_id, NULL, NULL, occurred_at, event_id, NULL, touch_class, message_id, false
               FROM marketing WHERE touch_class IN ({classes})
               UNION ALL
               -- A4: the touches of the conversation that an order names, where its profile does not bring them anyway
               SELECT o.profile_id, CASE WHEN o.profile_id IS NULL THEN o.order_id END, o.order_id,
                      a.occurred_at, a.event_id, NULL, a.touch_class, a.conversation_id, true
               FROM agent a JOIN orders o ON o.conversation_id = a.conversation_id
               WHERE (o.profile_id IS NULL OR o.profile_id IS DISTINCT FROM a.profile_id)),
             brought AS (
               SELECT unnest(attribute({model}, {windows}, order_id, occurred_at, event_id, value, touch_class, unit,
                                       is_agent)) AS a
               FROM met GROUP BY profile_id, lone_order)
             SELECT o.order_id, l.conversation_id, l.channel, o.profile_id, o.ordered_at, o.ordered_on, o.value, o.currency,
                    b.a['touch_class'] AS touch_class, b.a['touched_at'] AS touched_at,
                    (CAST(o.ordered_at AS BIGINT) - CAST(b.a['touched_at'] AS BIGINT)) / 1000000 AS seconds_to_order,
                    b.a['units'] AS units, round_credit(exact_credit(b.a['units'])) AS credit,
                    b.a['attributed_value'] AS attributed_value,
                    net_value(b.a['attributed_value'], o.refunded_value, b.a['units']) AS net_value,
                    o.currency = {currency} AS in_account_currency
             FROM brought b
             JOIN orders o ON o.order_id = b.a['order_id']
             JOIN live l ON l.conversation_id = b.a['unit']
             ORDER BY ordered_at, order_id, conversation_id",
            counts = rules.counts(OF_TOUCH),
            classes = rules.class_list(),
            model = quoted(rules.model),
            windows = quoted(&rules.windows),
            currency = quoted(&rules.currency),
        )
    }
}

/// Live conversations (SPEC C2).
const LIVE: &str =
    "SELECT conversation_id, profile_id, channel FROM conversations WHERE mode = 'live'";

/// What SPEC A2 asks of a row of `touch_events` (alias `t`).
const OF_TOUCH: &str = "t.kind, t.is_bot, t.is_machine_open, t.is_transactional";

async fn distinct_instants(context: &SessionContext, sql: &str) -> Result<Vec<i64>, EngineError> {
    let batches = context.sql(sql).await?.collect().await?;
    Ok(batches
        .iter()
        .flat_map(|batch| instants(batch, 0))
        .flatten()
        .collect())
}

fn keys_table(keys: &HashSet<&str>) -> Result<Arc<MemTable>, EngineError> {
    let schema = Arc::new(Schema::new(vec![Field::new("key", DataType::Utf8, false)]));
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(keys.iter()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column])?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}
