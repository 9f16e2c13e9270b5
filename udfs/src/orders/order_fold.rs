//! `order_fold(type, occurred_at, event_id, …)`: folds the events of an order into one struct (SPEC A9).

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, BooleanBuilder, Decimal128Builder, Int64Builder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;

use super::order::Order;
use crate::columns::{Kind, Parameter, instant_type};
use crate::grouped::{Pool, SECTION, TextBuilder, TextListBuilder, append_count, instant_builder};

/// The parameters, named like the fields of an event.
pub(super) const PARAMETERS: [Parameter; 8] = [
    Parameter::new("type", Kind::Text),
    Parameter::new("occurred_at", Kind::Instant),
    Parameter::new("event_id", Kind::Text),
    Parameter::new("profile_id", Kind::Text),
    Parameter::new("conversation_id", Kind::Text),
    Parameter::new("value", Kind::Money),
    Parameter::new("currency", Kind::Text),
    Parameter::new("product_ids", Kind::Texts),
];

pub(super) static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "An order from its events, as a struct: `ordered_at`, `profile_id`, `conversation_id`, `value`, `currency` and \
         `product_ids` of its earliest `order_placed` (null where none was given), `refunded_value` (the sum of its refunds, at most the \
         value; the whole value where it was cancelled), `cancelled`, and how many `events` there were from \
         `first_event_at` to `last_event_at`. The order of the events does not matter; events of other types are left out, \
         and null is returned where there are no others.",
        "order_fold(type, occurred_at, event_id, profile_id, conversation_id, value, currency, product_ids)",
    )
    .with_sql_example(
        "```sql\n> SELECT order_id, o['value'] AS value, o['refunded_value'] AS refunded FROM (\n    \
         SELECT order_id, order_fold(type, occurred_at, event_id, profile_id, conversation_id, value, currency, product_ids) AS o\n    \
         FROM raw.order_events GROUP BY account_id, order_id);\n\
         +----------+---------+----------+\n| order_id | value   | refunded |\n+----------+---------+----------+\n\
         | o1       | 80.1000 | 7.7777   |\n+----------+---------+----------+\n```",
    )
    .with_argument("type", "The event's type: `order_placed`, `order_refunded` or `order_cancelled`.")
    .with_argument("occurred_at", "The event's instant.")
    .with_argument("event_id", "The event's id, which orders events of one instant bytewise.")
    .with_argument("profile_id", "The shopper's profile, of `order_placed`.")
    .with_argument("conversation_id", "The conversation that it names, of `order_placed`.")
    .with_argument("value", "The value, of `order_placed` and `order_refunded`: DECIMAL(18,4).")
    .with_argument("currency", "The currency, of `order_placed`.")
    .with_argument("product_ids", "The list of products, of `order_placed`.")
    .build()
});

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    [
        ("ordered_at", instant_type()),
        ("profile_id", DataType::Utf8View),
        ("conversation_id", DataType::Utf8View),
        ("value", DataType::Decimal128(18, 4)),
        ("currency", DataType::Utf8View),
        ("refunded_value", DataType::Decimal128(18, 4)),
        ("cancelled", DataType::Boolean),
        ("first_event_at", instant_type()),
        ("last_event_at", instant_type()),
        ("events", DataType::Int64),
        ("product_ids", DataType::new_list(DataType::Utf8, true)),
    ]
    .into_iter()
    .map(|(name, data_type)| Field::new(name, data_type, true))
    .collect()
});

/// Returns the type of the struct that the function returns.
pub(super) fn result_type() -> DataType {
    DataType::Struct(FIELDS.clone())
}

/// Builds the result column, one struct per group.
pub(super) fn results(groups: &[Order], pool: &Pool) -> Result<ArrayRef> {
    let rows = groups.len();
    let [mut ordered, mut first, mut last] = std::array::from_fn(|_| instant_builder(rows));
    let [mut profiles, mut conversations, mut currencies] =
        std::array::from_fn(|_| TextBuilder::new(rows));
    let [mut values, mut refunded] = std::array::from_fn(|_| {
        Decimal128Builder::with_capacity(rows).with_data_type(DataType::Decimal128(18, 4))
    });
    let mut cancelled = BooleanBuilder::with_capacity(rows);
    let mut products = TextListBuilder::new("product_ids", rows);
    let mut events = Int64Builder::with_capacity(rows);
    for group in groups {
        let seen = group.events > 0;
        let [profile, conversation, currency] = pool.fields(group.placed_fields)?;
        ordered.append_option(group.placed.at());
        profiles.push(profile)?;
        conversations.push(conversation)?;
        currencies.push(currency)?;
        values.append_option(group.value);
        refunded.append_option(group.refunded());
        cancelled.append_option(seen.then_some(group.cancelled));
        first.append_option(seen.then_some(group.first_at));
        last.append_option(seen.then_some(group.last_at));
        append_count(&mut events, seen, group.events);
        products.push(group.products.is_some(), &pool.list(group.products)?)?;
    }
    let seen = NullBuffer::from_iter(groups.iter().map(|group| group.events > 0));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ordered.finish()),
        profiles.finish(),
        conversations.finish(),
        Arc::new(values.finish()),
        currencies.finish(),
        Arc::new(refunded.finish()),
        Arc::new(cancelled.finish()),
        Arc::new(first.finish()),
        Arc::new(last.finish()),
        Arc::new(events.finish()),
        products.finish()?,
    ];
    Ok(Arc::new(StructArray::try_new(
        FIELDS.clone(),
        columns,
        Some(seen).filter(|seen| seen.null_count() > 0),
    )?))
}
