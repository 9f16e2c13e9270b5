//! Tests of each rule of SPEC E3, on lines.

use super::{event, parsed};
use rstest::rstest;

pub(super) fn reason(line: &str) -> String {
    let parsed = parsed(line.as_bytes());
    assert_eq!(parsed.accepted(), 0, "{line}");
    assert_eq!(parsed.rejected.len(), 1, "{line}");
    assert_eq!(parsed.rejected[0].raw, line.as_bytes());
    parsed.rejected[0].reason.clone()
}

/// Lines that are not an event object.
#[rstest]
#[case::truncated(
    r#"{"event_id": "x1", "#,
    "not_json: expected a key in quotes at byte 20"
)]
#[case::no_json("hello", "not_json: expected a value at byte 1")]
#[case::byte_order_mark("\u{feff}{}", "not_json: expected a value at byte 1")]
#[case::list(
    r#"["event_id"]"#,
    "not_an_object: a list; expected one JSON object a line"
)]
#[case::null("null", "not_an_object: null; expected one JSON object a line")]
#[case::empty_object("{}", "missing_field: event_id")]
#[case::not_a_number(&event("order_placed", r#""order_id": "o", "value": NaN"#), "not_json: expected a value at byte 131")]
fn e3_lines_that_are_no_event_are_rejected(#[case] line: &str, #[case] expected: &str) {
    assert_eq!(reason(line), expected);
}

