//! Functions and operators of `json` and `jsonb`, which are text in Arrow.

mod access;
mod make;
mod normal;

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, ListBuilder, StringArray, StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use serde_json::value::RawValue;

use crate::error::{PgError, code};
use crate::functions::array::lists;
use crate::functions::call::{Call, raise, sql_error};
use crate::functions::function::Function;
use crate::functions::limits::Budget;
use crate::functions::rows;
use access::Step;

/// Returns the functions of this folder.
pub(super) fn functions() -> Vec<Function> {
    let mut functions = vec![
        // SELECT '{"a": 1}'::json;
        Function::new("pg_json", 1..=1, DataType::Utf8, |call| {
            call.map_texts(0, |text| {
                let read = serde_json::from_str::<&RawValue>(text);
                read.map_err(|error| no_json(&error))?;
                Ok(text.to_owned())
            })
        })
        .shown_as("json"),
        // SELECT '{"b":1,"a":2}'::jsonb; → {"a": 2, "b": 1}
        Function::new("pg_jsonb", 1..=1, DataType::Utf8, |call| {
            let mut budget = Budget::of("jsonb");
            call.map_texts(0, |text| normal::normalize(text, &mut budget))
        })
        .shown_as("jsonb"),
        // SELECT json_build_object('a', 1); → {"a" : 1}
        Function::new(
            "json_build_object",
            0..=0,
            DataType::Utf8,
            make::build_object,
        )
        .variadic()
        .shown_as("json")
        .stable(),
        // SELECT json_build_array(1, true); → [1, true]
        Function::new("json_build_array", 0..=0, DataType::Utf8, make::build_array)
            .variadic()
            .shown_as("json")
            .stable(),
        // SELECT to_json(date '2026-01-31'); → "2026-01-31"
        Function::new("to_json", 1..=1, DataType::Utf8, make::to_json)
            .shown_as("json")
            .stable(),
        // SELECT json_agg(x) FROM (VALUES (1), (2)) t(x); → [1, 2]
        Function::new("pg_json_gathered", 1..=1, DataType::Utf8, make::json_agg).shown_as("json"),
        // One function serves `json` and `jsonb`: SELECT '{"a": "b"}'::json ->> 'a'; → b
        Function::new("pg_json_text", 2..=2, DataType::Utf8, |call| {
            step(call, true)
        }),
        // SELECT '{"a": ["b"]}'::json #>> '{a,0}'; → b
        Function::new("pg_json_path_text", 2..=2, DataType::Utf8, |call| {
            path(call, true)
        }),
    ];
    let both = ["json", "jsonb"].into_iter().flat_map(of_kind);
    functions.extend(both);
    functions
}

/// Makes the error of a text that is no JSON. PostgreSQL names `json` in it for both types.
fn no_json(error: &serde_json::Error) -> DataFusionError {
    raise(
        PgError::new(code::INVALID_TEXT, "invalid input syntax for type json")
            .detail(error.to_string()),
    )
}

/// Returns a string if it has no zero byte, which no client could read past.
fn without_null(text: String) -> Result<String> {
    if !text.contains('\0') {
        return Ok(text);
    }
    Err(raise(
        PgError::new("22P05", "unsupported Unicode escape sequence")
            .detail("\\u0000 cannot be converted to text."),
    ))
}

/// Finds a part of each JSON text, by its row.
fn find_in<'t, T>(
    texts: &'t StringArray,
    mut find: impl FnMut(&'t str, usize) -> serde_json::Result<Option<T>>,
) -> impl Iterator<Item = Result<Option<T>>> {
    texts.iter().enumerate().map(move |(row, text)| {
        let Some(text) = text else { return Ok(None) };
        find(text, row).map_err(|error| no_json(&error))
    })
}

/// Collects parts of JSON texts, as JSON or as text.
fn collect_parts<'t>(
    parts: impl Iterator<Item = Result<Option<&'t str>>>,
    as_text: bool,
) -> Result<ArrayRef> {
    rows::collect::<StringArray, _>(parts.map(|part| match part? {
        Some(part) => write_part(part, as_text),
        None => Ok(None),
    }))
}

