//! `json` and `jsonb`, which are text here: read, taken apart, built.

mod access;
mod make;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, ListBuilder, StringArray, StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::{DataFusionError, Result};
use serde_json::value::RawValue;

use super::super::error::{PgError, code};
use super::limits::Budget;
use super::series::lists;
use super::{Call, Function, raise};
use access::Step;

pub(super) fn functions() -> Vec<Function> {
    let mut functions = vec![
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
        Function::new("json_build_object", 0..=0, DataType::Utf8, make::object)
            .variadic()
            .shown_as("json")
            .stable(),
        Function::new("json_build_array", 0..=0, DataType::Utf8, make::array)
            .variadic()
            .shown_as("json")
            .stable(),
        Function::new("to_json", 1..=1, DataType::Utf8, make::each)
            .shown_as("json")
            .stable(),
        Function::new("pg_json_gathered", 1..=1, DataType::Utf8, make::gathered).shown_as("json"),
        // As text it is the same of both.
        Function::new("pg_json_text", 2..=2, DataType::Utf8, |call| {
            step(call, true)
        }),
        Function::new("pg_json_path_text", 2..=2, DataType::Utf8, |call| {
            path(call, true)
        }),
    ];
    let both = ["json", "jsonb"].into_iter().flat_map(of_kind);
    functions.extend(both);
    functions
}

fn no_json(kind: &str, error: &serde_json::Error) -> DataFusionError {
    raise(
        PgError::new(
            code::INVALID_TEXT,
            format!("invalid input syntax for type {kind}"),
        )
        .detail(error.to_string()),
    )
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
            let made = text.map(|text| make(text).map_err(|error| no_json(kind, &error)));
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

/// Of each JSON text, and of the argument after it, something else.
fn found<T>(
    call: &Call,
    mut find: impl FnMut(&str, usize) -> serde_json::Result<Option<T>>,
) -> Result<Vec<Option<T>>> {
    let texts = call.texts(0)?;
    (0..call.rows)
        .map(|row| {
            if texts.is_null(row) {
                return Ok(None);
            }
            find(texts.value(row), row).map_err(|error| no_json("json", &error))
        })
        .collect()
}

/// `value -> step`; as text (`->>`) where it is asked for.
fn step(call: &Call, as_text: bool) -> Result<ArrayRef> {
    let by_place = call.array(1).data_type().is_integer();
    let places = if by_place {
        Some(call.integers(1)?)
    } else {
        None
    };
    let keys = if by_place { None } else { Some(call.texts(1)?) };
    let step = |row: usize| match (&places, &keys) {
        (Some(places), _) => places.is_valid(row).then(|| Step::Item(places.value(row))),
        (_, Some(keys)) => keys.is_valid(row).then(|| Step::Key(keys.value(row))),
        _ => None,
    };
    let parts = found(call, |text, row| {
        let Some(step) = step(row) else {
            return Ok(None);
        };
        shown(access::part(text, step)?, as_text)
    })?;
    Ok(Arc::new(parts.into_iter().collect::<StringArray>()))
}

/// `value #> path`, with the steps in an array.
fn path(call: &Call, as_text: bool) -> Result<ArrayRef> {
    let lists = lists(call, 1)?;
    let steps = cast(lists.values(), &DataType::Utf8)?;
    let steps = steps.as_string::<i32>();
    let parts = found(call, |text, row| {
        if lists.is_null(row) {
            return Ok(None);
        }
        let offsets = lists.value_offsets();
        let mut value = Some(text);
        for at in offsets[row]..offsets[row + 1] {
            let at = at as usize;
            let Some(within) = value.filter(|_| steps.is_valid(at)) else {
                return Ok(None);
            };
            value = match Step::of_path(steps.value(at), within) {
                Some(step) => access::part(within, step)?,
                None => None,
            };
        }
        shown(value, as_text)
    })?;
    Ok(Arc::new(parts.into_iter().collect::<StringArray>()))
}

fn shown(part: Option<&str>, as_text: bool) -> serde_json::Result<Option<String>> {
    match part {
        Some(part) if as_text => access::unquoted(part),
        Some(part) => Ok(Some(part.trim().to_owned())),
        None => Ok(None),
    }
}

/// What a value is: `object`, `number` and so on.
fn kind(text: &str) -> &'static str {
    match text.trim_start().as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ => "number",
    }
}

/// The items of an array of a value: an array of a value that is none is refused.
fn listed(
    call: &Call,
    wanted: &'static str,
    items: impl Fn(&str) -> serde_json::Result<Vec<Option<String>>>,
) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let mut budget = Budget::of("json_array_elements");
    let mut lists = ListBuilder::new(StringBuilder::new());
    for text in texts.iter() {
        let Some(text) = text else {
            lists.append_null();
            continue;
        };
        if kind(text) != wanted {
            let message = format!(
                "cannot take apart a JSON {} that is no {wanted}",
                kind(text)
            );
            return Err(raise(PgError::new(code::INVALID_PARAMETER, message)));
        }
        let items = items(text).map_err(|error| no_json("json", &error))?;
        budget.elements(items.len())?;
        budget.text(text.len())?;
        for item in items {
            lists.values().append_option(item);
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

fn elements(call: &Call, as_text: bool) -> Result<ArrayRef> {
    listed(call, "array", |text| {
        let items = access::items(text)?.into_iter();
        items.map(|item| shown(Some(item), as_text)).collect()
    })
}

/// The functions of `json` and the same of `jsonb`, which give what they are given.
fn of_kind(kind: &'static str) -> Vec<Function> {
    let texts = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    let named = |name: &str| format!("{kind}_{name}");
    vec![
        Function::new(&named("get"), 2..=2, DataType::Utf8, |call| {
            step(call, false)
        })
        .shown_as(kind),
        Function::new(&named("get_path"), 2..=2, DataType::Utf8, |call| {
            path(call, false)
        })
        .shown_as(kind),
        Function::new(&named("items"), 1..=1, texts.clone(), |call| {
            elements(call, false)
        }),
        Function::new(&named("item_texts"), 1..=1, texts.clone(), |call| {
            elements(call, true)
        }),
        Function::new(&named("keys"), 1..=1, texts, |call| {
            listed(call, "object", |text| {
                Ok(access::keys(text)?.into_iter().map(Some).collect())
            })
        }),
        Function::new(&named("typeof"), 1..=1, DataType::Utf8, |call| {
            let texts = call.texts(0)?;
            let kinds = texts.iter().map(|text| text.map(self::kind));
            Ok(Arc::new(kinds.collect::<StringArray>()))
        }),
        Function::new(&named("array_length"), 1..=1, DataType::Int32, |call| {
            let items = elements(call, false)?;
            let items = items.as_list::<i32>();
            let lengths =
                (0..call.rows).map(|row| items.is_valid(row).then(|| items.value_length(row)));
            Ok(Arc::new(lengths.collect::<Int32Array>()))
        }),
    ]
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
