//! `json` and `jsonb`, which are text here, and `json_build_object`.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use serde_json::value::RawValue;

use super::super::error::{PgError, code};
use super::{Call, Function, raise};

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("pg_json", 1..=1, DataType::Utf8, |call| {
            read(call, "json", |text| {
                serde_json::from_str::<&RawValue>(text).map(|_| text.to_owned())
            })
        })
        .shown_as("json"),
        Function::new("pg_jsonb", 1..=1, DataType::Utf8, |call| {
            read(call, "jsonb", |text| {
                let mut out = String::with_capacity(text.len());
                write_normal(&mut out, serde_json::from_str(text)?)?;
                Ok(out)
            })
        })
        .shown_as("jsonb"),
        Function::new("json_build_object", 0..=0, DataType::Utf8, build)
            .variadic()
            .shown_as("json"),
    ]
}

/// Makes of each text another, or says that it is no JSON.
fn read(
    call: &Call,
    kind: &str,
    make: impl Fn(&str) -> serde_json::Result<String>,
) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let made: Result<StringArray> = texts
        .iter()
        .map(|text| {
            let made = text.map(|text| {
                make(text).map_err(|error| {
                    let message = format!("invalid input syntax for type {kind}: {error}");
                    raise(PgError::new(code::INVALID_TEXT, message))
                })
            });
            made.transpose()
        })
        .collect();
    Ok(Arc::new(made?))
}

/// Writes JSON as `jsonb` is shown: shorter keys first, one space after each comma and colon, numbers as they were.
fn write_normal(out: &mut String, value: &RawValue) -> serde_json::Result<()> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by_key(|(key, _)| key.len());
            out.push('{');
            for (at, (key, member)) in members.into_iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                out.push_str(&serde_json::to_string(&key)?);
                out.push_str(": ");
                write_normal(out, member)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            out.push('[');
            for (at, item) in items.into_iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_normal(out, item)?;
            }
            out.push(']');
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(text)?;
            out.push_str(&serde_json::to_string(&text)?);
        }
        _ => out.push_str(text),
    }
    Ok(())
}

/// `json_build_object('a', 1, 'b', 'c')`.
fn build(call: &Call) -> Result<ArrayRef> {
    if !call.len().is_multiple_of(2) {
        return Err(raise(PgError::new(
            code::INVALID_PARAMETER,
            "argument list must have even number of elements",
        )));
    }
    let texts: Vec<StringArray> = (0..call.len())
        .map(|at| call.texts(at))
        .collect::<Result<_>>()?;
    let rows: Result<StringArray> = (0..call.rows)
        .map(|row| {
            let mut out = String::from("{");
            for at in (0..call.len()).step_by(2) {
                out.push_str(if at > 0 { ", " } else { "" });
                if texts[at].is_null(row) {
                    return Err(raise(PgError::new(
                        code::INVALID_PARAMETER,
                        format!("argument {} cannot be null", at + 1),
                    )));
                }
                out.push_str(&quoted(texts[at].value(row)));
                out.push_str(" : ");
                out.push_str(&value(call.array(at + 1), &texts[at + 1], row));
            }
            out.push('}');
            Ok(Some(out))
        })
        .collect();
    Ok(Arc::new(rows?))
}

/// A value as JSON has it: numbers and truths bare, all else as a string of its text.
fn value(array: &ArrayRef, texts: &StringArray, row: usize) -> String {
    if texts.is_null(row) {
        return "null".to_owned();
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        other if other.is_numeric() => texts.value(row).to_owned(),
        _ => quoted(texts.value(row)),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jsonb_is_shown_in_one_form() {
        let raw: &RawValue =
            serde_json::from_str(r#"{"bb":1.50, "a":[1,{"x":null}],"a":"\u0041"}"#).unwrap();
        let mut out = String::new();
        write_normal(&mut out, raw).unwrap();
        assert_eq!(out, r#"{"a": "A", "bb": 1.50}"#);
    }
}
