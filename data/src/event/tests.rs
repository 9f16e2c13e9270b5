//! Tests of the names and of the table of fields.

use super::*;
use rstest::rstest;

#[test]
fn fields_are_found_by_their_names() {
    for field in Field::ALL {
        assert_eq!(Field::from_key(field.name().as_bytes()), Some(*field));
        assert_eq!(Field::from_name(field.name()), Some(*field));
    }
    assert_eq!(Field::from_key(b"tokens"), None);
    assert_eq!(Field::from_key(b""), None);
}

#[test]
fn a_field_is_represented_the_same_in_every_type() {
    for kind in EventType::ALL {
        for rule in COMMON_FIELDS.iter().chain(kind.fields()) {
            assert_eq!(rule.kind.form(), rule.field.form(), "{kind} {}", rule.field);
        }
    }
}

#[test]
fn a_type_lists_its_own_fields_and_the_common_ones() {
    for kind in EventType::ALL {
        for field in Field::ALL {
            let own = COMMON_FIELDS
                .iter()
                .chain(kind.fields())
                .any(|rule| rule.field == *field);
            assert_eq!(kind.listed().contains(*field), own, "{kind} {field}");
        }
    }
}

#[rstest]
#[case("a", true)]
#[case("Shop_1-b", true)]
#[case(&"a".repeat(64), true)]
#[case(&"a".repeat(65), false)]
#[case("", false)]
#[case("ac me", false)]
#[case("acme\n", false)]
#[case("é", false)]
#[case("a/b", false)]
fn names_of_accounts(#[case] text: &str, #[case] expected: bool) {
    assert_eq!(is_account_id(text), expected);
}
