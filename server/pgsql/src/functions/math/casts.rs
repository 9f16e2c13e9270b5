//! Casts to `numeric`, and the scale of numerics.
//!
//! A float counts with no more digits than it surely has, 15 of a `float8` and 6 of a `float4`, as in PostgreSQL.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int32Array};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::scalar::ScalarValue;

use super::arithmetic::{FROM_FLOAT_SCALE, overflow, scale_of, steps};
use crate::error::code;
use crate::functions::call::{Call, raise, sql_error};
use crate::functions::casts::{is_text, no_cast};
use crate::functions::function::Function;
use crate::functions::rows;
use crate::params::parse_numeric;
use crate::types::digits::NEEDED;

/// The scale of a numeric that is cast from text.
const FROM_TEXT_SCALE: i8 = 10;

/// Significant digits of a `float8`.
const FLOAT8_DIGITS: usize = 15;
/// Significant digits of a `float4`.
const FLOAT4_DIGITS: usize = 6;

/// Makes the error of a float that is no numeric here: `NaN` or infinity.
pub fn not_finite(value: f64) -> DataFusionError {
    sql_error(
        code::NOT_SUPPORTED,
        format!("a numeric here is finite, and not {value}"),
    )
}

/// Converts a float to steps of [`FROM_FLOAT_SCALE`], by so many of its digits. `text` is scratch.
fn float_steps(value: f64, digits: usize, text: &mut String) -> Result<i128> {
    if !value.is_finite() {
        return Err(not_finite(value));
    }
    text.clear();
    // Writing to a String cannot fail.
    let _ = write!(text, "{value:.after$e}", after = digits - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut steps: i128 = 0;
    for digit in mantissa.bytes().filter(u8::is_ascii_digit) {
        steps = steps * 10 + i128::from(digit - b'0');
    }
    let shift = exponent - (digits as i32 - 1) + i32::from(FROM_FLOAT_SCALE);
    let power = 10_i128.checked_pow(shift.unsigned_abs());
    let steps = match power {
        Some(power) if shift >= 0 => steps.checked_mul(power).ok_or_else(overflow)?,
        Some(power) => (steps + power / 2) / power,
        None if shift >= 0 && steps != 0 => return Err(overflow()),
        None => 0,
    };
    if steps >= 10_i128.pow(38) {
        return Err(overflow());
    }
    Ok(if value < 0.0 { -steps } else { steps })
}

fn from_floats(call: &Call) -> Result<ArrayRef> {
    let digits = match call.array(0).data_type() {
        DataType::Float64 => FLOAT8_DIGITS,
        _ => FLOAT4_DIGITS,
    };
    let mut text = String::new();
    let floats = call.floats(0)?;
    let steps = rows::map(floats.iter(), |value| float_steps(value, digits, &mut text));
    rows::decimals(steps, &DataType::Decimal128(38, FROM_FLOAT_SCALE))
}

fn from_texts(call: &Call) -> Result<ArrayRef> {
    let steps = call.parse_texts(0, |text| {
        parse_numeric(text.trim(), FROM_TEXT_SCALE).map_err(raise)
    })?;
    let to = DataType::Decimal128(38, FROM_TEXT_SCALE);
    rows::decimals(steps.into_iter().map(Ok), &to)
}

/// `x::numeric`.
fn as_numeric(call: &Call) -> Result<ArrayRef> {
    match call.array(0).data_type() {
        text if is_text(text) => from_texts(call),
        float if float.is_floating() => from_floats(call),
        _ => call.cast(0, &call.returns),
    }
}

fn numeric_type(args: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(match args.first() {
        Some(decimal) if decimal.is_decimal() => decimal.clone(),
        Some(float) if float.is_floating() => DataType::Decimal128(38, FROM_FLOAT_SCALE),
        Some(text) if is_text(text) => DataType::Decimal128(38, FROM_TEXT_SCALE),
        Some(number) if number.is_integer() || number.is_null() => DataType::Decimal128(38, 0),
        Some(other) => return Err(no_cast(other, "numeric")),
        None => DataType::Decimal128(38, 0),
    })
}

/// Marks a numeric that is cast from a float or a text: it is shown with no more digits than each value has.
fn needed_mark(args: &[FieldRef]) -> Option<(&'static str, String)> {
    match args.first()?.data_type() {
        float if float.is_floating() => Some((NEEDED, FROM_FLOAT_SCALE.to_string())),
        text if is_text(text) => Some((NEEDED, FROM_TEXT_SCALE.to_string())),
        _ => None,
    }
}

/// `min_scale(x)`.
fn min_scales(call: &Call) -> Result<ArrayRef> {
    let (steps, scale) = steps(call, 0)?;
    let scales = steps.into_iter().map(|steps| {
        let (mut steps, mut scale) = (steps?, i32::from(scale));
        while scale > 0 && steps % 10 == 0 {
            (steps, scale) = (steps / 10, scale - 1);
        }
        Some(scale)
    });
    Ok(Arc::new(scales.collect::<Int32Array>()))
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT '1.50'::numeric; → 1.5
        Function::new("pg_numeric", 1..=1, DataType::Null, as_numeric)
            .returning(numeric_type)
            .marked(needed_mark)
            .identity(DataType::is_decimal),
        // Before DataFusion's cast: floats become the decimals that they stand for. SELECT 0.1::float8::numeric(10, 2); → 0.10
        Function::new("pg_decimal", 1..=1, DataType::Null, |call| {
            match call.array(0).data_type() {
                float if float.is_floating() => from_floats(call),
                _ => Ok(Arc::clone(call.array(0))),
            }
        })
        .returning(|args, _| {
            Ok(match args.first() {
                Some(float) if float.is_floating() => DataType::Decimal128(38, FROM_FLOAT_SCALE),
                Some(known) if known.is_numeric() || known.is_null() || is_text(known) => {
                    known.clone()
                }
                Some(other) => return Err(no_cast(other, "numeric")),
                None => DataType::Null,
            })
        })
        .identity(|arg| !arg.is_floating()),
        // SELECT scale(1.50); → 2
        Function::new("scale", 1..=1, DataType::Int32, |call| {
            let array = call.array(0);
            let scale = scale_of(array.data_type()).unwrap_or(FROM_FLOAT_SCALE);
            let scales = (0..call.rows).map(|row| array.is_valid(row).then_some(i32::from(scale)));
            Ok(Arc::new(scales.collect::<Int32Array>()))
        }),
        // SELECT min_scale(1.50); → 1
        Function::new("min_scale", 1..=1, DataType::Int32, min_scales),
        // SELECT trim_scale(1.50); → 1.5
        Function::new("trim_scale", 1..=1, DataType::Null, |call| {
            call.cast(0, &call.returns)
        })
        .returning(|args, _| {
            let scale = args.first().and_then(scale_of);
            Ok(DataType::Decimal128(38, scale.unwrap_or(FROM_FLOAT_SCALE)))
        })
        .marked(|args| Some((NEEDED, scale_of(args.first()?.data_type())?.to_string()))),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0.1, FLOAT8_DIGITS, 100_000_000_000_000)]
    #[case(1e15, FLOAT8_DIGITS, 10_i128.pow(30))]
    #[case(-1.5, FLOAT8_DIGITS, -1_500_000_000_000_000)]
    #[case(f64::from(123.456_f32), FLOAT4_DIGITS, 123_456_000_000_000_000)]
    #[case(1e-15, FLOAT8_DIGITS, 1)]
    #[case(6e-16, FLOAT8_DIGITS, 1)]
    #[case(1e-300, FLOAT8_DIGITS, 0)]
    #[case(0.0, FLOAT8_DIGITS, 0)]
    fn a_float_counts_by_its_significant_digits(
        #[case] value: f64,
        #[case] digits: usize,
        #[case] expected: i128,
    ) {
        assert_eq!(
            float_steps(value, digits, &mut String::new()).unwrap(),
            expected
        );
    }

    #[rstest]
    #[case(1e30)]
    #[case(1e300)]
    #[case(f64::INFINITY)]
    fn a_float_out_of_range_is_refused(#[case] value: f64) {
        assert!(float_steps(value, FLOAT8_DIGITS, &mut String::new()).is_err());
    }
}
