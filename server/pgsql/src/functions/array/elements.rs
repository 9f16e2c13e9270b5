//! Subscripts, casts of elements, `array_dims`, `array_length`, and counts of null arguments.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, ListArray, StringArray, UInt32Array, new_null_array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use pgwire::api::Type;

use super::{item_type, lists};
use crate::encode::{canonical, pg_type, texts_of};
use crate::functions::call::{Call, raise};
use crate::functions::casts::{is_text, round_numbers, rounded_type};
use crate::functions::function::Function;
use crate::params::{array_elements, parse_array};
use crate::types::digits::Digits;

/// `list[at]`, counted from one; null before the first element and after the last.
fn element(call: &Call) -> Result<ArrayRef> {
    let (lists, places) = (lists(call, 0)?, call.integers(1)?);
    let indices = (0..call.rows).map(|row| {
        if lists.is_null(row) || places.is_null(row) {
            return None;
        }
        let place = u32::try_from(places.value(row)).ok()?.checked_sub(1)?;
        let length = u32::try_from(lists.value_length(row)).ok()?;
        let start = u32::try_from(lists.value_offsets()[row]).ok()?;
        (place < length).then_some(start + place)
    });
    let indices: UInt32Array = indices.collect();
    Ok(take(lists.values(), &indices, None)?)
}

/// Replaces the elements of lists by others in the same places.
fn with_items(lists: &ListArray, items: ArrayRef) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(
        field,
        lists.offsets().clone(),
        items,
        lists.nulls().cloned(),
    )?))
}

/// `list::text[]`, with elements as clients are sent them: `true` is `t`.
fn item_texts(call: &Call) -> Result<ArrayRef> {
    let lists = lists(call, 0)?;
    let items = lists.values();
    if is_text(items.data_type()) || items.data_type().is_null() {
        return call.cast(0, &DataType::new_list(DataType::Utf8, true));
    }
    let texts = texts_of(items, Digits::Scale, &call.style()).map_err(raise)?;
    with_items(&lists, Arc::new(texts))
}

/// `array_dims(list)`: `[1:3]`, and one more range for each level of lists in lists.
fn dimensions(call: &Call) -> Result<ArrayRef> {
    let lists = lists(call, 0)?;
    let mut texts = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let mut text = String::new();
        let mut value = lists.is_valid(row).then(|| lists.value(row));
        while let Some(items) = value.filter(|items| !items.is_empty()) {
            // Writing to a String cannot fail.
            let _ = write!(text, "[1:{}]", items.len());
            value = items
                .as_list_opt::<i32>()
                .filter(|inner| inner.is_valid(0))
                .map(|inner| inner.value(0));
        }
        texts.push(Some(text).filter(|text| !text.is_empty()));
    }
    Ok(Arc::new(texts.into_iter().collect::<StringArray>()))
}

/// Reads array literals, `'{a,b}'`, in the type that the result has.
fn array_literals(call: &Call) -> Result<ArrayRef> {
    let DataType::List(item) = &call.returns else {
        return Ok(new_null_array(&call.returns, call.rows));
    };
    let element = pg_type(&canonical(item.data_type())).unwrap_or(Type::TEXT);
    let null = ScalarValue::try_from(&call.returns)?;
    let lists = call.parse_texts(0, |text| {
        let list = parse_array(&element, text, call.zone).map_err(raise)?;
        list.cast_to(&call.returns)
    })?;
    let lists = lists.into_iter();
    ScalarValue::iter_to_array(lists.map(|list| list.unwrap_or_else(|| null.clone())))
}

