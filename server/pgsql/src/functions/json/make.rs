//! JSON of values: `to_json`, `json_build_object`, `json_agg`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use crate::encode::{Style, texts_of};
use crate::error::{PgError, code};
use crate::functions::array::series::lists;
use crate::functions::call::{Call, raise};
use crate::functions::limits::Budget;
use crate::types::digits::Digits;

/// A column's values, each of which can be written as JSON.
pub(super) struct Values {
    array: ArrayRef,
    /// They are JSON already.
    json: bool,
    /// As they are sent.
    texts: StringArray,
    /// Of an array its elements, of a record its fields with their names.
    inner: Vec<(String, Values)>,
}

impl Values {
    /// Of an argument.
    pub fn of(call: &Call, at: usize) -> Result<Values> {
        let array = call.array(at);
        let values = Values::new(array, &call.style())?;
        Ok(match array.data_type() {
            DataType::Decimal128(..) => Values {
                texts: call.sent(at)?,
                ..values
            },
            _ => Values {
                json: matches!(call.shown_as(at), Some("json" | "jsonb")),
                ..values
            },
        })
    }

    fn new(array: &ArrayRef, style: &Style) -> Result<Values> {
        let mut inner = Vec::new();
        let mut texts = StringArray::new_null(array.len());
        match array.data_type() {
            DataType::List(_) => {
                let items = Values::new(array.as_list::<i32>().values(), style)?;
                inner.push((String::new(), items));
            }
            DataType::Struct(fields) => {
                for (field, column) in fields.iter().zip(array.as_struct().columns()) {
                    inner.push((field.name().clone(), Values::new(column, style)?));
                }
            }
            DataType::Null => {}
            _ => texts = texts_of(array, Digits::Scale, style).map_err(raise)?,
        }
        Ok(Values {
            array: Arc::clone(array),
            json: false,
            texts,
            inner,
        })
    }

    /// Writes a value as JSON has it: numbers and truths bare, times as ISO 8601 has them, all else as a string.
    ///
    /// # Errors
    /// If it is too long: each part of it is counted before it is added.
    pub fn write(&self, out: &mut Out<'_>, row: usize) -> Result<()> {
        if self.array.is_null(row) || self.array.data_type().is_null() {
            return out.push("null");
        }
        match self.array.data_type() {
            _ if self.json => out.push(self.texts.value(row)),
            DataType::Boolean => {
                let truth = self.array.as_boolean().value(row);
                out.push(if truth { "true" } else { "false" })
            }
            DataType::List(_) => {
                let offsets = self.array.as_list::<i32>().value_offsets();
                out.push("[")?;
                for (_, items) in &self.inner {
                    for at in offsets[row]..offsets[row + 1] {
                        out.push(if at > offsets[row] { "," } else { "" })?;
                        items.write(out, at as usize)?;
                    }
                }
                out.push("]")
            }
            DataType::Struct(_) => {
                out.push("{")?;
                for (at, (name, field)) in self.inner.iter().enumerate() {
                    out.push(if at > 0 { "," } else { "" })?;
                    out.push(&quoted(name))?;
                    out.push(":")?;
                    field.write(out, row)?;
                }
                out.push("}")
            }
            DataType::Timestamp(..) => out.push(&quoted(&iso(self.texts.value(row)))),
            // What is no number in JSON is a string.
            other if other.is_numeric() && is_number(self.texts.value(row)) => {
                out.push(self.texts.value(row))
            }
            _ => out.push(&quoted(self.texts.value(row))),
        }
    }

    /// A value as it is cast to text.
    fn spelled(&self, row: usize) -> &str {
        match self.array.as_boolean_opt() {
            Some(truths) if truths.value(row) => "true",
            Some(_) => "false",
            None => self.texts.value(row),
        }
    }

    /// They can be keys of an object.
    fn are_scalar(&self) -> bool {
        self.inner.is_empty() && !self.json
    }
}

/// Not one of `NaN`, `Infinity` and `-Infinity`.
fn is_number(text: &str) -> bool {
    !text.ends_with(|c: char| c.is_ascii_alphabetic())
}

/// The JSON of rows, of which all that is made of one batch is counted.
pub(super) struct Out<'a> {
    text: String,
    budget: Budget<'a>,
}

