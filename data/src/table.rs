//! The raw tables, in which checked events land, and their Arrow schemas.

use crate::event::{Channel, EventType, Field, Kind, Mode, Sender, TouchChannel, TouchKind};
use arrow::datatypes::{DataType, Field as ArrowField, FieldRef, Schema, SchemaRef, TimeUnit};
use std::fmt;
use std::sync::{Arc, LazyLock};

/// The tables of events as they landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RawTable {
    /// Events of conversations.
    ConversationEvents,
    /// Orders, refunds and cancellations.
    OrderEvents,
    /// Touches: messages delivered, opened or clicked.
    TouchEvents,
}

/// A column of a raw table: its field and the kind of its values.
pub(crate) type Column = (Field, Kind);

/// The time zone of every timestamp column (SPEC T1).
pub(crate) const UTC: &str = "UTC";
/// The type of money columns (SPEC E5).
pub(crate) const MONEY: DataType = DataType::Decimal128(18, 4);

const CONVERSATION_TYPES: &[&str] = split_types().0;
const ORDER_TYPES: &[&str] = split_types().1;

const fn split_types() -> (&'static [&'static str], &'static [&'static str]) {
    let (conversation, rest) = EventType::NAMES.split_at(EventType::OrderPlaced as usize);
    (
        conversation,
        rest.split_at(EventType::Touch as usize - EventType::OrderPlaced as usize)
            .0,
    )
}

const CONVERSATION_COLUMNS: &[Column] = &[
    (Field::EventId, Kind::Name),
    (Field::OccurredAt, Kind::Instant),
    (Field::Type, Kind::OneOf(CONVERSATION_TYPES)),
    (Field::ConversationId, Kind::Name),
    (Field::ProfileId, Kind::Name),
    (Field::Channel, Kind::OneOf(Channel::NAMES)),
    (Field::Mode, Kind::OneOf(Mode::NAMES)),
    (Field::Sender, Kind::OneOf(Sender::NAMES)),
    (Field::FirstMessage, Kind::Words),
    (Field::Text, Kind::Words),
    (Field::Procedure, Kind::Name),
    (Field::Tag, Kind::Name),
    (Field::Tags, Kind::TextList),
    (Field::ProductId, Kind::Name),
    (Field::ProductIds, Kind::TextList),
    (Field::Quantity, Kind::Whole),
    (Field::Url, Kind::Name),
    (Field::IsBot, Kind::Flag),
    (Field::Reason, Kind::Name),
    (Field::Category, Kind::Name),
    (Field::Rating, Kind::Rating),
    (Field::Comment, Kind::Words),
];

const ORDER_COLUMNS: &[Column] = &[
    (Field::EventId, Kind::Name),
    (Field::OccurredAt, Kind::Instant),
    (Field::Type, Kind::OneOf(ORDER_TYPES)),
    (Field::OrderId, Kind::Name),
    (Field::ProfileId, Kind::Name),
    (Field::ConversationId, Kind::Name),
    (Field::Value, Kind::Money),
    (Field::Currency, Kind::Currency),
    (Field::ProductIds, Kind::TextList),
];

const TOUCH_COLUMNS: &[Column] = &[
    (Field::EventId, Kind::Name),
    (Field::OccurredAt, Kind::Instant),
    (Field::ProfileId, Kind::Name),
    (Field::Channel, Kind::OneOf(TouchChannel::NAMES)),
    (Field::Kind, Kind::OneOf(TouchKind::NAMES)),
    (Field::MessageId, Kind::Name),
    (Field::ConversationId, Kind::Name),
    (Field::Source, Kind::Name),
    (Field::IsBot, Kind::Flag),
    (Field::IsMachineOpen, Kind::Flag),
    (Field::IsTransactional, Kind::Flag),
];

/// The column with the fields that the event type does not list, as one JSON object (SPEC E4).
const PROPERTIES: &str = "properties";

struct Schemas {
    file: SchemaRef,
    landing: SchemaRef,
}

static SCHEMAS: LazyLock<[Schemas; 3]> = LazyLock::new(|| RawTable::ALL.map(schemas));

fn schemas(table: RawTable) -> Schemas {
    let fields = table
        .columns()
        .iter()
        .map(|&(field, kind)| arrow_field(field, kind));
    let file: Vec<FieldRef> = fields
        .chain([Arc::new(ArrowField::new(PROPERTIES, DataType::Utf8, true))])
        .collect();
    let partition = [
        Arc::new(ArrowField::new(
            Field::AccountId.name(),
            DataType::Utf8,
            false,
        )),
        Arc::new(ArrowField::new("event_date", DataType::Date32, false)),
    ];
    let landing: Vec<FieldRef> = partition.into_iter().chain(file.iter().cloned()).collect();
    Schemas {
        file: Arc::new(Schema::new(file)),
        landing: Arc::new(Schema::new(landing)),
    }
}

/// Makes the Arrow field of a column. Only columns that every row fills are not nullable.
fn arrow_field(field: Field, kind: Kind) -> FieldRef {
    let nullable = !matches!(field, Field::EventId | Field::OccurredAt | Field::Type);
    Arc::new(ArrowField::new(field.name(), arrow_type(kind), nullable))
}

fn arrow_type(kind: Kind) -> DataType {
    match kind {
        Kind::Name | Kind::Words | Kind::Currency => DataType::Utf8,
        Kind::TextList => DataType::List(list_item()),
        Kind::OneOf(_) => DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)),
        Kind::Whole | Kind::Rating => DataType::Int64,
        Kind::Flag => DataType::Boolean,
        Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        Kind::Money => MONEY,
    }
}

/// Returns the element field of a list of strings.
pub(crate) fn list_item() -> FieldRef {
    Arc::new(ArrowField::new("item", DataType::Utf8, true))
}

impl RawTable {
    /// All raw tables.
    pub const ALL: [RawTable; 3] = [
        RawTable::ConversationEvents,
        RawTable::OrderEvents,
        RawTable::TouchEvents,
    ];

    /// Returns the table's name.
    pub const fn name(self) -> &'static str {
        match self {
            RawTable::ConversationEvents => "conversation_events",
            RawTable::OrderEvents => "order_events",
            RawTable::TouchEvents => "touch_events",
        }
    }

    /// Returns the schema of the table's files, which do not contain the partition columns.
    pub fn file_schema(self) -> SchemaRef {
        Arc::clone(&SCHEMAS[self as usize].file)
    }

    /// Returns the schema of rows to be landed: `account_id` and `event_date` (the UTC date of `occurred_at`), then the
    /// columns of [`RawTable::file_schema`].
    pub fn landing_schema(self) -> SchemaRef {
        Arc::clone(&SCHEMAS[self as usize].landing)
    }

    /// Returns the columns of fields, in the order of [`RawTable::file_schema`], which adds `properties` at the end.
    pub(crate) const fn columns(self) -> &'static [Column] {
        match self {
            RawTable::ConversationEvents => CONVERSATION_COLUMNS,
            RawTable::OrderEvents => ORDER_COLUMNS,
            RawTable::TouchEvents => TOUCH_COLUMNS,
        }
    }
}

impl fmt::Display for RawTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
