//! Statistics are known exactly after they were written to a log and read.

#![allow(clippy::unwrap_used)]

use arrow::array::{Date32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};

use super::*;
use crate::lake::table::instant;

fn batch(ids: &[&str], started: &[Option<i64>]) -> RecordBatch {
    let rows = ids.len();
    let days: Vec<Option<i32>> = started
        .iter()
        .map(|at| at.map(|at| at as i32 % 7))
        .collect();
    let columns: Vec<(Field, ArrayRef)> = vec![
        (
            Field::new("conversation_id", DataType::Utf8, true),
            Arc::new(StringArray::from(ids.to_vec())),
        ),
        (
            Field::new("started_at", instant(), true),
            Arc::new(TimestampMicrosecondArray::from(started.to_vec()).with_timezone("UTC")),
        ),
        (
            Field::new("started_on", DataType::Date32, true),
            Arc::new(Date32Array::from(days)),
        ),
        (
            Field::new("idle_at", instant(), true),
            Arc::new(TimestampMicrosecondArray::from(vec![None; rows]).with_timezone("UTC")),
        ),
        (
            Field::new("messages", DataType::Int64, true),
            Arc::new(Int64Array::from(vec![1; rows])),
        ),
    ];
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[test]
fn statistics_are_equal_after_writing_and_reading_the_log() {
    let table = TableId::Conversations;
    let batches = [
        batch(&["m", "ä"], &[None, Some(5)]),
        batch(&["", "k"], &[Some(-3), Some(9)]),
    ];
    let known = FileStatistics::of(table, &batches);
    assert_eq!(known.rows, 4);
    assert_eq!(known.text_range("conversation_id"), Some(("", "ä")));
    let instant = |micros| ScalarValue::TimestampMicrosecond(micros, Some(Arc::from("UTC")));
    assert_eq!(
        known.range("started_at"),
        Some((instant(Some(-3)), instant(Some(9))))
    );
    let day = |day| ScalarValue::Date32(Some(day));
    assert_eq!(known.range("started_on"), Some((day(-3), day(5))));
    assert_eq!(known.nulls("started_at"), Some(1));
    // `idle_at` has no values, and `messages` is no column with statistics.
    assert_eq!(known.range("idle_at"), Some((instant(None), instant(None))));
    assert_eq!(known.range("messages"), None);
    assert_eq!(FileStatistics::from_json(table, &known.to_json()), known);
}

#[test]
fn ranges_have_the_type_of_their_column() {
    let table = TableId::RejectedEvents;
    let text = r#"{"numRecords": 2, "minValues": {"source": "a", "line": -3},
                   "maxValues": {"source": "b", "line": 9}, "nullCount": {"source": 0, "line": 0}}"#;
    let known = FileStatistics::from_json(table, text);
    assert_eq!(known.text_range("source"), Some(("a", "b")));
    assert_eq!(known.number_range("line"), Some((-3, 9)));
    assert_eq!(known.number_range("source"), None);
    assert_eq!(known.number_range("landed_at"), None);
}

#[test]
fn statistics_that_another_writer_left_out_or_truncated_are_not_known() {
    let text = r#"{"numRecords": 2, "minValues": {"conversation_id": "a", "started_at": "2026"},
                   "maxValues": {"conversation_id": "b", "started_at": "2027"},
                   "nullCount": {"conversation_id": 0, "started_at": 0}}"#;
    let known = FileStatistics::from_json(TableId::Conversations, text);
    assert_eq!(known.rows, 2);
    assert_eq!(known.text_range("conversation_id"), Some(("a", "b")));
    assert_eq!(known.range("started_at"), None);
    assert_eq!(known.nulls("last_event_at"), None);
    let nothing = FileStatistics::from_json(TableId::Conversations, "{");
    assert_eq!(nothing, FileStatistics::default());
}
