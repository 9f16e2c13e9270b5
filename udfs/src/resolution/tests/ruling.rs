//! Tests of `conversation_ruling`: a case for each rule of SPEC C3, and a straightforward ruling to compare with.

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use rstest::rstest;

use super::super::conversation_ruling::RulingState;
use super::model::{Columns, Event, Shape, fold};
use super::rules::events;
use crate::grouped::SingleGroup;
use datafusion::logical_expr::Accumulator;

/// An event: its id and instant.
type Place = (String, i64);

/// A row of `conversation_ruling`'s results.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RulingRow {
    pub(super) rule: i64,
    pub(super) by: Option<Place>,
    pub(super) shopper: Option<Place>,
}

/// Returns the rule of SPEC C3 that gives the status of [`fold`], and the event that decided it.
pub(super) fn rule(events: &[Event]) -> Option<RulingRow> {
    let status = fold(events)?.status?;
    let place = |event: &Event| (event.at, event.id.clone());
    let by_human = |event: &Event| event.kind == "message_sent" && event.sender == Some("human");
    let latest = |kind: &str| {
        let of_kind = events.iter().filter(|event| event.kind == kind);
        of_kind.map(place).max()
    };
    let (rule, by) = match status.as_str() {
        "routed" => {
            let routes = |event: &&Event| event.kind == "conversation_escalated" || by_human(event);
            (1, events.iter().filter(routes).map(place).min())
        }
        "resolved" => (2, latest("conversation_resolved")),
        "closed" => (3, latest("conversation_closed")),
        _ => (5, None),
    };
    let wrote = |event: &&Event| event.kind == "message_sent" && event.sender == Some("shopper");
    let swap = |(at, id)| (id, at);
    Some(RulingRow {
        rule,
        by: by.map(swap),
        shopper: events.iter().filter(wrote).map(place).max().map(swap),
    })
}

/// Reads a row of `conversation_ruling`'s results.
pub(super) fn read(column: &ArrayRef, row: usize) -> Option<RulingRow> {
    let column: &StructArray = column.as_struct();
    if column.is_null(row) {
        return None;
    }
    let field = |name: &str| column.column_by_name(name).unwrap();
    let place = |id: &str, at: &str| {
        let (ids, at) = (field(id).as_string_view(), field(at));
        assert_eq!(ids.is_null(row), at.is_null(row));
        let at = at.as_primitive::<TimestampMicrosecondType>();
        let valid = ids.is_valid(row);
        valid.then(|| (ids.value(row).to_owned(), at.value(row)))
    };
    Some(RulingRow {
        rule: field("rule").as_primitive::<Int64Type>().value(row),
        by: place("event_id", "occurred_at"),
        shopper: place("shopper_event_id", "shopper_at"),
    })
}

#[rstest]
#[case::c3_1_escalated(&["start@0/a", "escalated@2/b", "resolved@3/c"], 1, Some("b"), None)]
#[case::c3_1_a_human_wrote(&["human@2/b", "resolved@3/c"], 1, Some("b"), None)]
#[case::c3_1_the_earliest(&["escalated@3/a", "human@2/c", "human@2/b"], 1, Some("b"), None)]
#[case::c3_2_resolved(&["shopper@1/a", "resolved@2/b"], 2, Some("b"), Some("a"))]
#[case::c3_2_the_latest(&["resolved@2/b", "resolved@4/c", "shopper@3/a"], 2, Some("c"), Some("a"))]
#[case::c3_2_before_a_later_close(&["resolved@2/b", "closed@4/c"], 2, Some("b"), None)]
#[case::c3_2_undone_by_the_shopper(&["resolved@2/b", "shopper@3/a"], 5, None, Some("a"))]
#[case::c3_2_a_tie_by_event_id(&["resolved@2/b", "shopper@2/a"], 2, Some("b"), Some("a"))]
#[case::c3_3_closed(&["shopper@1/a", "closed@2/b", "agent@3/c"], 3, Some("b"), Some("a"))]
#[case::c3_3_after_a_resolution_that_was_undone(&["resolved@1/a", "shopper@2/b", "closed@3/c"], 3, Some("c"), Some("b"))]
#[case::c3_5_open(&["start@0/a", "agent@1/b"], 5, None, None)]
fn c3_the_ruling_names_the_rule_and_its_event(
    #[case] texts: &[&'static str],
    #[case] number: i64,
    #[case] by: Option<&str>,
    #[case] shopper: Option<&str>,
) {
    let events = events(texts);
    let mut ruling = SingleGroup::<RulingState>::default();
    let columns = Columns {
        events: &events,
        shape: Shape::Utf8,
    };
    ruling.update_batch(&columns.status()).unwrap();
    let answer = ruling.evaluate().unwrap().to_array().unwrap();
    let ruled = read(&answer, 0).unwrap();
    assert_eq!(Some(&ruled), rule(&events).as_ref());
    assert_eq!(ruled.rule, number);
    assert_eq!(ruled.by.as_ref().map(|(id, _)| id.as_str()), by);
    assert_eq!(ruled.shopper.as_ref().map(|(id, _)| id.as_str()), shopper);
}
