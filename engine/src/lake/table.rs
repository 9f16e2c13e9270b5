//! The tables of a lake: their names, schemas, partitioning and sort order.
//!
//! Two schemas belong to a table. The *file schema* is what its Parquet files hold. The *table schema* is what a query
//! reads: strings as views (DataFusion's fast form), and the partition columns, which stand in the path alone, appended
//! at the end.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use rapport_data::RawTable;

/// A table of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableId {
    /// Landed conversation events (SPEC 2).
    ConversationEvents,
    /// Landed order events (SPEC 2).
    OrderEvents,
    /// Landed touches (SPEC 2).
    TouchEvents,
    /// Lines that were refused, whole (SPEC E3).
    RejectedEvents,
    /// Every version of every account's settings (SPEC S1).
    Accounts,
    /// One row a conversation (SPEC 4), derived.
    Conversations,
    /// One row an order (SPEC A1, A9), derived.
    Orders,
    /// One row an attributed order and conversation (SPEC A8), derived.
    AttributedOrders,
    /// One row a day and channel (SPEC 6), derived.
    DailyMetrics,
    /// Keys whose events wait for a start (SPEC C1), derived.
    Orphans,
}

/// How a table is cut into partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitioning {
    /// Not at all.
    Unpartitioned,
    /// By a date column.
    Date(&'static str),
    /// By `account_id` alone.
    Account,
    /// By `account_id` and a date column.
    AccountAndDate(&'static str),
}

impl TableId {
    /// Every table.
    pub const ALL: [TableId; 10] = [
        TableId::ConversationEvents,
        TableId::OrderEvents,
        TableId::TouchEvents,
        TableId::RejectedEvents,
        TableId::Accounts,
        TableId::Conversations,
        TableId::Orders,
        TableId::AttributedOrders,
        TableId::DailyMetrics,
        TableId::Orphans,
    ];

    /// The tables that deriving writes.
    pub const DERIVED: [TableId; 5] = [
        TableId::Conversations,
        TableId::Orders,
        TableId::Orphans,
        TableId::AttributedOrders,
        TableId::DailyMetrics,
    ];

    /// The tables that deriving consumes; a derived table's commits record their versions under their names.
    pub const CONSUMED: [TableId; 4] = [
        TableId::ConversationEvents,
        TableId::OrderEvents,
        TableId::TouchEvents,
        TableId::Accounts,
    ];

    /// The table that holds a kind of raw events.
    pub fn of_raw(raw: RawTable) -> TableId {
        match raw {
            RawTable::ConversationEvents => TableId::ConversationEvents,
            RawTable::OrderEvents => TableId::OrderEvents,
            RawTable::TouchEvents => TableId::TouchEvents,
        }
    }

    /// Its name, which is also its folder in the lake.
    pub fn name(self) -> &'static str {
        match self {
            TableId::ConversationEvents => "conversation_events",
            TableId::OrderEvents => "order_events",
            TableId::TouchEvents => "touch_events",
            TableId::RejectedEvents => "rejected_events",
            TableId::Accounts => "accounts",
            TableId::Conversations => "conversations",
            TableId::Orders => "orders",
            TableId::AttributedOrders => "attributed_orders",
            TableId::DailyMetrics => "daily_metrics",
            TableId::Orphans => "orphans",
        }
    }

    /// How it is partitioned.
    pub fn partitioning(self) -> Partitioning {
        match self {
            TableId::ConversationEvents | TableId::OrderEvents | TableId::TouchEvents => {
                Partitioning::AccountAndDate("event_date")
            }
            TableId::RejectedEvents => Partitioning::Date("landed_date"),
            TableId::Accounts => Partitioning::Unpartitioned,
            TableId::Orphans => Partitioning::Account,
            TableId::Conversations
            | TableId::Orders
            | TableId::AttributedOrders
            | TableId::DailyMetrics => Partitioning::AccountAndDate("month"),
        }
    }

    /// The order of the rows inside each of its files.
    pub fn sort_columns(self) -> &'static [&'static str] {
        match self {
            TableId::ConversationEvents => &["conversation_id", "occurred_at", "event_id"],
            TableId::OrderEvents => &["order_id", "occurred_at", "event_id"],
            TableId::TouchEvents => &["profile_id", "occurred_at", "event_id"],
            TableId::RejectedEvents => &["landed_at", "source", "line"],
            TableId::Accounts => &["account_id", "changed_at"],
            TableId::Conversations => &["started_at", "conversation_id"],
            TableId::Orders => &["ordered_at", "order_id"],
            TableId::AttributedOrders => &["ordered_at", "order_id", "conversation_id"],
            TableId::DailyMetrics => &["date", "channel", "counted_before"],
            TableId::Orphans => &["kind", "key"],
        }
    }

    /// The columns whose exact least and greatest values each file's entry in the log carries: those that queries,
    /// landing and deriving choose files by.
    pub fn statistics_columns(self) -> &'static [&'static str] {
        match self {
            TableId::ConversationEvents => &["event_id", "occurred_at", "conversation_id"],
            TableId::OrderEvents => &["event_id", "occurred_at", "order_id"],
            TableId::TouchEvents => &["event_id", "occurred_at", "profile_id"],
            TableId::RejectedEvents => &["landed_at", "source", "line"],
            TableId::Accounts => &["account_id", "changed_at"],
            TableId::Conversations => &[
                "conversation_id",
                "started_at",
                "started_on",
                "first_event_at",
                "last_event_at",
                "last_updated",
                "idle_at",
            ],
            TableId::Orders => &[
                "order_id",
                "ordered_at",
                "ordered_on",
                "first_event_at",
                "last_event_at",
            ],
            TableId::AttributedOrders => &["order_id", "ordered_at", "ordered_on"],
            TableId::DailyMetrics => &["date"],
            TableId::Orphans => &["kind"],
        }
    }

    /// What its files hold.
    pub fn file_schema(self) -> SchemaRef {
        Arc::clone(&SCHEMAS[self as usize].0)
    }

    /// What a query reads: strings as views, the partition columns at the end.
    pub fn schema(self) -> SchemaRef {
        Arc::clone(&SCHEMAS[self as usize].1)
    }

    /// The partition columns, as a query reads them.
    pub fn partition_fields(self) -> Vec<FieldRef> {
        let account = || Arc::new(Field::new("account_id", DataType::Utf8View, false));
        let date = |name: &str| Arc::new(Field::new(name, DataType::Date32, false));
        match self.partitioning() {
            Partitioning::Unpartitioned => vec![],
            Partitioning::Date(name) => vec![date(name)],
            Partitioning::Account => vec![account()],
            Partitioning::AccountAndDate(name) => vec![account(), date(name)],
        }
    }
}

