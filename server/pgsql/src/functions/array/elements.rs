//! Arrays: an element, the elements as texts or whole numbers, the dimensions.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, StringArray, UInt32Array, new_null_array,
};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use pgwire::api::Type;

use super::series::{item_type, lists};
use crate::encode::{canonical, pg_type, texts_of};
use crate::functions::call::{Call, Function, raise};
use crate::functions::casts::{is_text, rounded, rounded_type};
use crate::params::{array_elements, parse_array};
use crate::types::digits::Digits;

/// `list[at]`, counted from one; there is nothing before the first, or after the last.
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

/// Lists with other elements in the same places.
fn with_items(lists: &ListArray, items: ArrayRef) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(
        field,
        lists.offsets().clone(),
        items,
        lists.nulls().cloned(),
    )?))
}

/// Elements as they are sent: a truth is `t`.
fn as_texts(call: &Call) -> Result<ArrayRef> {
    let lists = lists(call, 0)?;
    let items = lists.values();
    if is_text(items.data_type()) || items.data_type().is_null() {
        return call.cast(0, &DataType::new_list(DataType::Utf8, true));
    }
    let texts = texts_of(items, Digits::Scale, &call.style()).map_err(raise)?;
    with_items(&lists, Arc::new(texts))
}

/// `[1:3]`, or more of the kind for lists of lists.
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

/// `'{a,b}'` as a list, of the type that the result has.
fn list_written(call: &Call) -> Result<ArrayRef> {
    let DataType::List(item) = &call.returns else {
        return Ok(new_null_array(&call.returns, call.rows));
    };
    let element = pg_type(&canonical(item.data_type())).unwrap_or(Type::TEXT);
    let literals = call.texts(0)?;
    let mut lists = Vec::with_capacity(call.rows);
    for literal in &literals {
        lists.push(match literal {
            Some(text) => parse_array(&element, text, call.zone)
                .map_err(raise)?
                .cast_to(&call.returns)?,
            None => ScalarValue::try_from(&call.returns)?,
        });
    }
    ScalarValue::iter_to_array(lists)
}

/// A list of what the second argument is; numbers with all digits that the literal has.
fn list_like(types: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
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

pub fn functions() -> Vec<Function> {
    vec![
        Function::new("pg_array_like", 2..=2, DataType::Null, list_written)
            .returning(list_like)
            .stable(),
        Function::new("pg_element", 2..=2, DataType::Null, element).returning(item_type),
        Function::new(
            "pg_item_texts",
            1..=1,
            DataType::new_list(DataType::Utf8, true),
            as_texts,
        )
        .stable(),
        // What a cast to an array of whole numbers is given.
        Function::new("pg_round_items", 1..=1, DataType::Null, |call| {
            if !matches!(call.array(0).data_type(), DataType::List(_)) {
                return Ok(Arc::clone(call.array(0)));
            }
            let lists = lists(call, 0)?;
            with_items(&lists, rounded(lists.values())?)
        })
        .returning(|args, _| {
            Ok(match args.first() {
                Some(DataType::List(item)) if !matches!(item.data_type(), DataType::List(_)) => {
                    DataType::new_list(rounded_type(Some(item.data_type()))?, true)
                }
                Some(other) => other.clone(),
                None => DataType::Null,
            })
        }),
        Function::new("array_dims", 1..=1, DataType::Utf8, dimensions),
    ]
}
