//! Tests of the rows, line numbers and properties of lines. `reasons` tests why lines are rejected.

mod reasons;

use super::*;
use crate::table::RawTable;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Decimal128Type, Int8Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use reasons::reason;
use rstest::rstest;

fn now() -> DateTime<Utc> {
    "2026-02-01T12:00:00Z".parse().unwrap()
}

fn parsed(lines: &[u8]) -> Parsed {
    parse_ndjson(lines, 1, now())
}

/// Builds a valid event of a type from the fields of that type.
fn event(kind: &str, fields: &str) -> String {
    let common = r#""event_id": "e1", "account_id": "acme", "occurred_at": "2026-01-10T12:00:00Z""#;
    format!(r#"{{{common}, "type": "{kind}", {fields}}}"#)
}

fn row(table: RawTable, line: &str) -> RecordBatch {
    let parsed = parsed(line.as_bytes());
    assert_eq!(parsed.rejected, []);
    let batch = parsed.table(table).unwrap().clone();
    assert_eq!((batch.num_rows(), parsed.accepted()), (1, 1));
    batch
}

fn text<'a>(batch: &'a RecordBatch, column: &str) -> Option<&'a str> {
    batch[column].as_string::<i32>().iter().next().unwrap()
}

fn code<'a>(batch: &'a RecordBatch, column: &str) -> Option<&'a str> {
    batch[column]
        .as_dictionary::<Int8Type>()
        .downcast_dict::<arrow::array::StringArray>()
        .unwrap()
        .into_iter()
        .next()?
}

#[rstest]
#[case::longest(MAX_LINE_BYTES, "\n", true)]
#[case::longest_with_two_bytes_of_newline(MAX_LINE_BYTES, "\r\n", true)]
#[case::longest_without_newline(MAX_LINE_BYTES, "", true)]
#[case::one_byte_more(MAX_LINE_BYTES + 1, "\n", false)]
fn lines_of_a_mebibyte(#[case] bytes: usize, #[case] newline: &str, #[case] accepted: bool) {
    let bare = event(
        "message_sent",
        r#""conversation_id": "c", "sender": "agent", "text": "-""#,
    );
    let text = format!("\"{}\"", "x".repeat(bytes - bare.len() + 1));
    let mut line = bare.replace("\"-\"", &text);
    assert_eq!(line.len(), bytes);
    line.push_str(newline);
    let parsed = parsed(line.as_bytes());
    assert_eq!(parsed.accepted(), usize::from(accepted));
    if !accepted {
        assert_eq!(
            parsed.rejected[0].reason,
            "line_too_long: 1048577 bytes without the newline; at most 1048576 (1 MiB)"
        );
        assert_eq!(parsed.rejected[0].raw.len(), bytes);
    }
}