/// Returns a list of the second argument's type; numbers get as many digits after the point as the literal has.
fn array_literal_type(types: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let item = match types.get(1) {
        None | Some(DataType::Null) => DataType::Utf8,
        Some(DataType::Decimal128(precision, scale)) => {
            let literal = constants.first().copied().flatten();
            let literal = literal.and_then(|text| text.try_as_str().flatten());
            let items = literal.and_then(array_elements).unwrap_or_default();
            let digits = |item: &String| item.split_once('.').map_or(0, |(_, digits)| digits.len());
            let most = items.iter().flatten().map(digits).max();
            match i8::try_from(most.unwrap_or(0)).unwrap_or(37).min(37) {
                digits if digits <= *scale => DataType::Decimal128(*precision, *scale),
                digits => DataType::Decimal128(38, digits),
            }
        }
        Some(other) => other.clone(),
    };
    Ok(DataType::new_list(item, true))
}

/// `array_length(list, dimension)`; only the first dimension has one here.
fn array_lengths(call: &Call) -> Result<ArrayRef> {
    let (lists, dimensions) = (lists(call, 0)?, call.integers(1)?);
    let lengths = (0..call.rows).map(|row| {
        let known = lists.is_valid(row) && dimensions.is_valid(row) && dimensions.value(row) == 1;
        // An empty array has no dimensions.
        let length = known.then(|| lists.value_length(row));
        length.filter(|length| *length > 0)
    });
    Ok(Arc::new(lengths.collect::<Int32Array>()))
}

/// `num_nulls(…)` and `num_nonnulls(…)`.
fn count_nulls(call: &Call, of_nulls: bool) -> Result<ArrayRef> {
    let nulls: Vec<_> = (0..call.arity())
        .map(|at| call.array(at).logical_nulls())
        .collect();
    let counts = (0..call.rows).map(|row| {
        let is_null = |nulls: &&Option<NullBuffer>| {
            nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) == of_nulls
        };
        i32::try_from(nulls.iter().filter(is_null).count()).ok()
    });
    Ok(Arc::new(counts.collect::<Int32Array>()))
}

/// Rounds the elements of lists, before DataFusion's cast to lists of integers, which cuts.
fn round_items(call: &Call) -> Result<ArrayRef> {
    if !matches!(call.array(0).data_type(), DataType::List(_)) {
        return Ok(Arc::clone(call.array(0)));
    }
    let lists = lists(call, 0)?;
    with_items(&lists, round_numbers(lists.values())?)
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    let texts = DataType::new_list(DataType::Utf8, true);
    vec![
        // A literal where a list is wanted: SELECT ARRAY[1, 2] = '{1,2}'; → t
        Function::new("pg_array_like", 2..=2, DataType::Null, array_literals)
            .returning(array_literal_type)
            .stable(),
        // SELECT (ARRAY['a', 'b'])[2]; → b
        Function::new("pg_element", 2..=2, DataType::Null, element).returning(item_type),
        // SELECT ARRAY[true, false]::text[]; → {t,f}
        Function::new("pg_item_texts", 1..=1, texts, item_texts).stable(),
        // SELECT ARRAY[1.5, 2.4]::int[]; → {2,2}
        Function::new("pg_round_items", 1..=1, DataType::Null, round_items).returning(|args, _| {
            Ok(match args.first() {
                Some(DataType::List(item)) if !matches!(item.data_type(), DataType::List(_)) => {
                    DataType::new_list(rounded_type(Some(item.data_type()))?, true)
                }
                Some(other) => other.clone(),
                None => DataType::Null,
            })
        }),
        // SELECT array_dims(ARRAY[1, 2, 3]); → [1:3]
        Function::new("array_dims", 1..=1, DataType::Utf8, dimensions),
        // SELECT array_length(ARRAY[1, 2, 3], 1); → 3
        Function::new("pg_array_length", 2..=2, DataType::Int32, array_lengths),
        // SELECT num_nulls(1, NULL, 2); → 1
        Function::new("num_nulls", 1..=64, DataType::Int32, |call| {
            count_nulls(call, true)
        }),
        // SELECT num_nonnulls(1, NULL, 2); → 2
        Function::new("num_nonnulls", 1..=64, DataType::Int32, |call| {
            count_nulls(call, false)
        }),
    ]
}
