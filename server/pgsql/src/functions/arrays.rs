//! Arrays: an element, the elements as texts or whole numbers, the dimensions.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::Result;

use super::call::{Call, Function, raise};
use super::casts::{is_text, rounded, rounded_type};
use super::series::{item_type, lists};
use crate::encode::texts_of;
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

pub(super) fn functions() -> Vec<Function> {
    vec![
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