#[rstest]
#[case::missing(r#""event_id": "e1", "#, "", "missing_field: event_id")]
#[case::null(r#""e1""#, "null", "missing_field: event_id")]
#[case::empty(r#""e1""#, r#""""#, "missing_field: event_id")]
#[case::number(r#""e1""#, "1", "malformed_field: event_id is not a string")]
#[case::long(r#""e1""#, &format!("{:?}", "é".repeat(129)), "malformed_field: event_id has more than 128 characters")]
#[case::no_character(
    r#""e1""#,
    r#""\udead""#,
    "malformed_field: event_id has an escape that stands for no character"
)]
#[case::account_missing(r#""account_id": "acme", "#, "", "missing_field: account_id")]
#[case::account_empty(r#""acme""#, r#""""#, "missing_field: account_id")]
#[case::account_space(
    r#""acme""#,
    r#""ac me""#,
    "malformed_field: account_id is not of the form [A-Za-z0-9_-]{1,64}"
)]
#[case::account_number(r#""acme""#, "7", "malformed_field: account_id is not a string")]
#[case::type_missing(r#""type": "tag_added", "#, "", "missing_field: type")]
#[case::type_empty(r#""tag_added""#, r#""""#, "missing_field: type")]
#[case::type_list(
    r#""tag_added""#,
    r#"["tag_added"]"#,
    "malformed_field: type is not a string"
)]
#[case::instant_missing(
    r#""occurred_at": "2026-01-10T12:00:00Z", "#,
    "",
    "missing_field: occurred_at"
)]
#[case::instant_number(
    r#""2026-01-10T12:00:00Z""#,
    "1768046400",
    "malformed_field: occurred_at is not a string"
)]
#[case::instant_empty(r#""2026-01-10T12:00:00Z""#, r#""""#, "missing_field: occurred_at")]
#[case::no_offset(
    "00:00Z",
    "00:00",
    "malformed_field: occurred_at is not an RFC 3339 instant with an offset (2026-01-31T12:00:00Z)"
)]
#[case::no_such_date(
    "2026-01-10",
    "2026-02-30",
    "malformed_field: occurred_at has a date that does not exist"
)]
#[case::no_such_time(
    "12:00:00Z",
    "25:00:00Z",
    "malformed_field: occurred_at has a time or an offset that does not exist"
)]
#[case::early(
    "2026-01-10T12:00:00Z",
    "1999-12-31T23:59:59.999999Z",
    "out_of_range: occurred_at is before 2000-01-01T00:00:00Z"
)]
#[case::late(
    "2026-01-10T12:00:00Z",
    "2026-02-02T12:00:00.000001Z",
    "out_of_range: occurred_at is over 24 h in the future"
)]
fn e3_bad_common_fields_are_rejected(
    #[case] part: &str,
    #[case] instead: &str,
    #[case] expected: &str,
) {
    let line = event("tag_added", r#""conversation_id": "c1", "tag": "vip""#);
    assert!(line.contains(part));
    assert_eq!(reason(&line.replace(part, instead)), expected);
}

#[test]
fn e3_the_reason_of_an_unknown_type_lists_the_known_types() {
    let found = reason(&event("message_received", r#""conversation_id": "c1""#));
    assert!(
        found.starts_with("unknown_type: \"message_received\" is none of conversation_started, "),
        "{found}"
    );
    assert!(found.ends_with(", touch"), "{found}");
}

#[rstest]
#[case(
    "message_sent",
    r#""sender": "agent""#,
    "missing_field: conversation_id"
)]
#[case(
    "message_sent",
    r#""conversation_id": "", "sender": "agent""#,
    "missing_field: conversation_id"
)]
#[case(
    "message_sent",
    r#""conversation_id": null, "sender": "agent""#,
    "missing_field: conversation_id"
)]
#[case("message_sent", r#""conversation_id": "c""#, "missing_field: sender")]
#[case(
    "message_sent",
    r#""conversation_id": "c", "sender": """#,
    "missing_field: sender"
)]
#[case(
    "message_sent",
    r#""conversation_id": "c", "sender": "robot""#,
    "unknown_value: sender \"robot\" is none of shopper, agent, human"
)]
#[case(
    "message_sent",
    r#""conversation_id": "c", "sender": "Agent""#,
    "unknown_value: sender \"Agent\" is none of shopper, agent, human"
)]
#[case(
    "message_sent",
    r#""conversation_id": "c", "sender": true"#,
    "malformed_field: sender is not a string"
)]
#[case(
    "message_sent",
    r#""conversation_id": "c", "sender": "agent", "text": 5"#,
    "malformed_field: text is not a string"
)]
#[case(
    "message_sent",
    r#""conversation_id": "c", "sender": "agent", "text": "\ud83d""#,
    "malformed_field: text has an escape that stands for no character"
)]
#[case(
    "conversation_started",
    r#""conversation_id": "c", "channel": "push""#,
    "unknown_value: channel \"push\" is none of web_chat, email, sms, whatsapp"
)]
#[case(
    "conversation_started",
    r#""conversation_id": "c", "channel": "sms", "mode": "dry_run""#,
    "unknown_value: mode \"dry_run\" is none of live, preview"
)]
#[case(
    "conversation_started",
    r#""conversation_id": "c", "channel": "sms", "mode": """#,
    "unknown_value: mode \"\" is none of live, preview"
)]
#[case(
    "conversation_started",
    r#""conversation_id": "c", "channel": "sms", "profile_id": 12"#,
    "malformed_field: profile_id is not a string"
)]
#[case(
    "conversation_started",
    r#""conversation_id": "c", "channel": "sms", "first_message": {}"#,
    "malformed_field: first_message is not a string"
)]
#[case(
    "procedure_started",
    r#""conversation_id": "c""#,
    "missing_field: procedure"
)]
#[case(
    "tag_added",
    r#""conversation_id": "c", "tag": """#,
    "missing_field: tag"
)]
#[case(
    "profile_linked",
    r#""conversation_id": "c""#,
    "missing_field: profile_id"
)]
#[case(
    "product_recommended",
    r#""conversation_id": "c", "product_ids": "a,b""#,
    "malformed_field: product_ids is not a list of strings"
)]
#[case(
    "product_recommended",
    r#""conversation_id": "c", "product_ids": ["a", 1]"#,
    "malformed_field: product_ids is not a list of strings"
)]
#[case(
    "product_recommended",
    r#""conversation_id": "c", "product_ids": ["a", null]"#,
    "malformed_field: product_ids is not a list of strings"
)]
#[case(
    "product_recommended",
    r#""conversation_id": "c", "product_ids": [["a"]]"#,
    "malformed_field: product_ids is not a list of strings"
)]
#[case(
    "conversation_resolved",
    r#""conversation_id": "c", "tags": {"a": 1}"#,
    "malformed_field: tags is not a list of strings"
)]
#[case(
    "link_clicked",
    r#""conversation_id": "c", "is_bot": "yes""#,
    "malformed_field: is_bot is not true or false"
)]
#[case(
    "link_clicked",
    r#""conversation_id": "c", "is_bot": 1"#,
    "malformed_field: is_bot is not true or false"
)]
#[case(
    "added_to_cart",
    r#""conversation_id": "c", "quantity": "two""#,
    "malformed_field: quantity is not a whole number from 0 to 9223372036854775807"
)]
#[case(
    "added_to_cart",
    r#""conversation_id": "c", "quantity": "2""#,
    "malformed_field: quantity is not a whole number from 0 to 9223372036854775807"
)]
#[case(
    "added_to_cart",
    r#""conversation_id": "c", "quantity": 1.5"#,
    "malformed_field: quantity is not a whole number from 0 to 9223372036854775807"
)]
#[case(
    "added_to_cart",
    r#""conversation_id": "c", "quantity": -1"#,
    "malformed_field: quantity is not a whole number from 0 to 9223372036854775807"
)]
#[case(
    "added_to_cart",
    r#""conversation_id": "c", "quantity": 9223372036854775808"#,
    "malformed_field: quantity is not a whole number from 0 to 9223372036854775807"
)]
#[case("order_placed", r#""value": 1"#, "missing_field: order_id")]
#[case("order_placed", r#""order_id": "o""#, "missing_field: value")]
#[case(
    "order_placed",
    r#""order_id": "o", "value": null"#,
    "missing_field: value"
)]
#[case(
    "order_placed",
    r#""order_id": "o", "value": true"#,
    "malformed_field: value is not a decimal number or a string of one"
)]
#[case(
    "order_placed",
    r#""order_id": "o", "value": [1]"#,
    "malformed_field: value is not a decimal number or a string of one"
)]
#[case(
    "order_placed",
    r#""order_id": "o", "value": "NaN""#,
    "malformed_field: value is not a decimal number or a string of one"
)]
#[case(
    "order_placed",
    r#""order_id": "o", "value": """#,
    "missing_field: value"
)]
#[case(
    "order_placed",
    r#""order_id": "o", "value": -0.01"#,
    "malformed_field: value is negative"
)]
#[case(
    "order_placed",
    r#""order_id": "o", "value": "-1""#,
    "malformed_field: value is negative"
)]
#[case(
    "order_placed",
    r#""order_id": "o", "value": 1.00001"#,
    "malformed_field: value has more than 4 decimals"
)]
#[case(
    "order_placed",
    r#""order_id": "o", "value": 1e400"#,
    "malformed_field: value is too large (at most 99999999999999.9999)"
)]
#[case(
    "order_placed",
    r#""order_id": "o", "value": 100000000000000"#,
    "malformed_field: value is too large (at most 99999999999999.9999)"
)]
#[case(
    "order_placed",
    r#""order_id": "o", "value": 1, "currency": "dollars""#,
    "malformed_field: currency is not three capitals (ISO 4217)"
)]
#[case(
    "order_placed",
    r#""order_id": "o", "value": 1, "currency": """#,
    "malformed_field: currency is not three capitals (ISO 4217)"
)]
#[case("order_refunded", r#""order_id": "o""#, "missing_field: value")]
#[case("order_cancelled", r#""value": 1"#, "missing_field: order_id")]
#[case(
    "touch",
    r#""channel": "sms", "kind": "opened", "message_id": "m""#,
    "missing_field: profile_id"
)]
#[case(
    "touch",
    r#""profile_id": "p", "channel": "web_chat", "kind": "opened", "message_id": "m""#,
    "unknown_value: channel \"web_chat\" is none of email, sms, whatsapp, push"
)]
#[case(
    "touch",
    r#""profile_id": "p", "channel": "sms", "kind": "bounced", "message_id": "m""#,
    "unknown_value: kind \"bounced\" is none of delivered, opened, clicked"
)]
#[case(
    "touch",
    r#""profile_id": "p", "channel": "sms", "kind": "opened""#,
    "missing_field: message_id"
)]
#[case("touch", r#""profile_id": "p", "channel": "sms", "kind": "opened", "message_id": "m", "is_machine_open": 0"#, "malformed_field: is_machine_open is not true or false")]
fn e3_bad_fields_of_a_type_are_rejected(
    #[case] kind: &str,
    #[case] fields: &str,
    #[case] expected: &str,
) {
    assert_eq!(reason(&event(kind, fields)), expected);
}

