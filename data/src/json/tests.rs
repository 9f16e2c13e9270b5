//! Compares the grammar with `serde_json`.

use super::*;
use proptest::prelude::*;
use rstest::rstest;
use serde::de::IgnoredAny;
use serde_json::json;

fn fields(line: &str) -> Result<Vec<(String, String)>, String> {
    let mut fields = Vec::new();
    scan_object(line, |key, value| {
        fields.push((
            key.characters()
                .map_or_else(|| key.text.to_owned(), Cow::into_owned),
            value.text.to_owned(),
        ));
    })
    .map(|()| fields)
    .map_err(|error| match error {
        ObjectError::NotJson(error) => error.to_string(),
        ObjectError::Other(shape) => shape.to_string(),
    })
}

#[test]
fn fields_come_in_order_and_verbatim() {
    let line = r#" { "a" : 1.50 , "b":[1, {"c": "\u0041]"} ],"a":"x\"y","\u0062": null, "e": {} , "f": [ ] }"#;
    let expected = [
        ("a", "1.50"),
        ("b", r#"[1, {"c": "\u0041]"} ]"#),
        ("a", r#""x\"y""#),
        ("b", "null"),
        ("e", "{}"),
        ("f", "[ ]"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(fields(line), Ok(expected.to_vec()));
}

#[rstest]
#[case("", "expected a value at byte 1")]
#[case("hello", "expected a value at byte 1")]
#[case("{", "expected a key in quotes at byte 2")]
#[case(r#"{"a" 1}"#, "expected `:` at byte 6")]
#[case(r#"{"a": }"#, "expected a value at byte 7")]
#[case(r#"{"a": 1"#, "expected `,` or `}` at byte 8")]
#[case(r#"{"a": 1,}"#, "expected a key in quotes at byte 9")]
#[case(r#"{"a": 1} x"#, "expected the end of the line at byte 10")]
#[case(r#"{"a": 01}"#, "expected `,` or `}` at byte 8")]
#[case(r#"{"a": +1}"#, "expected a value at byte 7")]
#[case(r#"{"a": 1.}"#, "expected a digit at byte 9")]
#[case(r#"{"a": .5}"#, "expected a value at byte 7")]
#[case(r#"{"a": NaN}"#, "expected a value at byte 7")]
#[case(r#"{"a": Infinity}"#, "expected a value at byte 7")]
#[case(r#"{"a": nul}"#, "expected a value at byte 7")]
#[case(r#"{"a": 'x'}"#, "expected a value at byte 7")]
#[case(r#"{"a": "x}"#, "expected the end of a string at byte 10")]
#[case(
    "{\"a\": \"x\ty\"}",
    "expected no control character in a string at byte 9"
)]
#[case(r#"{"a": "\x"}"#, "expected an escape at byte 9")]
#[case(r#"{"a": "\u00g0"}"#, "expected a hexadecimal digit at byte 12")]
#[case(r#"{"a": [1}"#, "expected `,` or `]` at byte 9")]
#[case(r#"{"a": {"b" 1}}"#, "expected `:` at byte 12")]
#[case(r#"["a"]"#, "a list")]
#[case("12", "a number")]
#[case("null", "null")]
fn lines_that_are_no_object_are_refused(#[case] line: &str, #[case] expected: &str) {
    assert_eq!(fields(line), Err(expected.to_owned()));
}

#[rstest]
#[case(127, true)]
#[case(128, false)]
fn nesting_beyond_128_levels_is_refused(#[case] lists: usize, #[case] accepted: bool) {
    let line = format!(r#"{{"a": {}{}}}"#, "[".repeat(lists), "]".repeat(lists));
    assert_eq!(fields(&line).is_ok(), accepted);
}

#[test]
fn a_million_brackets_are_refused_quickly() {
    assert!(fields(&format!(r#"{{"a": {}"#, "[".repeat(1_000_000))).is_err());
}

#[test]
fn half_a_surrogate_pair_is_json_but_no_text() {
    scan_object(r#"{"a": "\ud800"}"#, |_, value| {
        assert_eq!(value.characters(), None)
    })
    .unwrap();
}

#[test]
fn elements_of_lists() {
    let elements = |text| {
        let list = Value {
            text,
            escaped: false,
        }
        .elements()?;
        Some(
            list.iter()
                .map(|element| element.text.to_owned())
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(elements("[ ]"), Some(vec![]));
    assert_eq!(
        elements(r#"[ "a" ,[1], "b\n"]"#),
        Some(vec![r#""a""#.into(), "[1]".into(), r#""b\n""#.into()])
    );
    assert_eq!(elements(r#""a""#), None);
}

fn values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<i64>().prop_map(|number| json!(number)),
        // Numbers that serde_json reads back exactly.
        any::<i32>().prop_map(|number| json!(f64::from(number) / 64.0)),
        ".{0,24}".prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|list| json!(list)),
            prop::collection::hash_map(".{0,10}", inner, 0..5).prop_map(|object| json!(object)),
        ]
    })
}

proptest! {
    #[test]
    fn reads_what_serde_json_writes(object in prop::collection::hash_map(".{0,12}", values(), 0..6), pretty in any::<bool>()) {
        let line = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
        let found: Vec<_> = fields(&line).unwrap();
        prop_assert_eq!(found.len(), object.len());
        for (key, text) in found {
            prop_assert_eq!(Some(&serde_json::from_str::<serde_json::Value>(&text).unwrap()), object.get(&key));
        }
    }

    #[test]
    fn accepts_what_serde_json_accepts(object in prop::collection::hash_map(".{0,12}", values(), 1..4), at in any::<prop::sample::Index>(), other in "[\"\\\\{}\\[\\],:0-9a-z.+eE \t\u{1}-]?", insert in any::<bool>()) {
        let mut line = serde_json::to_string(&object).unwrap();
        let places: Vec<(usize, char)> = line.char_indices().collect();
        let (start, old) = places[at.index(places.len())];
        line.replace_range(start..if insert { start } else { start + old.len_utf8() }, &other);
        let theirs = serde_json::from_str::<IgnoredAny>(&line).is_ok();
        let ours = !matches!(scan_object(&line, |_, _| ()), Err(ObjectError::NotJson(_)));
        prop_assert_eq!(ours, theirs, "{}", line);
    }
}
