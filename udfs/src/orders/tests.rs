//! Tests of `order_fold`: a case per rule through SQL, and a comparison with a straightforward fold over random events.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, ListBuilder, StringBuilder, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::compute::concat;
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use proptest::prelude::*;
use rstest::rstest;

use super::order::Order;
use crate::grouped::Groups;
use crate::testing::{sql, sql_error, text_of};

const EVENTS: &str = "(VALUES
    ('part', 'order_placed', '2026-01-10T13:00:00Z', 'a', 'p1', NULL, '80.1', 'EUR', 's1,s2,s1'),
    ('part', 'order_refunded', '2026-01-11T09:00:00Z', 'b', NULL, NULL, '20.0001', NULL, NULL),
    ('part', 'order_refunded', '2026-01-12T09:00:00Z', 'c', NULL, NULL, '20.0001', NULL, NULL),
    ('over', 'order_placed', '2026-01-10T13:00:00Z', 'd', 'p1', 'c1', '80.1', NULL, NULL),
    ('over', 'order_refunded', '2026-01-11T09:00:00Z', 'e', NULL, NULL, '80.1', NULL, NULL),
    ('over', 'order_refunded', '2026-01-11T10:00:00Z', 'f', NULL, NULL, '0.0001', NULL, NULL),
    ('cancelled', 'order_placed', '2026-01-10T13:00:00Z', 'g', 'p1', NULL, '80.1', NULL, NULL),
    ('cancelled', 'order_refunded', '2026-01-11T09:00:00Z', 'h', NULL, NULL, '5', NULL, NULL),
    ('cancelled', 'order_cancelled', '2026-01-11T09:00:00Z', 'i', NULL, NULL, NULL, NULL, NULL),
    ('early', 'order_refunded', '2026-01-09T09:00:00Z', 'j', NULL, NULL, '7.7777', NULL, NULL),
    ('early', 'order_placed', '2026-01-10T13:00:00Z', 'k', NULL, NULL, '80.1', 'USD', NULL),
    ('unknown', 'order_refunded', '2026-01-10T13:00:00Z', 'l', NULL, NULL, '5', NULL, NULL),
    ('twice', 'order_placed', '2026-01-10T14:00:00Z', 'm', 'p2', NULL, '99', 'GBP', NULL),
    ('twice', 'order_placed', '2026-01-10T13:00:00Z', 'n', 'p1', NULL, '10', NULL, NULL),
    ('twice', 'order_refunded', '2026-01-11T09:00:00Z', 'o', NULL, NULL, '20', NULL, NULL),
    ('tie', 'order_placed', '2026-01-10T13:00:00Z', 'b', 'p2', NULL, '5', NULL, NULL),
    ('tie', 'order_placed', '2026-01-10T13:00:00Z', 'a', 'p1', NULL, '6', NULL, NULL),
    ('foreign', 'touch', '2026-01-10T13:00:00Z', 'q', 'p1', NULL, '6', NULL, NULL)
    ) AS e(order_id, type, at, event_id, profile_id, conversation_id, value, currency, product_ids)";

const FOLD: &str = "order_fold(type, at, event_id, profile_id, conversation_id, CAST(value AS DECIMAL(18,4)), currency, string_to_array(product_ids, ','))";

