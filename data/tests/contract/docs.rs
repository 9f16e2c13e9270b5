//! Checks that the examples and field lists of docs/events.md are true.

use crate::now;
use rapport_data::{EventType, Field, Settings, parse_ndjson};

const DOCS: &str = include_str!("../../../docs/events.md");

/// Returns the lines of the JSON code blocks.
fn examples() -> Vec<&'static str> {
    let blocks = DOCS
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).collect()
}

#[test]
fn examples_of_events_are_accepted() {
    let (events, settings): (Vec<_>, Vec<_>) = examples()
        .into_iter()
        .partition(|line| line.contains("event_id"));
    let parsed = parse_ndjson(events.join("\n").as_bytes(), 1, now());
    assert_eq!(parsed.rejected, []);
    assert_eq!(settings.len(), 1);
    assert_eq!(
        Settings::from_json_line(settings[0]).unwrap().account_id(),
        "acme"
    );
    // No example has a field that its type does not list.
    for batch in parsed.tables.iter().flatten() {
        assert_eq!(batch["properties"].null_count(), batch.num_rows());
    }
}

#[test]
fn every_type_is_documented_with_its_fields_and_an_example() {
    for kind in EventType::ALL {
        let row = DOCS
            .lines()
            .find(|line| line.starts_with(&format!("| `{kind}` |")))
            .unwrap();
        let key = if kind.name().starts_with("order") {
            Field::OrderId
        } else {
            Field::ConversationId
        };
        for rule in kind.fields() {
            let star = if rule.required { "*" } else { "" };
            // Fields that all types of a table have are documented before the types.
            let before = rule.field == key && rule.required;
            assert!(
                before || row.contains(&format!("`{}`{star}", rule.field)),
                "{kind} {}",
                rule.field
            );
        }
        assert!(
            examples()
                .iter()
                .any(|line| line.contains(&format!("\"type\": \"{kind}\""))),
            "{kind}"
        );
    }
}