/// SPEC E7: U+0000 makes an id, name or list malformed, required or not.
#[rstest]
#[case("conversation_started", r#""channel": "sms""#, "conversation_id")]
#[case("conversation_started", r#""channel": "sms""#, "event_id")]
#[case("conversation_started", r#""conversation_id": "c""#, "channel")]
#[case(
    "conversation_started",
    r#""conversation_id": "c", "channel": "sms""#,
    "profile_id"
)]
#[case(
    "conversation_started",
    r#""conversation_id": "c", "channel": "sms""#,
    "mode"
)]
#[case(
    "conversation_started",
    r#""conversation_id": "c", "channel": "sms""#,
    "type"
)]
#[case("message_sent", r#""conversation_id": "c""#, "sender")]
#[case("procedure_started", r#""conversation_id": "c""#, "procedure")]
#[case("link_clicked", r#""conversation_id": "c""#, "url")]
#[case("added_to_cart", r#""conversation_id": "c""#, "product_id")]
#[case("tag_added", r#""conversation_id": "c""#, "tag")]
#[case("conversation_escalated", r#""conversation_id": "c""#, "reason")]
#[case("conversation_escalated", r#""conversation_id": "c""#, "category")]
#[case("order_cancelled", "\"note\": 1", "order_id")]
#[case("order_placed", r#""order_id": "o", "value": 1"#, "conversation_id")]
#[case(
    "touch",
    r#""profile_id": "p", "channel": "sms", "kind": "opened""#,
    "message_id"
)]
#[case(
    "touch",
    r#""profile_id": "p", "channel": "sms", "kind": "opened", "message_id": "m""#,
    "source"
)]
fn nul_makes_a_name_malformed(#[case] kind: &str, #[case] others: &str, #[case] field: &str) {
    let line = event(kind, &format!(r#"{others}, "{field}": "a\u0000""#));
    let expected =
        format!("malformed_field: {field} has U+0000, which no PostgreSQL text can hold");
    assert_eq!(reason(&line), expected);
}

#[rstest]
#[case("conversation_resolved", "tags")]
#[case("product_recommended", "product_ids")]
fn nul_makes_a_list_malformed(#[case] kind: &str, #[case] field: &str) {
    let line = event(
        kind,
        &format!(r#""conversation_id": "c", "{field}": ["a", "\u0000"]"#),
    );
    let expected =
        format!("malformed_field: {field} has U+0000, which no PostgreSQL text can hold");
    assert_eq!(reason(&line), expected);
}
