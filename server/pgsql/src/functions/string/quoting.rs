//! `quote_literal`, `quote_nullable`, `LIKE … ESCAPE`, and the cast to `uuid`, which is text in Arrow.

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use crate::functions::call::{Call, sql_error};
use crate::functions::casts::invalid_text;
use crate::functions::function::Function;
use crate::functions::rows;
use crate::params::parse_uuid;

/// Quotes a text as an SQL literal; one with a backslash is written as `E'…'`, which reads the same whatever the settings.
pub fn quote_literal(value: &str) -> String {
    let quoted = value.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// `x LIKE pattern ESCAPE escape`: rewrites the pattern so that its escape character is a backslash.
fn like_escapes(call: &Call) -> Result<ArrayRef> {
    let (patterns, escapes) = (call.texts(0)?, call.texts(1)?);
    rows::collect::<StringArray, _>(rows::zip(patterns.iter(), escapes.iter(), like_escape))
}

fn like_escape(pattern: &str, escape: &str) -> Result<String> {
    let mut chars = escape.chars();
    let escape = chars.next();
    if chars.next().is_some() {
        return Err(sql_error("22025", "invalid escape string"));
    }
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        if Some(c) == escape {
            let at_end = || sql_error("22025", "LIKE pattern must not end with escape character");
            out.extend(['\\', rest.next().ok_or_else(at_end)?]);
        } else if c == '\\' {
            out.push_str("\\\\");
        } else {
            out.push(c);
        }
    }
    Ok(out)
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT quote_literal('it''s'); → 'it''s'
        Function::new("quote_literal", 1..=1, DataType::Utf8, |call| {
            call.map_texts(0, |value| Ok(quote_literal(value)))
        }),
        // SELECT quote_nullable(NULL); → NULL, as text
        Function::new("quote_nullable", 1..=1, DataType::Utf8, |call| {
            let texts = call.texts(0)?;
            rows::collect::<StringArray, _>(
                texts
                    .iter()
                    .map(|value| Ok(Some(value.map_or_else(|| "NULL".to_owned(), quote_literal)))),
            )
        }),
        // SELECT 'a%' LIKE 'a!%' ESCAPE '!'; → t
        Function::new("pg_like_escape", 2..=2, DataType::Utf8, like_escapes),
        // SELECT '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'::uuid; → a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11
        Function::new("pg_uuid", 1..=1, DataType::Utf8, |call| {
            call.map_texts(0, |value| {
                parse_uuid(value.trim()).ok_or_else(|| invalid_text("uuid", value))
            })
        })
        .shown_as("uuid"),
    ]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("pg/_%", "/", "pg\\_%")]
    #[case("a\\b//c", "/", "a\\\\b\\/c")]
    #[case("a\\_", "", "a\\\\_")]
    fn any_escape_becomes_a_backslash(
        #[case] pattern: &str,
        #[case] escape: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(like_escape(pattern, escape).unwrap(), expected);
    }

    #[rstest]
    #[case("a/", "/")]
    #[case("a", "//")]
    fn a_wrong_escape_is_an_error(#[case] pattern: &str, #[case] escape: &str) {
        assert!(like_escape(pattern, escape).is_err());
    }

    #[rstest]
    #[case("it's", "'it''s'")]
    #[case("a\\b", "E'a\\\\b'")]
    fn literals_are_quoted(#[case] value: &str, #[case] expected: &str) {
        assert_eq!(quote_literal(value), expected);
    }
}