#[rstest]
#[case::a9_refunds(
    "part",
    "p1||80.1000|EUR|40.0002|false|2026-01-10T13:00:00Z|2026-01-12T09:00:00Z|3|[s1, s2, s1]"
)]
#[case::a9_at_most_the_value(
    "over",
    "p1|c1|80.1000||80.1000|false|2026-01-10T13:00:00Z|2026-01-11T10:00:00Z|3|"
)]
#[case::a9_cancelled(
    "cancelled",
    "p1||80.1000||80.1000|true|2026-01-10T13:00:00Z|2026-01-11T09:00:00Z|3|"
)]
#[case::a9_refunded_before(
    "early",
    "||80.1000|USD|7.7777|false|2026-01-09T09:00:00Z|2026-01-10T13:00:00Z|2|"
)]
#[case::a9_never_placed("unknown", "|||||false|2026-01-10T13:00:00Z|2026-01-10T13:00:00Z|1|")]
#[case::earliest_of_two(
    "twice",
    "p1||10.0000||10.0000|false|2026-01-10T13:00:00Z|2026-01-11T09:00:00Z|3|"
)]
#[case::e2_earliest_of_a_tie(
    "tie",
    "p1||6.0000||0.0000|false|2026-01-10T13:00:00Z|2026-01-10T13:00:00Z|2|"
)]
#[case::foreign("foreign", "|||||||||")]
#[tokio::test]
async fn an_order_is_folded_from_its_events(#[case] order: &str, #[case] expected: &str) {
    let fields = [
        "profile_id",
        "conversation_id",
        "value",
        "currency",
        "refunded_value",
        "cancelled",
        "first_event_at",
        "last_event_at",
        "events",
        "product_ids",
    ];
    let fields: Vec<_> = fields.iter().map(|field| format!("o['{field}']")).collect();
    for partitions in [1, 4] {
        let query = format!(
            "SELECT {} FROM (SELECT order_id, {FOLD} AS o FROM {EVENTS} GROUP BY order_id) WHERE order_id = '{order}'",
            fields.join(", ")
        );
        assert_eq!(text_of(&sql(&query, partitions).await), [expected]);
    }
}

#[tokio::test]
async fn without_group_by_all_events_are_one_order_or_null() {
    let query = format!("SELECT {FOLD}['events'] FROM {EVENTS}");
    assert_eq!(text_of(&sql(&query, 4).await), ["17"]);
    assert_eq!(
        text_of(&sql(&format!("{query} WHERE order_id = '?'"), 1).await),
        [""]
    );
}

#[tokio::test]
async fn e5_a_float_value_is_refused() {
    let error = sql_error(&format!(
        "SELECT {} FROM {EVENTS}",
        FOLD.replace("DECIMAL(18,4)", "DOUBLE")
    ))
    .await;
    assert!(
        error.contains("order_fold: value must be a decimal with at most 4 decimals"),
        "{error}"
    );
}

#[derive(Debug, Clone)]
struct Event {
    kind: &'static str,
    at: i64,
    id: String,
    profile: Option<&'static str>,
    value: Option<i128>,
    products: Option<Vec<&'static str>>,
    order: usize,
    part: usize,
}

/// A folded order: `ordered_at`, profile, value, refunded value, cancelled, first and last instant, number of events,
/// products.
type OrderRow = (
    Option<i64>,
    Option<String>,
    Option<i128>,
    Option<i128>,
    bool,
    i64,
    i64,
    i64,
    Option<Vec<String>>,
);

/// Folds the events of an order straight from the rules, over sorted events.
fn expected_row(events: &[Event], order: usize) -> Option<OrderRow> {
    let mut events: Vec<_> = events
        .iter()
        .filter(|e| e.order == order && e.kind != "touch")
        .collect();
    events.sort_by(|a, b| (a.at, a.id.as_bytes()).cmp(&(b.at, b.id.as_bytes())));
    let (first, last) = (events.first()?.at, events.last()?.at);
    let placed = events.iter().find(|e| e.kind == "order_placed");
    let value = placed.and_then(|e| e.value);
    let cancelled = events.iter().any(|e| e.kind == "order_cancelled");
    let refunds: i128 = events
        .iter()
        .filter(|e| e.kind == "order_refunded")
        .filter_map(|e| e.value)
        .sum();
    let products = placed.and_then(|e| e.products.as_ref());
    let products = products.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
    let refunded = value.map(|value| if cancelled { value } else { refunds.min(value) });
    let profile = placed.and_then(|e| e.profile).map(str::to_owned);
    Some((
        placed.map(|e| e.at),
        profile,
        value,
        refunded,
        cancelled,
        first,
        last,
        events.len() as i64,
        products,
    ))
}

