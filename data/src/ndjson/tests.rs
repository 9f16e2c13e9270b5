//! SPEC E3, rule by rule, on lines; and what is accepted beside them.

use super::*;
use crate::table::RawTable;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Decimal128Type, Int8Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use rstest::rstest;

fn now() -> DateTime<Utc> {
    "2026-02-01T12:00:00Z".parse().unwrap()
}

fn parsed(lines: &[u8]) -> Parsed {
    parse_ndjson(lines, 1, now())
}

/// A valid event of a type, without its last bracket.
fn event(kind: &str, fields: &str) -> String {
    let common = r#""event_id": "e1", "account_id": "acme", "occurred_at": "2026-01-10T12:00:00Z""#;
    format!(r#"{{{common}, "type": "{kind}", {fields}}}"#)
}

fn reason(line: &str) -> String {
    let parsed = parsed(line.as_bytes());
    assert_eq!(parsed.accepted(), 0, "{line}");
    assert_eq!(parsed.rejected.len(), 1, "{line}");
    assert_eq!(parsed.rejected[0].raw, line.as_bytes());
    parsed.rejected[0].reason.clone()
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
    batch[column].as_dictionary::<Int8Type>().downcast_dict::<arrow::array::StringArray>().unwrap().into_iter().next()?
}

/// Each line differs from a valid event in one thing.
#[rstest]
#[case::truncated(r#"{"event_id": "x1", "#, "not_json: expected a key in quotes at byte 20")]
#[case::no_json("hello", "not_json: expected a value at byte 1")]
#[case::byte_order_mark("\u{feff}{}", "not_json: expected a value at byte 1")]
#[case::list(r#"["event_id"]"#, "not_an_object: a list; expected one JSON object a line")]
#[case::null("null", "not_an_object: null; expected one JSON object a line")]
#[case::empty_object("{}", "missing_field: event_id")]
#[case::not_a_number(&event("order_placed", r#""order_id": "o", "value": NaN"#), "not_json: expected a value at byte 131")]
fn no_event_at_all(#[case] line: &str, #[case] expected: &str) {
    assert_eq!(reason(line), expected);
}

#[rstest]
#[case::missing(r#""event_id": "e1", "#, "", "missing_field: event_id")]
#[case::null(r#""e1""#, "null", "missing_field: event_id")]
#[case::empty(r#""e1""#, r#""""#, "missing_field: event_id")]
#[case::number(r#""e1""#, "1", "malformed_field: event_id is not a string")]
#[case::long(r#""e1""#, &format!("{:?}", "é".repeat(129)), "malformed_field: event_id has more than 128 characters")]
#[case::no_character(r#""e1""#, r#""\udead""#, "malformed_field: event_id has an escape that stands for no character")]
#[case::account_missing(r#""account_id": "acme", "#, "", "missing_field: account_id")]
#[case::account_empty(r#""acme""#, r#""""#, "missing_field: account_id")]
#[case::account_space(r#""acme""#, r#""ac me""#, "malformed_field: account_id is not of the form [A-Za-z0-9_-]{1,64}")]
#[case::account_number(r#""acme""#, "7", "malformed_field: account_id is not a string")]
#[case::type_missing(r#""type": "tag_added", "#, "", "missing_field: type")]
#[case::type_empty(r#""tag_added""#, r#""""#, "missing_field: type")]
#[case::type_list(r#""tag_added""#, r#"["tag_added"]"#, "malformed_field: type is not a string")]
#[case::instant_missing(r#""occurred_at": "2026-01-10T12:00:00Z", "#, "", "missing_field: occurred_at")]
#[case::instant_number(r#""2026-01-10T12:00:00Z""#, "1768046400", "malformed_field: occurred_at is not a string")]
#[case::instant_empty(r#""2026-01-10T12:00:00Z""#, r#""""#, "malformed_field: occurred_at is not an RFC 3339 instant with an offset (2026-01-31T12:00:00Z)")]
#[case::no_offset("00:00Z", "00:00", "malformed_field: occurred_at is not an RFC 3339 instant with an offset (2026-01-31T12:00:00Z)")]
#[case::no_such_date("2026-01-10", "2026-02-30", "malformed_field: occurred_at has a date that does not exist")]
#[case::no_such_time("12:00:00Z", "25:00:00Z", "malformed_field: occurred_at has a time or an offset that does not exist")]
#[case::early("2026-01-10T12:00:00Z", "1999-12-31T23:59:59.999999Z", "out_of_range: occurred_at is before 2000-01-01T00:00:00Z")]
#[case::late("2026-01-10T12:00:00Z", "2026-02-02T12:00:00.000001Z", "out_of_range: occurred_at is over 24 h in the future")]
fn common_fields(#[case] part: &str, #[case] instead: &str, #[case] expected: &str) {
    let line = event("tag_added", r#""conversation_id": "c1", "tag": "vip""#);
    assert!(line.contains(part));
    assert_eq!(reason(&line.replace(part, instead)), expected);
}

#[test]
fn unknown_types_name_the_known() {
    let found = reason(&event("message_received", r#""conversation_id": "c1""#));
    assert!(found.starts_with("unknown_type: \"message_received\" is none of conversation_started, "), "{found}");
    assert!(found.ends_with(", touch"), "{found}");
}

#[rstest]
#[case("message_sent", r#""sender": "agent""#, "missing_field: conversation_id")]
#[case("message_sent", r#""conversation_id": "", "sender": "agent""#, "missing_field: conversation_id")]
#[case("message_sent", r#""conversation_id": null, "sender": "agent""#, "missing_field: conversation_id")]
#[case("message_sent", r#""conversation_id": "c""#, "missing_field: sender")]
#[case("message_sent", r#""conversation_id": "c", "sender": """#, "missing_field: sender")]
#[case("message_sent", r#""conversation_id": "c", "sender": "robot""#, "unknown_value: sender \"robot\" is none of shopper, agent, human")]
#[case("message_sent", r#""conversation_id": "c", "sender": "Agent""#, "unknown_value: sender \"Agent\" is none of shopper, agent, human")]
#[case("message_sent", r#""conversation_id": "c", "sender": true"#, "malformed_field: sender is not a string")]
#[case("message_sent", r#""conversation_id": "c", "sender": "agent", "text": 5"#, "malformed_field: text is not a string")]
#[case("message_sent", r#""conversation_id": "c", "sender": "agent", "text": "\ud83d""#, "malformed_field: text has an escape that stands for no character")]
#[case("conversation_started", r#""conversation_id": "c", "channel": "push""#, "unknown_value: channel \"push\" is none of web_chat, email, sms, whatsapp")]
#[case("conversation_started", r#""conversation_id": "c", "channel": "sms", "mode": "dry_run""#, "unknown_value: mode \"dry_run\" is none of live, preview")]
#[case("conversation_started", r#""conversation_id": "c", "channel": "sms", "mode": """#, "unknown_value: mode \"\" is none of live, preview")]
#[case("conversation_started", r#""conversation_id": "c", "channel": "sms", "profile_id": 12"#, "malformed_field: profile_id is not a string")]
#[case("conversation_started", r#""conversation_id": "c", "channel": "sms", "first_message": {}"#, "malformed_field: first_message is not a string")]
#[case("procedure_started", r#""conversation_id": "c""#, "missing_field: procedure")]
#[case("tag_added", r#""conversation_id": "c", "tag": """#, "missing_field: tag")]
#[case("profile_linked", r#""conversation_id": "c""#, "missing_field: profile_id")]
#[case("product_recommended", r#""conversation_id": "c", "product_ids": "a,b""#, "malformed_field: product_ids is not a list of strings")]
#[case("product_recommended", r#""conversation_id": "c", "product_ids": ["a", 1]"#, "malformed_field: product_ids is not a list of strings")]
#[case("product_recommended", r#""conversation_id": "c", "product_ids": ["a", null]"#, "malformed_field: product_ids is not a list of strings")]
#[case("product_recommended", r#""conversation_id": "c", "product_ids": [["a"]]"#, "malformed_field: product_ids is not a list of strings")]
#[case("conversation_resolved", r#""conversation_id": "c", "tags": {"a": 1}"#, "malformed_field: tags is not a list of strings")]
#[case("link_clicked", r#""conversation_id": "c", "is_bot": "yes""#, "malformed_field: is_bot is not true or false")]
#[case("link_clicked", r#""conversation_id": "c", "is_bot": 1"#, "malformed_field: is_bot is not true or false")]
#[case("added_to_cart", r#""conversation_id": "c", "quantity": "two""#, "malformed_field: quantity is not a whole number from 0 to 9223372036854775807")]
#[case("added_to_cart", r#""conversation_id": "c", "quantity": "2""#, "malformed_field: quantity is not a whole number from 0 to 9223372036854775807")]
#[case("added_to_cart", r#""conversation_id": "c", "quantity": 1.5"#, "malformed_field: quantity is not a whole number from 0 to 9223372036854775807")]
#[case("added_to_cart", r#""conversation_id": "c", "quantity": -1"#, "malformed_field: quantity is not a whole number from 0 to 9223372036854775807")]
#[case("added_to_cart", r#""conversation_id": "c", "quantity": 9223372036854775808"#, "malformed_field: quantity is not a whole number from 0 to 9223372036854775807")]
#[case("order_placed", r#""value": 1"#, "missing_field: order_id")]
#[case("order_placed", r#""order_id": "o""#, "missing_field: value")]
#[case("order_placed", r#""order_id": "o", "value": null"#, "missing_field: value")]
#[case("order_placed", r#""order_id": "o", "value": true"#, "malformed_field: value is not a decimal number or a string of one")]
#[case("order_placed", r#""order_id": "o", "value": [1]"#, "malformed_field: value is not a decimal number or a string of one")]
#[case("order_placed", r#""order_id": "o", "value": "NaN""#, "malformed_field: value is not a decimal number or a string of one")]
#[case("order_placed", r#""order_id": "o", "value": """#, "malformed_field: value is not a decimal number or a string of one")]
#[case("order_placed", r#""order_id": "o", "value": -0.01"#, "malformed_field: value is negative")]
#[case("order_placed", r#""order_id": "o", "value": "-1""#, "malformed_field: value is negative")]
#[case("order_placed", r#""order_id": "o", "value": 1.00001"#, "malformed_field: value has more than 4 decimals")]
#[case("order_placed", r#""order_id": "o", "value": 1e400"#, "malformed_field: value is too large (at most 99999999999999.9999)")]
#[case("order_placed", r#""order_id": "o", "value": 100000000000000"#, "malformed_field: value is too large (at most 99999999999999.9999)")]
#[case("order_placed", r#""order_id": "o", "value": 1, "currency": "dollars""#, "malformed_field: currency is not three capitals (ISO 4217)")]
#[case("order_placed", r#""order_id": "o", "value": 1, "currency": """#, "malformed_field: currency is not three capitals (ISO 4217)")]
#[case("order_refunded", r#""order_id": "o""#, "missing_field: value")]
#[case("order_cancelled", r#""value": 1"#, "missing_field: order_id")]
#[case("touch", r#""channel": "sms", "kind": "opened", "message_id": "m""#, "missing_field: profile_id")]
#[case("touch", r#""profile_id": "p", "channel": "web_chat", "kind": "opened", "message_id": "m""#, "unknown_value: channel \"web_chat\" is none of email, sms, whatsapp, push")]
#[case("touch", r#""profile_id": "p", "channel": "sms", "kind": "bounced", "message_id": "m""#, "unknown_value: kind \"bounced\" is none of delivered, opened, clicked")]
#[case("touch", r#""profile_id": "p", "channel": "sms", "kind": "opened""#, "missing_field: message_id")]
#[case("touch", r#""profile_id": "p", "channel": "sms", "kind": "opened", "message_id": "m", "is_machine_open": 0"#, "malformed_field: is_machine_open is not true or false")]
fn fields_of_types(#[case] kind: &str, #[case] fields: &str, #[case] expected: &str) {
    assert_eq!(reason(&event(kind, fields)), expected);
}

#[rstest]
#[case::longest(MAX_LINE_BYTES, "\n", true)]
#[case::longest_with_two_bytes_of_newline(MAX_LINE_BYTES, "\r\n", true)]
#[case::longest_without_newline(MAX_LINE_BYTES, "", true)]
#[case::one_byte_more(MAX_LINE_BYTES + 1, "\n", false)]
fn lines_of_a_mebibyte(#[case] bytes: usize, #[case] newline: &str, #[case] accepted: bool) {
    let bare = event("message_sent", r#""conversation_id": "c", "sender": "agent", "text": "-""#);
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
    let rejected: Vec<_> = parsed.rejected.iter().map(|one| (one.line, one.raw.as_slice())).collect();
    assert_eq!(rejected, [(41, b"bad".as_slice()), (45, b"worse\r")]);
    assert_eq!((parsed.accepted(), parsed.lines), (2, 6));
}

#[rstest]
#[case(b"", 0)]
#[case(b"\n", 1)]
#[case(b"\n\n", 2)]
#[case(b" ", 1)]
fn blank_input(#[case] text: &[u8], #[case] lines: u64) {
    let parsed = parsed(text);
    assert_eq!((parsed.lines, parsed.rejected.len(), parsed.accepted()), (lines, 0, 0));
}

#[test]
fn a_line_that_is_not_utf8_spoils_no_other() {
    let good = event("message_sent", r#""conversation_id": "c", "sender": "agent", "text": "ça va""#);
    let bad = good.replace('ç', "\u{fffd}").into_bytes();
    let at = bad.windows(3).position(|window| window == "\u{fffd}".as_bytes()).unwrap();
    let bad: Vec<u8> = [&bad[..at], b"\xe7", &bad[at + 3..]].concat();
    let text = [good.as_bytes(), b"\n", &bad, b"\n\xff\n", good.as_bytes(), b"\n"].concat();
    let parsed = parsed(&text);
    assert_eq!((parsed.accepted(), parsed.lines), (2, 4));
    let rejected: Vec<_> = parsed.rejected.iter().map(|one| (one.line, one.raw.as_slice())).collect();
    assert_eq!(rejected, [(2, bad.as_slice()), (3, b"\xff".as_slice())]);
    assert_eq!(parsed.rejected[0].reason, format!("not_json: not UTF-8 at byte {}", at + 1));
}

#[test]
fn an_order_in_full() {
    let line = event(
        "order_placed",
        r#""order_id": "o\u0031", "value": 90071992547409.9301, "currency": "CHF", "profile_id": "", "conversation_id": null"#,
    );
    let batch = row(RawTable::OrderEvents, &line);
    assert_eq!(batch.schema(), RawTable::OrderEvents.landing_schema());
    assert_eq!(text(&batch, "account_id"), Some("acme"));
    assert_eq!(batch["event_date"].as_primitive::<Date32Type>().value(0), 20_463);
    assert_eq!(text(&batch, "event_id"), Some("e1"));
    assert_eq!(batch["occurred_at"].as_primitive::<TimestampMicrosecondType>().value(0), 1_768_046_400_000_000);
    assert_eq!(code(&batch, "type"), Some("order_placed"));
    assert_eq!(text(&batch, "order_id"), Some("o1"));
    assert_eq!(batch["value"].as_primitive::<Decimal128Type>().value(0), 900_719_925_474_099_301);
    assert_eq!(text(&batch, "currency"), Some("CHF"));
    assert_eq!(text(&batch, "profile_id"), Some(""), "an optional empty string is a value");
    assert_eq!(text(&batch, "conversation_id"), None);
    assert_eq!(text(&batch, "properties"), None);
}

#[test]
fn lists_flags_and_numbers() {
    let batch = row(
        RawTable::ConversationEvents,
        &event("conversation_escalated", r#""conversation_id": "c", "tags": ["b", "", "a\t"], "reason": """#),
    );
    let tags = batch["tags"].as_list::<i32>().value(0);
    assert_eq!(tags.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("b"), Some(""), Some("a\t")]);
    assert_eq!(text(&batch, "reason"), Some(""));
    let batch = row(RawTable::ConversationEvents, &event("added_to_cart", r#""conversation_id": "c", "quantity": 0"#));
    assert_eq!(batch["quantity"].as_primitive::<Int64Type>().value(0), 0);
    let batch = row(
        RawTable::TouchEvents,
        &event("touch", r#""profile_id": "p", "channel": "push", "kind": "opened", "message_id": "m", "is_bot": false"#),
    );
    assert_eq!((code(&batch, "channel"), code(&batch, "kind")), (Some("push"), Some("opened")));
    assert!(!batch["is_bot"].as_boolean().value(0) && batch["is_bot"].is_valid(0));
    assert!(batch["is_machine_open"].is_null(0));
}

#[rstest]
#[case::now_and_a_day("2026-02-02T12:00:00.0000009Z")]
#[case::first_instant("2000-01-01T00:00:00Z")]
#[case::first_instant_elsewhere("1999-12-31T19:00:00-05:00")]
fn instants_at_the_edges_are_accepted(#[case] instant: &str) {
    let line = event("order_cancelled", r#""order_id": "o""#).replace("2026-01-10T12:00:00Z", instant);
    row(RawTable::OrderEvents, &line);
}

#[test]
fn event_ids_are_counted_in_characters() {
    let line = event("order_cancelled", r#""order_id": "o""#).replace("e1", &"é".repeat(128));
    row(RawTable::OrderEvents, &line);
}

/// SPEC E4, and the last of a repeated key.
#[rstest]
#[case::none(r#""tag": "t""#, None)]
#[case::verbatim_in_order(
    r#""z": {"b" : [1, 2.50]}, "tag": "t", "a":null, "k\u00e9y": "\u00e9""#,
    Some(r#"{"z":{"b" : [1, 2.50]},"a":null,"k\u00e9y":"\u00e9"}"#)
)]
#[case::fields_of_other_types(r#""tag": "t", "sender": "agent", "value": "x""#, Some(r#"{"sender":"agent","value":"x"}"#))]
#[case::properties_is_a_field_like_others(r#""tag": "t", "properties": {"a": 1}"#, Some(r#"{"properties":{"a": 1}}"#))]
#[case::last_of_a_key(r#""tag": "t", "a": 1, "b": 2, "a": 3"#, Some(r#"{"b":2,"a":3}"#))]
#[case::one_key_written_twice(r#""tag": "t", "a": 1, "\u0061": 3"#, Some(r#"{"\u0061":3}"#))]
#[case::last_of_a_foreign_field(r#""sender": 1, "tag": "t", "sender": 2"#, Some(r#"{"sender":2}"#))]
#[case::empty_key(r#""tag": "t", "": 1"#, Some(r#"{"":1}"#))]
fn properties(#[case] fields: &str, #[case] expected: Option<&str>) {
    let line = event("tag_added", &format!(r#""conversation_id": "c", {fields}"#));
    assert_eq!(text(&row(RawTable::ConversationEvents, &line), "properties"), expected);
}

#[test]
fn many_properties_with_repeated_keys() {
    let fields: Vec<String> = (0..60).map(|number| format!(r#""k{}": {number}"#, number % 40)).collect();
    let line = event("tag_added", &format!(r#""conversation_id": "c", "tag": "t", {}"#, fields.join(", ")));
    let batch = row(RawTable::ConversationEvents, &line);
    let kept: Vec<String> = (20..60).map(|number| format!(r#""k{}":{number}"#, number % 40)).collect();
    assert_eq!(text(&batch, "properties"), Some(format!("{{{}}}", kept.join(",")).as_str()));
}

#[rstest]
#[case::good_last(r#""tag": 5, "tag": "t""#, None)]
#[case::bad_last(r#""tag": "t", "tag": 5"#, Some("malformed_field: tag is not a string"))]
#[case::null_last(r#""tag": "t", "tag": null"#, Some("missing_field: tag"))]
#[case::escaped_key(r#""t\u0061g": "t""#, None)]
fn the_last_of_a_repeated_field_counts(#[case] fields: &str, #[case] expected: Option<&str>) {
    let line = event("tag_added", &format!(r#""conversation_id": "c", {fields}"#));
    match expected {
        Some(expected) => assert_eq!(reason(&line), expected),
        None => assert_eq!(text(&row(RawTable::ConversationEvents, &line), "tag"), Some("t")),
    }
}

#[test]
fn each_table_keeps_the_order_of_arrival() {
    let order = |id: &str| event("order_cancelled", r#""order_id": "o""#).replace("e1", id);
    let tag = |id: &str| event("tag_added", r#""conversation_id": "c", "tag": "t""#).replace("e1", id);
    let lines = [order("b"), tag("d"), order("a"), tag("c"), order("b")].join("\n");
    let parsed = parsed(lines.as_bytes());
    let ids = |table| {
        let batch = parsed.table(table).unwrap();
        batch["event_id"].as_string::<i32>().iter().flatten().collect::<String>()
    };
    assert_eq!((ids(RawTable::OrderEvents).as_str(), ids(RawTable::ConversationEvents).as_str()), ("bab", "dc"));
}
