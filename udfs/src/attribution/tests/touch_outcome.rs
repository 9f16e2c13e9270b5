//! `touch_outcome` in SQL: partitions, excluded touches, and wrong arguments.

use rstest::rstest;

use crate::testing::{sql, sql_error, text_of};

/// Two orders with their touches, unsorted.
const TOUCHES: &str = "(VALUES
    ('o1', TIMESTAMP '2026-01-10T18:00:00Z', 100, TIMESTAMP '2026-01-10T12:00:00Z', 'a', 'sms_clicked', 's1', true, NULL),
    ('o2', TIMESTAMP '2026-01-11T18:00:00Z', 51, TIMESTAMP '2026-01-11T17:00:00Z', 'b', 'web_chat', 'w1', NULL, NULL),
    ('o1', TIMESTAMP '2026-01-10T18:00:00Z', 100, TIMESTAMP '2026-01-10T13:00:00Z', 'c', 'sms_clicked', 's2', true, 'bot'),
    ('o1', TIMESTAMP '2026-01-10T18:00:00Z', 100, TIMESTAMP '2026-01-10T11:00:00Z', 'd', 'email_opened', 'm1', false, NULL),
    ('o2', TIMESTAMP '2026-01-11T18:00:00Z', 51, TIMESTAMP '2026-01-11T17:30:00Z', 'e', NULL, 'w1', true, NULL),
    ('o2', TIMESTAMP '2026-01-11T18:00:00Z', 51, TIMESTAMP '2026-01-11T17:30:00Z', 'f', 'email_delivered', 'm2', false,
     'transactional'))
    AS touches(order_id, ordered_at, value, occurred_at, event_id, touch_class, unit, is_agent, left_out)";

#[rstest]
#[case::last_touch("last_touch", &[
    "a|won|latest|432000|1|100.0000", "b|won|latest|86400|1|51.0000", "c|left_out|bot|432000||",
    "d|lost|earlier|86400||", "e|||||", "f|left_out|transactional|||"])]
#[case::linear("linear", &[
    "a|won|shares|432000|2|50.0000", "b|won|latest|86400|1|51.0000", "c|left_out|bot|432000||",
    "d|lost|marketing|86400|2|50.0000", "e|||||", "f|left_out|transactional|||"])]
#[tokio::test]
async fn over_partitions(#[case] model: &str, #[case] expected: &[&str]) {
    let query = format!(
        "SELECT event_id, t['outcome'], t['reason'], t['window_seconds'], t['units'], t['attributed_value'] FROM (
           SELECT event_id, touch_outcome('{model}', 'sms_clicked=5 days,email_opened=1 day', ordered_at, value, occurred_at,
                  event_id, touch_class, unit, is_agent, left_out) OVER (PARTITION BY order_id) AS t FROM {TOUCHES})
         ORDER BY event_id"
    );
    for partitions in [1, 4] {
        assert_eq!(text_of(&sql(&query, partitions).await), expected);
    }
}

#[rstest]
#[case::other_orders(
    "'last_touch', '', ordered_at, value, occurred_at, event_id, touch_class, unit, is_agent, left_out",
    "",
    "a partition is one order"
)]
#[case::unknown_model(
    "'first', '', ordered_at, value, occurred_at, event_id, touch_class, unit, is_agent, left_out",
    "PARTITION BY order_id",
    "touch_outcome: attribution model 'first' is unknown"
)]
#[case::bad_windows(
    "'linear', 'sms', ordered_at, value, occurred_at, event_id, touch_class, unit, is_agent, left_out",
    "PARTITION BY order_id",
    "touch_outcome: attribution windows 'sms'"
)]
#[case::unknown_reason(
    "'linear', '', ordered_at, value, occurred_at, event_id, touch_class, unit, is_agent, 'no_window'",
    "PARTITION BY order_id",
    "touch_outcome: reason 'no_window' is unknown; expected 'bot'"
)]
#[case::no_instant(
    "'linear', '', NULL, value, occurred_at, event_id, touch_class, unit, is_agent, left_out",
    "PARTITION BY order_id",
    "ordered_at is null; an order needs"
)]
#[case::no_unit(
    "'linear', '', ordered_at, value, occurred_at, event_id, touch_class, NULL, is_agent, left_out",
    "PARTITION BY order_id",
    "unit is null in touch '"
)]
#[case::of_nobody(
    "'linear', '', ordered_at, value, occurred_at, event_id, touch_class, unit, NULL, left_out",
    "PARTITION BY order_id",
    "is_agent is null in touch '"
)]
#[case::a_float(
    "'linear', '', ordered_at, 1.5e0, occurred_at, event_id, touch_class, unit, true, left_out",
    "PARTITION BY order_id",
    "touch_outcome: value must be a decimal"
)]
#[tokio::test]
async fn errors(#[case] arguments: &str, #[case] partition: &str, #[case] expected: &str) {
    let query = format!("SELECT touch_outcome({arguments}) OVER ({partition}) FROM {TOUCHES}");
    let error = sql_error(&query).await;
    assert!(error.contains(expected), "{error}");
}
