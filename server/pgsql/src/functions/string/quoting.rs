//! Text that becomes part of SQL or of a pattern: `quote_literal`, `LIKE … ESCAPE`; and `uuid`, which is text here.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use crate::error::{PgError, code};
use crate::functions::call::{Call, Function, raise};
use crate::params::parse_uuid;

pub fn functions() -> Vec<Function> {
    vec![
        Function::new("quote_literal", 1..=1, DataType::Utf8, |call| {
            each(call, |value| Ok(value.map(literal)))
        }),
        Function::new("quote_nullable", 1..=1, DataType::Utf8, |call| {
            each(call, |value| {
                Ok(Some(value.map_or_else(|| "NULL".to_owned(), literal)))
            })
        }),
        Function::new("pg_like_escape", 2..=2, DataType::Utf8, like_escape),
        Function::new("pg_uuid", 1..=1, DataType::Utf8, |call| {
            each(call, |value| value.map(uuid).transpose())
        })
        .shown_as("uuid"),
    ]
}

fn each(call: &Call, make: impl Fn(Option<&str>) -> Result<Option<String>>) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let made: Result<StringArray> = texts.iter().map(make).collect();
    Ok(Arc::new(made?))
}

/// A text as a literal; one with a backslash is written so that it means the same whatever the settings.
fn literal(value: &str) -> String {
    let quoted = value.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

fn uuid(value: &str) -> Result<String> {
    parse_uuid(value.trim()).ok_or_else(|| {
        raise(PgError::new(
            code::INVALID_TEXT,
            format!("invalid input syntax for type uuid: \"{value}\""),
        ))
    })
}

/// A pattern that is escaped with any character, or with none, as one that is escaped with a backslash.
fn like_escape(call: &Call) -> Result<ArrayRef> {
    let (patterns, escapes) = (call.texts(0)?, call.texts(1)?);
    let made: Result<StringArray> = patterns
        .iter()
        .zip(escapes.iter())
        .map(|both| match both {
            (Some(pattern), Some(escape)) => escaped(pattern, escape).map(Some),
            _ => Ok(None),
        })
        .collect();
    Ok(Arc::new(made?))
}

fn escaped(pattern: &str, escape: &str) -> Result<String> {
    let mut chars = escape.chars();
    let escape = chars.next();
    if chars.next().is_some() {
        let error = PgError::new("22025", "invalid escape string");
        return Err(raise(error));
    }
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        if Some(c) == escape {
            let Some(next) = rest.next() else {
                let error =
                    PgError::new("22025", "LIKE pattern must not end with escape character");
                return Err(raise(error));
            };
            out.extend(['\\', next]);
        } else if c == '\\' {
            out.push_str("\\\\");
        } else {
            out.push(c);
        }
    }
    Ok(out)
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
        assert_eq!(escaped(pattern, escape).unwrap(), expected);
    }

    #[rstest]
    #[case("a/", "/")]
    #[case("a", "//")]
    fn a_wrong_escape_is_told(#[case] pattern: &str, #[case] escape: &str) {
        assert!(escaped(pattern, escape).is_err());
    }

    #[rstest]
    #[case("it's", "'it''s'")]
    #[case("a\\b", "E'a\\\\b'")]
    fn literals_are_quoted(#[case] value: &str, #[case] expected: &str) {
        assert_eq!(literal(value), expected);
    }
}
