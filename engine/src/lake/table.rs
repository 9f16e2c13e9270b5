//! The tables of a lake: their names, schemas, partitioning and sort order.
//!
//! A table has two schemas. The *file schema* lists the columns of its Parquet files. The *table schema* is what a query
//! reads: strings as views (DataFusion's fast form), and at the end the partition columns, which only the path holds.

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
    /// Rejected lines, whole, with the reason (SPEC E3).
    RejectedEvents,
    /// Every version of every account's settings (SPEC S1).
    Accounts,
    /// One row per conversation (SPEC 4), derived.
    Conversations,
    /// One row per order (SPEC A1, A9), derived.
    Orders,
    /// One row per attributed order and conversation (SPEC A8), derived.
    AttributedOrders,
    /// One row per day and channel (SPEC 6), derived.
    DailyMetrics,
    /// One row per conversation or order that has events and no start yet (SPEC C1), derived.
    Orphans,
}

/// The partition columns of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitioning {
    /// None.
    Unpartitioned,
    /// A date column.
    Date(&'static str),
    /// `account_id`.
    Account,
    /// `account_id` and a date column.
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

    /// The tables that deriving writes, each after those that it rests on.
    pub const DERIVED: [TableId; 5] = [
        TableId::Conversations,
        TableId::Orders,
        TableId::Orphans,
        TableId::AttributedOrders,
        TableId::DailyMetrics,
    ];

    /// The tables that deriving reads. A derived table's commits record the version consumed of each, under its name.
    pub const CONSUMED: [TableId; 4] = [
        TableId::ConversationEvents,
        TableId::OrderEvents,
        TableId::TouchEvents,
        TableId::Accounts,
    ];

    /// Returns the lake's table for a raw table of the event contract.
    pub fn of_raw(raw: RawTable) -> TableId {
        match raw {
            RawTable::ConversationEvents => TableId::ConversationEvents,
            RawTable::OrderEvents => TableId::OrderEvents,
            RawTable::TouchEvents => TableId::TouchEvents,
        }
    }

    /// Returns the table's name, which is also its folder in the lake.
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

    /// Returns the table's partition columns.
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

    /// Returns the columns by which the rows of each file are sorted.
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

    /// Returns the columns whose exact minimum and maximum the log records for each file. Queries, landing and deriving
    /// choose files by them.
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

    /// Returns the schema of the table's Parquet files.
    pub fn file_schema(self) -> SchemaRef {
        Arc::clone(&SCHEMAS[self as usize].0)
    }

    /// Returns the schema that a query reads: strings as views, the partition columns at the end.
    pub fn schema(self) -> SchemaRef {
        Arc::clone(&SCHEMAS[self as usize].1)
    }

    /// Returns the fields of the partition columns, as a query reads them.
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
            let mut fields: Vec<FieldRef> = file.fields().iter().map(query_field).collect();
            fields.extend(id.partition_fields());
            (file, Arc::new(Schema::new(fields)))
        })
        .collect()
});

/// Returns a file's field with the type in which a query reads it.
fn query_field(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        // Each file has a dictionary of its own; merged, they would outgrow the key type of one.
        DataType::Dictionary(_, value) if **value == DataType::Utf8 => DataType::Utf8View,
        DataType::List(item) => DataType::List(query_field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(query_field).collect()),
        other => other.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// Returns the type of an instant: UTC, in microseconds (SPEC T1).
pub fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Returns the type of an amount of money (SPEC E5).
pub fn money() -> DataType {
    DataType::Decimal128(18, 4)
}

/// Returns the type of a string column with few distinct values.
pub fn word() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8))
}

/// Returns the type of a list of strings.
pub fn strings() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))
}

/// Returns the type of a list of counts: in each item a text of the name `of`, and numbers of the other names.
fn counts_by(of: &str, numbers: &[&str]) -> DataType {
    let numbers = numbers
        .iter()
        .map(|number| Field::new(*number, DataType::Int64, true));
    let fields = std::iter::once(Field::new(of, DataType::Utf8, true)).chain(numbers);
    let item = DataType::Struct(fields.collect());
    DataType::List(Arc::new(Field::new("item", item, true)))
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
            may("rating", DataType::Int64),
            may("rated_at", instant()),
            may("human_replied_at", instant()),
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
            may("product_ids", strings()),
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
            may(
                "procedures",
                counts_by("procedure", &["conversations", "resolved", "escalated"]),
            ),
            may("tags", counts_by("tag", &["conversations"])),
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
