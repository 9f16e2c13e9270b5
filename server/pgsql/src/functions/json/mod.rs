//! `json` and `jsonb`, which are text here: read, taken apart, built.

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
use crate::functions::array::series::lists;
use crate::functions::call::{Call, Function, raise};
use crate::functions::limits::Budget;
use access::Step;

pub(super) fn functions() -> Vec<Function> {
    let mut functions = vec![
        Function::new("pg_json", 1..=1, DataType::Utf8, |call| {
            read(call, |text| {
                let read = serde_json::from_str::<&RawValue>(text);
                read.map_err(|error| no_json(&error))?;
                Ok(text.to_owned())
            })
        })
        .shown_as("json"),
        Function::new("pg_jsonb", 1..=1, DataType::Utf8, |call| {
            let mut budget = Budget::of("jsonb");
            read(call, |text| normal::written(text, &mut budget))
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

/// It is said of `json` whichever of the two types is meant.
fn no_json(error: &serde_json::Error) -> DataFusionError {
    raise(
        PgError::new(code::INVALID_TEXT, "invalid input syntax for type json")
            .detail(error.to_string()),
    )
}

/// A string as a text, which has no zero byte: no client could read on after one.
fn without_null(text: String) -> Result<String> {
    if !text.contains('\0') {
        return Ok(text);
    }
    Err(raise(
        PgError::new("22P05", "unsupported Unicode escape sequence")
            .detail("\\u0000 cannot be converted to text."),
    ))
}

/// Makes of each text another.
fn read(call: &Call, mut make: impl FnMut(&str) -> Result<String>) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let made = texts.iter().map(|text| text.map(&mut make).transpose());
    Ok(Arc::new(made.collect::<Result<StringArray>>()?))
}

/// Of each JSON text, and of the argument after it, something else.
fn found<'t, T>(
    texts: &'t StringArray,
    mut find: impl FnMut(&'t str, usize) -> serde_json::Result<Option<T>>,
) -> impl Iterator<Item = Result<Option<T>>> {
    texts.iter().enumerate().map(move |(row, text)| {
        let Some(text) = text else { return Ok(None) };
        find(text, row).map_err(|error| no_json(&error))
    })
}

/// Parts of JSON texts, as such or as texts.
fn shown_parts<'t>(
    parts: impl Iterator<Item = Result<Option<&'t str>>>,
    as_text: bool,
) -> Result<ArrayRef> {
    let shown = parts.map(|part| match part? {
        Some(part) => shown(part, as_text),
        None => Ok(None),
    });
    Ok(Arc::new(shown.collect::<Result<StringArray>>()?))
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
    let texts = call.texts(0)?;
    let parts = found(&texts, |text, row| match step(row) {
        Some(step) => access::part(text, step),
        None => Ok(None),
    });
    shown_parts(parts, as_text)
}

/// `value #> path`, with the steps in an array.
fn path(call: &Call, as_text: bool) -> Result<ArrayRef> {
    let lists = lists(call, 1)?;
    let steps = cast(lists.values(), &DataType::Utf8)?;
    let steps = steps.as_string::<i32>();
    let texts = call.texts(0)?;
    let parts = found(&texts, |text, row| {
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
    shown_parts(parts, as_text)
}

fn shown(part: &str, as_text: bool) -> Result<Option<String>> {
    if !as_text {
        return Ok(Some(part.trim().to_owned()));
    }
    let text = access::unquoted(part).map_err(|error| no_json(&error))?;
    text.map(without_null).transpose()
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
            let message = format!(
                "cannot take apart a JSON {} that is no {wanted}",
                kind(text)
            );
            return Err(raise(PgError::new(code::INVALID_PARAMETER, message)));
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
    listed(call, "array", |text| {
        let items = access::items(text).map_err(|error| no_json(&error))?;
        items.into_iter().map(|item| shown(item, as_text)).collect()
    })
}

/// The functions of `json` and the same of `jsonb`, which give what they are given.
fn of_kind(kind: &'static str) -> Vec<Function> {
    let texts = DataType::new_list(DataType::Utf8, true);
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
                let keys = access::keys(text).map_err(|error| no_json(&error))?;
                let keys = keys.into_iter().map(without_null);
                keys.map(|key| key.map(Some)).collect()
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