/// Reads a row of `order_fold`'s results.
fn read(column: &ArrayRef, row: usize) -> Option<OrderRow> {
    let column = column.as_struct();
    if column.is_null(row) {
        return None;
    }
    let field = |name: &str| column.column_by_name(name).unwrap();
    let instant = |name: &str| {
        let column = field(name).as_primitive::<TimestampMicrosecondType>();
        column.is_valid(row).then(|| column.value(row))
    };
    let money = |name: &str| {
        let column = field(name).as_primitive::<Decimal128Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let profiles = field("profile_id").as_string_view();
    let products = field("product_ids").as_list::<i32>();
    let listed = || {
        let items = products.value(row);
        let items = items.as_string::<i32>().iter().flatten().map(str::to_owned);
        items.collect()
    };
    Some((
        instant("ordered_at"),
        profiles
            .is_valid(row)
            .then(|| profiles.value(row).to_owned()),
        money("value"),
        money("refunded_value"),
        field("cancelled").as_boolean().value(row),
        instant("first_event_at")?,
        instant("last_event_at")?,
        field("events").as_primitive::<Int64Type>().value(row),
        products.is_valid(row).then(listed),
    ))
}

fn arguments(events: &[Event]) -> Vec<ArrayRef> {
    let text = |value: fn(&Event) -> Option<&str>| -> ArrayRef {
        Arc::new(events.iter().map(value).collect::<StringViewArray>())
    };
    let mut products = ListBuilder::new(StringBuilder::new());
    for event in events {
        let ids = event.products.as_ref();
        products.append_option(ids.map(|ids| ids.iter().map(Some)));
    }
    let values: Decimal128Array = events.iter().map(|e| e.value).collect();
    vec![
        text(|e| Some(e.kind)),
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(events.iter().map(|e| e.at))
                .with_timezone("UTC"),
        ),
        text(|e| Some(&e.id)),
        text(|e| e.profile),
        text(|_| None),
        Arc::new(values.with_precision_and_scale(18, 4).unwrap()),
        text(|_| Some("USD")),
        Arc::new(products.finish()),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let kinds = vec![
        "order_placed",
        "order_placed",
        "order_refunded",
        "order_refunded",
        "order_cancelled",
        "touch",
    ];
    let event = (
        prop::sample::select(kinds),
        0..4_i64,
        0..3_usize,
        0..3_usize,
        prop::option::of(prop::sample::select(vec!["p1", "p2"])),
        prop::option::of(0..1_000_000_000_000_000_000_i128),
        prop::option::of(prop::collection::vec(
            prop::sample::select(vec!["a", "", "é"]),
            0..3,
        )),
    );
    prop::collection::vec(event, 0..40).prop_map(|events| {
        let events = events.into_iter().enumerate();
        events
            .map(
                |(i, (kind, at, order, part, profile, value, products))| Event {
                    kind,
                    at,
                    id: format!("{}", i * 37 % 41),
                    profile,
                    value,
                    products,
                    order,
                    part,
                },
            )
            .collect()
    })
}

proptest! {
    #[test]
    fn e2_batches_and_partial_states_do_not_matter(events in events(), first in 0..3_usize) {
        let mut last = Groups::<Order>::default();
        for part in 0..3 {
            let events: Vec<_> = events.iter().filter(|e| e.part == part).cloned().collect();
            let orders: Vec<_> = events.iter().map(|e| e.order).collect();
            let mut groups = Groups::<Order>::default();
            if part == 0 {
                let states = groups.convert_to_state(&arguments(&events), None).unwrap();
                last.merge_batch(&states, &orders, 3).unwrap();
            } else {
                groups.update_batch(&arguments(&events), &orders, None, 3).unwrap();
                let states = groups.state(EmitTo::All).unwrap();
                last.merge_batch(&states, &[0, 1, 2], 3).unwrap();
            }
        }
        let head = last.evaluate(EmitTo::First(first)).unwrap();
        let tail = last.evaluate(EmitTo::All).unwrap();
        let results = concat(&[&head, &tail]).unwrap();
        for order in 0..3 {
            prop_assert_eq!(read(&results, order), expected_row(&events, order));
        }
    }
}
