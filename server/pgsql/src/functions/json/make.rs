//! Makes JSON of values: `to_json`, `json_build_object`, `json_build_array`, `json_agg`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use crate::encode::{Style, texts_of};
use crate::error::PgError;
use crate::functions::array::lists;
use crate::functions::call::{Call, raise};
use crate::functions::limits::Budget;
use crate::functions::rows;
use crate::types::digits::Digits;

/// The values of a column, ready to be written as JSON.
pub(super) struct Values {
    array: ArrayRef,
    /// Whether they are JSON already.
    json: bool,
    /// The values as clients are sent them.
    texts: StringArray,
    /// The elements of an array, or the fields of a record with their names.
    inner: Vec<(String, Values)>,
}

impl Values {
    /// Reads an argument.
    pub fn of(call: &Call, at: usize) -> Result<Values> {
        let array = call.array(at);
        let values = Values::new(array, &call.style())?;
        Ok(match array.data_type() {
            DataType::Decimal128(..) => Values {
                texts: call.to_text(at)?,
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

    /// Writes a value: numbers and booleans bare, times as ISO 8601 has them, all else as a string.
    ///
    /// # Errors
    /// If it is too long: each part is counted before it is added.
    pub fn write(&self, out: &mut Out<'_>, row: usize) -> Result<()> {
        if self.is_null(row) {
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
                    out.push(&quote(name))?;
                    out.push(":")?;
                    field.write(out, row)?;
                }
                out.push("}")
            }
            DataType::Timestamp(..) => out.push(&quote(&iso(self.texts.value(row)))),
            // `NaN` and infinity are strings.
            other if other.is_numeric() && is_number(self.texts.value(row)) => {
                out.push(self.texts.value(row))
            }
            _ => out.push(&quote(self.texts.value(row))),
        }
    }

    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || self.array.data_type().is_null()
    }

    /// Returns a value as a cast to text writes it.
    fn as_text(&self, row: usize) -> &str {
        match self.array.as_boolean_opt() {
            Some(truths) if truths.value(row) => "true",
            Some(_) => "false",
            None => self.texts.value(row),
        }
    }

    /// Whether the values can be keys of an object.
    fn is_scalar(&self) -> bool {
        self.inner.is_empty() && !self.json
    }
}

/// Whether a text is not `NaN`, `Infinity` or `-Infinity`.
fn is_number(text: &str) -> bool {
    !text.ends_with(|c: char| c.is_ascii_alphabetic())
}

/// Writes the JSON of rows; all that is made of one batch counts together.
pub(super) struct Out<'a> {
    text: String,
    budget: Budget<'a>,
}

impl Out<'_> {
    fn push(&mut self, text: &str) -> Result<()> {
        self.budget.text(text.len())?;
        self.text.push_str(text);
        Ok(())
    }
}

/// Writes a JSON text for each row; null where `write` says that there is none.
fn write_rows(
    call: &Call,
    function: &str,
    mut write: impl FnMut(&mut Out<'_>, usize) -> Result<bool>,
) -> Result<ArrayRef> {
    let mut out = Out {
        text: String::new(),
        budget: Budget::of(function),
    };
    rows::collect::<StringArray, _>((0..call.rows).map(|row| {
        let is_some = write(&mut out, row)?;
        Ok(is_some.then(|| std::mem::take(&mut out.text)))
    }))
}

/// Reads all arguments.
fn all_values(call: &Call) -> Result<Vec<Values>> {
    (0..call.arity()).map(|at| Values::of(call, at)).collect()
}

/// Converts `2026-01-31 10:00:00+00` to `2026-01-31T10:00:00+00:00`.
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

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `json_build_object('a', 1, 'b', 'c')`.
pub(super) fn build_object(call: &Call) -> Result<ArrayRef> {
    if !call.arity().is_multiple_of(2) {
        return Err(raise(
            PgError::invalid_parameter("argument list must have even number of elements").hint(
                "The arguments of json_build_object() must consist of alternating keys and values.",
            ),
        ));
    }
    let values = all_values(call)?;
    let refused = |error| Err(raise(error));
    write_rows(call, "json_build_object", |out, row| {
        out.push("{")?;
        for (at, pair) in values.chunks(2).enumerate() {
            let [key, value] = pair else { continue };
            out.push(if at > 0 { ", " } else { "" })?;
            if key.is_null(row) {
                let message = format!("argument {} cannot be null", at * 2 + 1);
                let error = PgError::invalid_parameter(message);
                return refused(error.hint("Object keys should be text."));
            }
            if !key.is_scalar() {
                let message = "key value must be scalar, not array, composite, or json";
                return refused(PgError::invalid_parameter(message));
            }
            out.push(&quote(key.as_text(row)))?;
            out.push(" : ")?;
            value.write(out, row)?;
        }
        out.push("}")?;
        Ok(true)
    })
}

/// `json_build_array(1, 'b')`.
pub(super) fn build_array(call: &Call) -> Result<ArrayRef> {
    let values = all_values(call)?;
    write_rows(call, "json_build_array", |out, row| {
        out.push("[")?;
        for (at, value) in values.iter().enumerate() {
            out.push(if at > 0 { ", " } else { "" })?;
            value.write(out, row)?;
        }
        out.push("]")?;
        Ok(true)
    })
}

/// `to_json(x)`.
pub(super) fn to_json(call: &Call) -> Result<ArrayRef> {
    let values = Values::of(call, 0)?;
    write_rows(call, "to_json", |out, row| {
        if values.array.is_null(row) {
            return Ok(false);
        }
        values.write(out, row)?;
        Ok(true)
    })
}

/// `json_agg(x)`: joins the JSON texts that an aggregate gathered to one array.
pub(super) fn json_agg(call: &Call) -> Result<ArrayRef> {
    let lists = lists(call, 0)?;
    let items = cast(lists.values(), &DataType::Utf8)?;
    let items = items.as_string::<i32>();
    let offsets = lists.value_offsets();
    write_rows(call, "json_agg", |out, row| {
        if lists.is_null(row) {
            return Ok(false);
        }
        out.push("[")?;
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
        Ok(true)
    })
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