impl<'a> Out<'a> {
    fn of(function: &'a str) -> Out<'a> {
        Out {
            text: String::new(),
            budget: Budget::of(function),
        }
    }

    fn push(&mut self, text: &str) -> Result<()> {
        self.budget.text(text.len())?;
        self.text.push_str(text);
        Ok(())
    }

    /// The row that has been written.
    fn row(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

/// `2026-01-31 10:00:00+00` as `2026-01-31T10:00:00+00:00`.
fn iso(text: &str) -> String {
    let mut out = text.replacen(' ', "T", 1);
    let zone = out
        .rfind(['+', '-'])
        .filter(|at| out.find('T').is_some_and(|time| time < *at));
    if let Some(at) = zone
        && out.len() - at == 3
    {
        out.push_str(":00");
    }
    out
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `json_build_object('a', 1, 'b', 'c')`.
pub(super) fn object(call: &Call) -> Result<ArrayRef> {
    if !call.arity().is_multiple_of(2) {
        return Err(raise(
            PgError::new(
                code::INVALID_PARAMETER,
                "argument list must have even number of elements",
            )
            .hint(
                "The arguments of json_build_object() must consist of alternating keys and values.",
            ),
        ));
    }
    let values = (0..call.arity())
        .map(|at| Values::of(call, at))
        .collect::<Result<Vec<_>>>()?;
    let mut out = Out::of("json_build_object");
    let rows = (0..call.rows).map(|row| {
        out.push("{")?;
        for (at, pair) in values.chunks(2).enumerate() {
            let [key, value] = pair else { continue };
            out.push(if at > 0 { ", " } else { "" })?;
            if key.array.is_null(row) || key.array.data_type().is_null() {
                let message = format!("argument {} cannot be null", at * 2 + 1);
                let error = PgError::new(code::INVALID_PARAMETER, message);
                return Err(raise(error.hint("Object keys should be text.")));
            }
            if !key.are_scalar() {
                return Err(raise(PgError::new(
                    code::INVALID_PARAMETER,
                    "key value must be scalar, not array, composite, or json",
                )));
            }
            out.push(&quoted(key.spelled(row)))?;
            out.push(" : ")?;
            value.write(&mut out, row)?;
        }
        out.push("}")?;
        Ok(Some(out.row()))
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

/// `json_build_array(1, 'b')`.
pub(super) fn array(call: &Call) -> Result<ArrayRef> {
    let values = (0..call.arity())
        .map(|at| Values::of(call, at))
        .collect::<Result<Vec<_>>>()?;
    let mut out = Out::of("json_build_array");
    let rows = (0..call.rows).map(|row| {
        out.push("[")?;
        for (at, value) in values.iter().enumerate() {
            out.push(if at > 0 { ", " } else { "" })?;
            value.write(&mut out, row)?;
        }
        out.push("]")?;
        Ok(Some(out.row()))
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

/// Each value by itself: `to_json`.
pub(super) fn each(call: &Call) -> Result<ArrayRef> {
    let values = Values::of(call, 0)?;
    let mut out = Out::of("to_json");
    let rows = (0..call.rows).map(|row| {
        if values.array.is_null(row) {
            return Ok(None);
        }
        values.write(&mut out, row)?;
        Ok(Some(out.row()))
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

/// The JSON of rows that an aggregate has gathered, as one array: `json_agg`.
pub(super) fn gathered(call: &Call) -> Result<ArrayRef> {
    let lists = lists(call, 0)?;
    let items = cast(lists.values(), &DataType::Utf8)?;
    let items = items.as_string::<i32>();
    let mut out = Out::of("json_agg");
    let rows = (0..call.rows).map(|row| {
        if lists.is_null(row) {
            return Ok(None);
        }
        out.push("[")?;
        let offsets = lists.value_offsets();
        for at in offsets[row]..offsets[row + 1] {
            out.push(if at > offsets[row] { ", " } else { "" })?;
            let at = at as usize;
            out.push(if items.is_null(at) {
                "null"
            } else {
                items.value(at)
            })?;
        }
        out.push("]")?;
        Ok(Some(out.row()))
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-01-31 10:00:00+00", "2026-01-31T10:00:00+00:00")]
    #[case("2026-01-31 10:00:00.5+05:30", "2026-01-31T10:00:00.5+05:30")]
    #[case("2026-01-31 10:00:00", "2026-01-31T10:00:00")]
    #[case("infinity", "infinity")]
    fn times_are_iso(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(iso(text), expected);
    }
}
