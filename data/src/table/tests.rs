//! Spells out the schemas, which other versions and other programs depend on.

use super::*;
use rstest::rstest;

#[rstest]
#[case(
    RawTable::ConversationEvents,
    "event_id: Utf8!, occurred_at: Timestamp(µs, \"UTC\")!, type: Dictionary(Int8, Utf8)!, conversation_id: Utf8, \
     profile_id: Utf8, channel: Dictionary(Int8, Utf8), mode: Dictionary(Int8, Utf8), sender: Dictionary(Int8, Utf8), \
     first_message: Utf8, text: Utf8, procedure: Utf8, tag: Utf8, tags: List(Utf8, field: 'item'), product_id: Utf8, \
     product_ids: List(Utf8, field: 'item'), quantity: Int64, url: Utf8, is_bot: Boolean, reason: Utf8, \
     category: Utf8, rating: Int64, comment: Utf8, properties: Utf8"
)]
#[case(
    RawTable::OrderEvents,
    "event_id: Utf8!, occurred_at: Timestamp(µs, \"UTC\")!, type: Dictionary(Int8, Utf8)!, order_id: Utf8, \
     profile_id: Utf8, conversation_id: Utf8, value: Decimal128(18, 4), currency: Utf8, \
     product_ids: List(Utf8, field: 'item'), properties: Utf8"
)]
#[case(
    RawTable::TouchEvents,
    "event_id: Utf8!, occurred_at: Timestamp(µs, \"UTC\")!, profile_id: Utf8, channel: Dictionary(Int8, Utf8), \
     kind: Dictionary(Int8, Utf8), message_id: Utf8, conversation_id: Utf8, source: Utf8, is_bot: Boolean, \
     is_machine_open: Boolean, is_transactional: Boolean, properties: Utf8"
)]
fn schemas_of_files(#[case] table: RawTable, #[case] expected: &str) {
    assert_eq!(described(&table.file_schema()), expected);
    assert_eq!(
        described(&table.landing_schema()),
        format!("account_id: Utf8!, event_date: Date32!, {expected}")
    );
}

/// Formats the columns and their types, with `!` where they are not nullable.
fn described(schema: &Schema) -> String {
    let column = |field: &FieldRef| {
        let item = list_item();
        let kind = match field.data_type() {
            DataType::List(found) if *found == item => "List(Utf8, field: 'item')".to_owned(),
            other => other.to_string(),
        };
        format!(
            "{}: {kind}{}",
            field.name(),
            if field.is_nullable() { "" } else { "!" }
        )
    };
    schema
        .fields()
        .iter()
        .map(column)
        .collect::<Vec<_>>()
        .join(", ")
}

#[test]
fn every_field_of_a_type_has_a_column_of_its_kind() {
    for kind in EventType::ALL {
        for rule in kind.fields() {
            let columns = kind.table().columns();
            let column = columns.iter().find(|(field, _)| *field == rule.field);
            assert_eq!(
                column,
                Some(&(rule.field, rule.kind)),
                "{kind} {}",
                rule.field
            );
        }
    }
}