static SCHEMAS: LazyLock<Vec<(SchemaRef, SchemaRef)>> = LazyLock::new(|| {
    TableId::ALL
        .iter()
        .map(|id| {
            let file = Arc::new(file_schema(*id));
            let mut fields: Vec<FieldRef> = file.fields().iter().map(as_read).collect();
            fields.extend(id.partition_fields());
            (file, Arc::new(Schema::new(fields)))
        })
        .collect()
});

/// The type in which a written field is read.
fn as_read(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        // Every file brings a dictionary of its own; put together, they would outgrow the keys of one.
        DataType::Dictionary(_, value) if **value == DataType::Utf8 => DataType::Utf8View,
        DataType::List(item) => DataType::List(as_read(item)),
        other => other.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// An instant: UTC, microseconds (SPEC T1).
pub fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Money (SPEC E5).
pub fn money() -> DataType {
    DataType::Decimal128(18, 4)
}

/// A word of a small vocabulary.
pub fn word() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8))
}

/// A list of strings.
pub fn strings() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))
}

fn file_schema(id: TableId) -> Schema {
    let need = |name: &str, data_type: DataType| Field::new(name, data_type, false);
    let may = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    let text = || DataType::Utf8;
    match id {
        TableId::ConversationEvents => RawTable::ConversationEvents.file_schema().as_ref().clone(),
        TableId::OrderEvents => RawTable::OrderEvents.file_schema().as_ref().clone(),
        TableId::TouchEvents => RawTable::TouchEvents.file_schema().as_ref().clone(),
        TableId::RejectedEvents => Schema::new(vec![
            need("landed_at", instant()),
            need("source", text()),
            need("line", DataType::Int64),
            need("reason", text()),
            need("raw", text()),
            may("raw_bytes", DataType::Binary),
        ]),
        TableId::Accounts => Schema::new(vec![
            need("account_id", text()),
            need("changed_at", instant()),
            need("settings", text()),
        ]),
        TableId::Conversations => Schema::new(vec![
            need("conversation_id", text()),
            may("profile_id", text()),
            need("channel", word()),
            need("mode", word()),
            need("status", word()),
            may("first_question", text()),
            need("procedures", strings()),
            need("tags", strings()),
            need("messages", DataType::Int64),
            need("link_clicks", DataType::Int64),
            need("cart_adds", DataType::Int64),
            need("started_at", instant()),
            need("started_on", DataType::Date32),
            need("first_event_at", instant()),
            need("last_event_at", instant()),
            need("last_updated", instant()),
            may("idle_at", instant()),
            may("resolved_at", instant()),
            may("escalated_at", instant()),
            may("escalation_reason", text()),
            may("escalation_category", text()),
            may("escalation_procedure", text()),
            need("reopened", DataType::Boolean),
        ]),
        TableId::Orders => Schema::new(vec![
            need("order_id", text()),
            may("profile_id", text()),
            may("conversation_id", text()),
            need("ordered_at", instant()),
            need("ordered_on", DataType::Date32),
            need("value", money()),
            need("currency", text()),
            need("refunded_value", money()),
            need("cancelled", DataType::Boolean),
            need("first_event_at", instant()),
            need("last_event_at", instant()),
        ]),
        TableId::AttributedOrders => Schema::new(vec![
            need("order_id", text()),
            need("conversation_id", text()),
            need("channel", word()),
            may("profile_id", text()),
            need("ordered_at", instant()),
            need("ordered_on", DataType::Date32),
            need("value", money()),
            need("currency", text()),
            need("touch_class", text()),
            need("touched_at", instant()),
            need("seconds_to_order", DataType::Int64),
            need("units", DataType::Int32),
            need("credit", DataType::Float64),
            need("attributed_value", money()),
            need("net_value", money()),
            need("in_account_currency", DataType::Boolean),
        ]),
        TableId::DailyMetrics => Schema::new(vec![
            need("date", DataType::Date32),
            need("channel", word()),
            need("counted_before", strings()),
            need("conversations", DataType::Int64),
            need("resolved", DataType::Int64),
            need("routed", DataType::Int64),
            need("closed", DataType::Int64),
            need("open", DataType::Int64),
            need("link_clicks", DataType::Int64),
            need("cart_adds", DataType::Int64),
            need("credits", DataType::Decimal128(38, 24)),
            need("sales", DataType::Decimal128(28, 4)),
            need("other_currency_orders", DataType::Int64),
        ]),
        TableId::Orphans => Schema::new(vec![
            need("kind", text()),
            need("key", text()),
            need("first_at", instant()),
            need("last_at", instant()),
            need("events", DataType::Int64),
        ]),
    }
}
