//! What the body of a function works with: the arguments of one call, and the errors that it fails with.
//!
//! Arguments come in whatever types they have (a literal may be text, an object id any integer); a body casts them to
//! what it needs.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarFunctionArgs;

use super::rows;
use crate::encode::{IntervalStyle, SHOWN_AS_KEY, SessionStyle, Style, texts_of};
use crate::error::PgError;
use crate::types::digits::Digits;
use crate::types::zone::Zone;

/// Holds the arguments of a call, and what a body may know of the session.
pub struct Call {
    args: Vec<ArrayRef>,
    fields: Vec<FieldRef>,
    /// The number of rows of the result.
    pub rows: usize,
    /// The session's time zone.
    pub zone: Zone,
    /// The session's `IntervalStyle`.
    pub intervals: IntervalStyle,
    /// The type of the result.
    pub returns: DataType,
}

impl Call {
    /// Reads a call of so many rows from DataFusion's arguments.
    pub(super) fn new(args: ScalarFunctionArgs, rows: usize) -> Result<Call> {
        let zone = args.config_options.execution.time_zone.as_deref();
        let style = args.config_options.extensions.get::<SessionStyle>();
        let style = style.and_then(|style| IntervalStyle::parse(&style.interval_style));
        let arrays = args.args.iter().map(|arg| arg.to_array(rows));
        Ok(Call {
            args: arrays.collect::<Result<_>>()?,
            fields: args.arg_fields,
            rows,
            zone: zone.and_then(Zone::parse).unwrap_or(Zone::UTC),
            intervals: style.unwrap_or_default(),
            returns: args.return_field.data_type().clone(),
        })
    }

    /// Returns the number of arguments.
    pub fn arity(&self) -> usize {
        self.args.len()
    }

    /// Returns an argument in the type that it came in.
    pub fn array(&self, at: usize) -> &ArrayRef {
        &self.args[at]
    }

    /// Returns the PostgreSQL type that an argument's field is marked with (`json`, `uuid`), if it is.
    pub fn shown_as(&self, at: usize) -> Option<&str> {
        let marks = self.fields.get(at)?.metadata();
        marks.get(SHOWN_AS_KEY).map(String::as_str)
    }

    /// Casts an argument to a type.
    pub fn cast(&self, at: usize, to: &DataType) -> Result<ArrayRef> {
        Ok(cast(&self.args[at], to)?)
    }

    /// Casts an argument to `int8`.
    pub fn integers(&self, at: usize) -> Result<Int64Array> {
        let array = self.cast(at, &DataType::Int64)?;
        Ok(array.as_primitive::<Int64Type>().clone())
    }

    /// Casts an argument to `int8`, if the call has it.
    pub fn optional_integers(&self, at: usize) -> Result<Option<Int64Array>> {
        (at < self.arity()).then(|| self.integers(at)).transpose()
    }

    /// Casts an argument to `float8`.
    pub fn floats(&self, at: usize) -> Result<Float64Array> {
        let array = self.cast(at, &DataType::Float64)?;
        Ok(array.as_primitive::<Float64Type>().clone())
    }

    /// Casts an argument to text.
    pub fn texts(&self, at: usize) -> Result<StringArray> {
        Ok(self.cast(at, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    /// Reads a value from each text of an argument.
    pub fn parse_texts<T>(
        &self,
        at: usize,
        parse: impl FnMut(&str) -> Result<T>,
    ) -> Result<Vec<Option<T>>> {
        rows::map(self.texts(at)?.iter(), parse).collect()
    }

    /// Makes another text of each text of an argument.
    pub fn map_texts(
        &self,
        at: usize,
        make: impl FnMut(&str) -> Result<String>,
    ) -> Result<ArrayRef> {
        rows::collect::<StringArray, _>(rows::map(self.texts(at)?.iter(), make))
    }

    /// Returns how the session writes values as text; floats exactly, whatever `extra_float_digits` is.
    pub fn style(&self) -> Style {
        Style {
            zone: self.zone,
            extra_float_digits: 1,
            intervals: self.intervals,
        }
    }

    /// Returns how many digits after the point an argument's numbers are shown with.
    pub fn digits(&self, at: usize) -> Digits {
        let field = self.fields.get(at);
        field.map_or(Digits::Scale, |field| Digits::of(field))
    }

    /// Writes an argument's values as clients are sent them in text format: `true` is `t`.
    pub fn to_text(&self, at: usize) -> Result<StringArray> {
        texts_of(&self.args[at], self.digits(at), &self.style()).map_err(raise)
    }

    /// Makes a text of each integer of the first argument.
    pub fn text_by_integer(&self, text: impl Fn(i64) -> Option<String>) -> Result<ArrayRef> {
        let integers = self.integers(0)?;
        let texts = integers.iter().map(|value| value.and_then(&text));
        Ok(Arc::new(texts.collect::<StringArray>()))
    }

    /// Returns the same truth for every row, and null where the first argument is null.
    pub fn truth(&self, truth: bool) -> Result<ArrayRef> {
        let rows = (0..self.rows).map(|row| match self.args.first() {
            Some(first) if first.is_null(row) => None,
            _ => Some(truth),
        });
        Ok(Arc::new(rows.collect::<BooleanArray>()))
    }
}

/// Wraps an error of PostgreSQL's, for a body to fail with.
pub fn raise(error: PgError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Makes an error with a SQLSTATE and PostgreSQL's message, for a body to fail with.
pub fn sql_error(code: &'static str, message: impl Into<Cow<'static, str>>) -> DataFusionError {
    raise(PgError::new(code, message))
}