/// `value -> step`, or `value ->> step`, which gives text.
fn step(call: &Call, as_text: bool) -> Result<ArrayRef> {
    let by_place = call.array(1).data_type().is_integer();
    let places = by_place.then(|| call.integers(1)).transpose()?;
    let keys = (!by_place).then(|| call.texts(1)).transpose()?;
    let step = |row: usize| match (&places, &keys) {
        (Some(places), _) => places.is_valid(row).then(|| Step::Item(places.value(row))),
        (_, Some(keys)) => keys.is_valid(row).then(|| Step::Key(keys.value(row))),
        _ => None,
    };
    let texts = call.texts(0)?;
    let parts = find_in(&texts, |text, row| match step(row) {
        Some(step) => access::part(text, step),
        None => Ok(None),
    });
    collect_parts(parts, as_text)
}

/// `value #> path`, or `value #>> path`, with the steps in an array.
fn path(call: &Call, as_text: bool) -> Result<ArrayRef> {
    let lists = lists(call, 1)?;
    let steps = cast(lists.values(), &DataType::Utf8)?;
    let steps = steps.as_string::<i32>();
    let texts = call.texts(0)?;
    let parts = find_in(&texts, |text, row| {
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
        Ok(value)
    });
    collect_parts(parts, as_text)
}

fn write_part(part: &str, as_text: bool) -> Result<Option<String>> {
    if !as_text {
        return Ok(Some(part.trim().to_owned()));
    }
    let text = access::unquote(part).map_err(|error| no_json(&error))?;
    text.map(without_null).transpose()
}

/// Returns what a value is, as `json_typeof` names it.
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

/// Makes a list of the items of each value.
///
/// # Errors
/// If a value is not of the wanted kind, or the lists get too large.
fn list_items(
    call: &Call,
    wanted: &'static str,
    items: impl Fn(&str) -> Result<Vec<Option<String>>>,
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
            return Err(sql_error(
                code::INVALID_PARAMETER,
                format!(
                    "cannot take apart a JSON {} that is no {wanted}",
                    kind(text)
                ),
            ));
        }
        budget.text(text.len())?;
        let items = items(text)?;
        budget.elements(items.len())?;
        for item in items {
            lists.values().append_option(item);
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

fn elements(call: &Call, as_text: bool) -> Result<ArrayRef> {
    list_items(call, "array", |text| {
        let items = access::items(text).map_err(|error| no_json(&error))?;
        items
            .into_iter()
            .map(|item| write_part(item, as_text))
            .collect()
    })
}

/// Returns the functions that both types have, with results of the type.
fn of_kind(kind: &'static str) -> Vec<Function> {
    let texts = DataType::new_list(DataType::Utf8, true);
    let named = |name: &str| format!("{kind}_{name}");
    vec![
        // SELECT '{"a": [1, 2]}'::json -> 'a' -> 0; → 1
        Function::new(&named("get"), 2..=2, DataType::Utf8, |call| {
            step(call, false)
        })
        .shown_as(kind),
        // SELECT '{"a": [1, 2]}'::json #> '{a,0}'; → 1
        Function::new(&named("get_path"), 2..=2, DataType::Utf8, |call| {
            path(call, false)
        })
        .shown_as(kind),
        // SELECT json_array_elements('[1, 2]'); → 1 and 2
        Function::new(&named("items"), 1..=1, texts.clone(), |call| {
            elements(call, false)
        }),
        // SELECT json_array_elements_text('["a"]'); → a
        Function::new(&named("item_texts"), 1..=1, texts.clone(), |call| {
            elements(call, true)
        }),
        // SELECT json_object_keys('{"a": 1}'); → a
        Function::new(&named("keys"), 1..=1, texts, |call| {
            list_items(call, "object", |text| {
                let keys = access::keys(text).map_err(|error| no_json(&error))?;
                let keys = keys.into_iter().map(without_null);
                keys.map(|key| key.map(Some)).collect()
            })
        }),
        // SELECT json_typeof('[1]'); → array
        Function::new(&named("typeof"), 1..=1, DataType::Utf8, |call| {
            call.map_texts(0, |text| Ok(self::kind(text).to_owned()))
        }),
        // SELECT json_array_length('[1, 2]'); → 2
        Function::new(&named("array_length"), 1..=1, DataType::Int32, |call| {
            let items = elements(call, false)?;
            let items = items.as_list::<i32>();
            let lengths =
                (0..call.rows).map(|row| items.is_valid(row).then(|| items.value_length(row)));
            Ok(Arc::new(lengths.collect::<Int32Array>()))
        }),
    ]
}