#[test]
fn lines_are_numbered_from_the_first_and_blank_ones_count() {
    let good = event("order_cancelled", r#""order_id": "o""#);
    let text = format!("bad\n\n \t\r\n{good}\r\nworse\r\n{good}");
    let parsed = parse_ndjson(text.as_bytes(), 41, now());
    let rejected: Vec<_> = parsed
        .rejected
        .iter()
        .map(|one| (one.line, one.raw.as_slice()))
        .collect();
    assert_eq!(rejected, [(41, b"bad".as_slice()), (45, b"worse\r")]);
    assert_eq!((parsed.accepted(), parsed.lines), (2, 6));
}

#[test]
fn a_sender_of_one_account_writes_no_other() {
    let own = event("order_cancelled", r#""order_id": "o""#);
    let other = own.replace("acme", "Acme");
    let broken = other.replace("order_cancelled", "order_lost");
    let text = format!("{own}\n{other}\n{broken}\n{own}");
    let parsed = parse_ndjson_of(Some("acme"), text.as_bytes(), 1, now());
    let reasons: Vec<_> = parsed
        .rejected
        .iter()
        .map(|r| (r.line, r.reason.as_str()))
        .collect();
    assert_eq!(parsed.accepted(), 2);
    assert_eq!(
        reasons[0],
        (
            2,
            "other_account: account_id \"Acme\" is not that of the sender"
        )
    );
    assert!(matches!(reasons[1], (3, reason) if reason.starts_with("unknown_type: ")));
    assert_eq!(
        parse_ndjson_of(None, text.as_bytes(), 1, now()).accepted(),
        3
    );
}

#[rstest]
#[case(b"", 0)]
#[case(b"\n", 1)]
#[case(b"\n\n", 2)]
#[case(b" ", 1)]
fn blank_input(#[case] text: &[u8], #[case] lines: u64) {
    let parsed = parsed(text);
    assert_eq!(
        (parsed.lines, parsed.rejected.len(), parsed.accepted()),
        (lines, 0, 0)
    );
}

#[test]
fn a_line_that_is_not_utf8_is_rejected_alone() {
    let good = event(
        "message_sent",
        r#""conversation_id": "c", "sender": "agent", "text": "ça va""#,
    );
    let bad = good.replace('ç', "\u{fffd}").into_bytes();
    let at = bad
        .windows(3)
        .position(|window| window == "\u{fffd}".as_bytes())
        .unwrap();
    let bad: Vec<u8> = [&bad[..at], b"\xe7", &bad[at + 3..]].concat();
    let text = [
        good.as_bytes(),
        b"\n",
        &bad,
        b"\n\xff\n",
        good.as_bytes(),
        b"\n",
    ]
    .concat();
    let parsed = parsed(&text);
    assert_eq!((parsed.accepted(), parsed.lines), (2, 4));
    let rejected: Vec<_> = parsed
        .rejected
        .iter()
        .map(|one| (one.line, one.raw.as_slice()))
        .collect();
    assert_eq!(rejected, [(2, bad.as_slice()), (3, b"\xff".as_slice())]);
    assert_eq!(
        parsed.rejected[0].reason,
        format!("not_json: not UTF-8 at byte {}", at + 1)
    );
}

#[test]
fn an_order_in_full() {
    let line = event(
        "order_placed",
        r#""order_id": "o\u0031", "value": 90071992547409.9301, "currency": "CHF", "profile_id": "p1", "conversation_id": null"#,
    );
    let batch = row(RawTable::OrderEvents, &line);
    assert_eq!(batch.schema(), RawTable::OrderEvents.landing_schema());
    assert_eq!(text(&batch, "account_id"), Some("acme"));
    assert_eq!(
        batch["event_date"].as_primitive::<Date32Type>().value(0),
        20_463
    );
    assert_eq!(text(&batch, "event_id"), Some("e1"));
    assert_eq!(
        batch["occurred_at"]
            .as_primitive::<TimestampMicrosecondType>()
            .value(0),
        1_768_046_400_000_000
    );
    assert_eq!(code(&batch, "type"), Some("order_placed"));
    assert_eq!(text(&batch, "order_id"), Some("o1"));
    assert_eq!(
        batch["value"].as_primitive::<Decimal128Type>().value(0),
        900_719_925_474_099_301
    );
    assert_eq!(text(&batch, "currency"), Some("CHF"));
    assert_eq!(text(&batch, "profile_id"), Some("p1"));
    assert_eq!(text(&batch, "conversation_id"), None);
    assert_eq!(text(&batch, "properties"), None);
}

#[test]
fn lists_flags_and_numbers() {
    let batch = row(
        RawTable::ConversationEvents,
        &event(
            "conversation_escalated",
            r#""conversation_id": "c", "tags": ["b", "", "a\t"], "reason": "late""#,
        ),
    );
    let tags = batch["tags"].as_list::<i32>().value(0);
    assert_eq!(
        tags.as_string::<i32>().iter().collect::<Vec<_>>(),
        [Some("b"), Some(""), Some("a\t")]
    );
    assert_eq!(text(&batch, "reason"), Some("late"));
    let batch = row(
        RawTable::ConversationEvents,
        &event("added_to_cart", r#""conversation_id": "c", "quantity": 0"#),
    );
    assert_eq!(batch["quantity"].as_primitive::<Int64Type>().value(0), 0);
    let batch = row(
        RawTable::TouchEvents,
        &event(
            "touch",
            r#""profile_id": "p", "channel": "push", "kind": "opened", "message_id": "m", "is_bot": false"#,
        ),
    );
    assert_eq!(
        (code(&batch, "channel"), code(&batch, "kind")),
        (Some("push"), Some("opened"))
    );
    assert!(!batch["is_bot"].as_boolean().value(0) && batch["is_bot"].is_valid(0));
    assert!(batch["is_machine_open"].is_null(0));
}

/// SPEC E7: shoppers without an id are not one shopper.
#[rstest]
#[case("conversation_started", r#""channel": "sms""#, "profile_id", None)]
#[case(
    "conversation_started",
    r#""channel": "sms""#,
    "first_message",
    Some("")
)]
#[case("message_sent", r#""sender": "agent""#, "text", Some(""))]
#[case("link_clicked", r#""is_bot": true"#, "url", None)]
#[case("added_to_cart", r#""quantity": 1"#, "product_id", None)]
#[case("conversation_resolved", r#""tags": []"#, "procedure", None)]
#[case("conversation_escalated", r#""tags": []"#, "reason", None)]
#[case("conversation_escalated", r#""tags": []"#, "category", None)]
#[case("conversation_escalated", r#""tags": []"#, "procedure", None)]
#[case("conversation_closed", r#""note": 1"#, "reason", None)]
fn empty_names_are_missing_and_empty_words_are_not(
    #[case] kind: &str,
    #[case] others: &str,
    #[case] field: &str,
    #[case] expected: Option<&str>,
) {
    let line = event(
        kind,
        &format!(r#""conversation_id": "c", {others}, "{field}": """#),
    );
    let batch = row(RawTable::ConversationEvents, &line);
    assert_eq!(text(&batch, field), expected);
}

/// SPEC E7 holds for orders and touches too.
#[test]
fn empty_ids_of_orders_and_touches_are_missing() {
    let order = r#""order_id": "o", "value": 1, "profile_id": "", "conversation_id": """#;
    let batch = row(RawTable::OrderEvents, &event("order_placed", order));
    let touch = r#""profile_id": "p", "channel": "sms", "kind": "opened", "message_id": "m", "conversation_id": "", "source": """#;
    let touched = row(RawTable::TouchEvents, &event("touch", touch));
    for (batch, field) in [
        (&batch, "profile_id"),
        (&batch, "conversation_id"),
        (&touched, "conversation_id"),
        (&touched, "source"),
    ] {
        assert_eq!(text(batch, field), None, "{field}");
    }
}

/// SPEC E7: messages are kept, with U+0000 replaced.
#[rstest]
#[case(
    "conversation_started",
    r#""channel": "sms", "first_message""#,
    "first_message"
)]
#[case("message_sent", r#""sender": "agent", "text""#, "text")]
fn words_have_a_replacement_for_nul(#[case] kind: &str, #[case] begin: &str, #[case] field: &str) {
    let line = event(
        kind,
        &format!(r#""conversation_id": "c", {begin}: "\u0000so \u0000\u00e9""#),
    );
    let batch = row(RawTable::ConversationEvents, &line);
    assert_eq!(text(&batch, field), Some("\u{fffd}so \u{fffd}é"));
}

#[rstest]
#[case::now_and_a_day("2026-02-02T12:00:00.0000009Z")]
#[case::first_instant("2000-01-01T00:00:00Z")]
#[case::first_instant_elsewhere("1999-12-31T19:00:00-05:00")]
fn instants_at_the_edges_are_accepted(#[case] instant: &str) {
    let line =
        event("order_cancelled", r#""order_id": "o""#).replace("2026-01-10T12:00:00Z", instant);
    row(RawTable::OrderEvents, &line);
}

#[test]
fn event_ids_are_counted_in_characters() {
    let line = event("order_cancelled", r#""order_id": "o""#).replace("e1", &"é".repeat(128));
    row(RawTable::OrderEvents, &line);
}

/// SPEC E4: other fields go to `properties`; where a key repeats, the last value counts.
#[rstest]
#[case::none(r#""tag": "t""#, None)]
#[case::verbatim_in_order(
    r#""z": {"b" : [1, 2.50]}, "tag": "t", "a":null, "k\u00e9y": "\u00e9""#,
    Some(r#"{"z":{"b" : [1, 2.50]},"a":null,"k\u00e9y":"\u00e9"}"#)
)]
#[case::fields_of_other_types(
    r#""tag": "t", "sender": "agent", "value": "x""#,
    Some(r#"{"sender":"agent","value":"x"}"#)
)]
#[case::properties_is_a_field_like_others(
    r#""tag": "t", "properties": {"a": 1}"#,
    Some(r#"{"properties":{"a": 1}}"#)
)]
#[case::last_of_a_key(r#""tag": "t", "a": 1, "b": 2, "a": 3"#, Some(r#"{"b":2,"a":3}"#))]
#[case::one_key_written_twice(r#""tag": "t", "a": 1, "\u0061": 3"#, Some(r#"{"\u0061":3}"#))]
#[case::last_of_a_foreign_field(r#""sender": 1, "tag": "t", "sender": 2"#, Some(r#"{"sender":2}"#))]
#[case::empty_key(r#""tag": "t", "": 1"#, Some(r#"{"":1}"#))]
fn properties(#[case] fields: &str, #[case] expected: Option<&str>) {
    let line = event("tag_added", &format!(r#""conversation_id": "c", {fields}"#));
    assert_eq!(
        text(&row(RawTable::ConversationEvents, &line), "properties"),
        expected
    );
}

#[test]
fn many_properties_with_repeated_keys() {
    let fields: Vec<String> = (0..60)
        .map(|number| format!(r#""k{}": {number}"#, number % 40))
        .collect();
    let line = event(
        "tag_added",
        &format!(
            r#""conversation_id": "c", "tag": "t", {}"#,
            fields.join(", ")
        ),
    );
    let batch = row(RawTable::ConversationEvents, &line);
    let kept: Vec<String> = (20..60)
        .map(|number| format!(r#""k{}":{number}"#, number % 40))
        .collect();
    assert_eq!(
        text(&batch, "properties"),
        Some(format!("{{{}}}", kept.join(",")).as_str())
    );
}

#[rstest]
#[case::good_last(r#""tag": 5, "tag": "t""#, None)]
#[case::bad_last(
    r#""tag": "t", "tag": 5"#,
    Some("malformed_field: tag is not a string")
)]
#[case::null_last(r#""tag": "t", "tag": null"#, Some("missing_field: tag"))]
#[case::escaped_key(r#""t\u0061g": "t""#, None)]
fn the_last_of_a_repeated_field_counts(#[case] fields: &str, #[case] expected: Option<&str>) {
    let line = event("tag_added", &format!(r#""conversation_id": "c", {fields}"#));
    match expected {
        Some(expected) => assert_eq!(reason(&line), expected),
        None => assert_eq!(
            text(&row(RawTable::ConversationEvents, &line), "tag"),
            Some("t")
        ),
    }
}

#[test]
fn each_table_keeps_the_order_of_arrival() {
    let order = |id: &str| event("order_cancelled", r#""order_id": "o""#).replace("e1", id);
    let tag =
        |id: &str| event("tag_added", r#""conversation_id": "c", "tag": "t""#).replace("e1", id);
    let lines = [order("b"), tag("d"), order("a"), tag("c"), order("b")].join("\n");
    let parsed = parsed(lines.as_bytes());
    let ids = |table| {
        let batch = parsed.table(table).unwrap();
        batch["event_id"]
            .as_string::<i32>()
            .iter()
            .flatten()
            .collect::<String>()
    };
    assert_eq!(
        (
            ids(RawTable::OrderEvents).as_str(),
            ids(RawTable::ConversationEvents).as_str()
        ),
        ("bab", "dc")
    );
}
