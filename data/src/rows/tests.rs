//! Tests of sparse columns.

use super::*;
use crate::event::EventType;
use arrow::array::{Array, AsArray};
use std::borrow::Cow;

fn push(rows: &mut Rows, id: &str, cells: &[(Field, Cell<'_>)], properties: Option<&str>) {
    let event = Checked {
        kind: EventType::AddedToCart,
        account: Cow::Borrowed("acme"),
        event_id: Cow::Borrowed(id),
        occurred_at: instant::EARLIEST,
    };
    rows.push(&event, cells, properties);
}

#[test]
fn rows_without_a_value_are_null_before_between_and_after() {
    let mut rows = Rows::default();
    push(&mut rows, "a", &[], None);
    push(&mut rows, "b", &[(Field::Quantity, Cell::Whole(2))], None);
    push(&mut rows, "c", &[], Some("{\"x\":1}"));
    push(&mut rows, "d", &[(Field::Quantity, Cell::Whole(3))], None);
    push(&mut rows, "e", &[], None);
    let parsed = rows.finish();
    assert!(parsed.table(RawTable::OrderEvents).is_none());
    let batch = parsed.table(RawTable::ConversationEvents).unwrap();
    assert_eq!(
        batch.schema(),
        RawTable::ConversationEvents.landing_schema()
    );
    assert_eq!(batch.num_rows(), 5);
    let quantities = batch["quantity"].as_primitive::<arrow::datatypes::Int64Type>();
    assert_eq!(
        quantities.iter().collect::<Vec<_>>(),
        [None, Some(2), None, Some(3), None]
    );
    let properties = batch["properties"].as_string::<i32>();
    assert_eq!(
        properties.iter().collect::<Vec<_>>(),
        [None, None, Some("{\"x\":1}"), None, None]
    );
    assert_eq!(batch["url"].null_count(), 5);
    assert_eq!(
        batch["event_date"]
            .as_primitive::<arrow::datatypes::Date32Type>()
            .value(0),
        10_957
    );
}

#[test]
fn no_rows_give_no_batches() {
    assert_eq!(Rows::default().finish().accepted(), 0);
    assert!(Rows::default().finish().tables.iter().all(Option::is_none));
}
