//! Casts to `numeric`: of texts, of whole numbers, and of floats, of which no more digits count than they surely have.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int32Array};
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;

use super::division::{FROM_FLOAT_SCALE, overflow, scale_of, steps};
use crate::error::{PgError, code};
use crate::functions::call::{Call, Function, raise};
use crate::functions::casts::{is_text, no_cast};
use crate::params::parse_numeric;
use crate::types::digits::NEEDED;

/// Digits after the point of a number that has been a text.
const FROM_TEXT_SCALE: i8 = 10;

/// Digits of a `float8` that count, and of a `float4`.
const FLOAT8_DIGITS: usize = 15;
const FLOAT4_DIGITS: usize = 6;

/// A float as steps of [`FROM_FLOAT_SCALE`], from so many digits of it. The text is scratch.
fn steps_of(value: f64, digits: usize, text: &mut String) -> Result<i128> {
    if !value.is_finite() {
        return Err(raise(PgError::new(
            code::NOT_SUPPORTED,
            format!("a numeric here is finite, and not {value}"),
        )));
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

/// Floats as decimals.
fn from_floats(call: &Call) -> Result<ArrayRef> {
    let digits = match call.array(0).data_type() {
        DataType::Float64 => FLOAT8_DIGITS,
        _ => FLOAT4_DIGITS,
    };
    let floats = call.cast(0, &DataType::Float64)?;
    let mut text = String::new();
    let steps = floats.as_primitive::<Float64Type>().iter().map(|value| {
        value
            .map(|value| steps_of(value, digits, &mut text))
            .transpose()
    });
    let array = steps.collect::<Result<Decimal128Array>>()?;
    Ok(Arc::new(
        array.with_precision_and_scale(38, FROM_FLOAT_SCALE)?,
    ))
}

/// Texts as decimals.
fn from_texts(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let values = texts.iter().map(|text| {
        let Some(text) = text else { return Ok(None) };
        parse_numeric(text.trim(), FROM_TEXT_SCALE)
            .map(Some)
            .map_err(raise)
    });
    let array = values.collect::<Result<Decimal128Array>>()?;
    Ok(Arc::new(
        array.with_precision_and_scale(38, FROM_TEXT_SCALE)?,
    ))
}

fn converted(call: &Call) -> Result<ArrayRef> {
    match call.array(0).data_type() {
        text if is_text(text) => from_texts(call),
        float if float.is_floating() => from_floats(call),
        _ => call.cast(0, &call.returns),
    }
}

fn converted_type(args: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(match args.first() {
        Some(decimal) if decimal.is_decimal() => decimal.clone(),
        Some(float) if float.is_floating() => DataType::Decimal128(38, FROM_FLOAT_SCALE),
        Some(text) if is_text(text) => DataType::Decimal128(38, FROM_TEXT_SCALE),
        Some(number) if number.is_integer() || number.is_null() => DataType::Decimal128(38, 0),
        Some(other) => return Err(no_cast(other, "numeric")),
        None => DataType::Decimal128(38, 0),
    })
}

/// What has been a float or a text shows no more digits than it has.
fn needed_mark(args: &[FieldRef]) -> Option<(&'static str, String)> {
    match args.first()?.data_type() {
        float if float.is_floating() => Some((NEEDED, FROM_FLOAT_SCALE.to_string())),
        text if is_text(text) => Some((NEEDED, FROM_TEXT_SCALE.to_string())),
        _ => None,
    }
}

/// Digits after the point of each number, without the zeros at its end.
fn least_scales(call: &Call) -> Result<ArrayRef> {
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

pub fn functions() -> Vec<Function> {
    vec![
        Function::new("pg_numeric", 1..=1, DataType::Null, converted)
            .returning(converted_type)
            .marked(needed_mark)
            .identity(DataType::is_decimal),
        // What a cast to `numeric(10, 2)` is given: floats as the decimals that they stand for, all else as it is.
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
        Function::new("scale", 1..=1, DataType::Int32, |call| {
            let scale = scale_of(call.array(0).data_type()).unwrap_or(FROM_FLOAT_SCALE);
            let array = call.array(0);
            let scales = (0..call.rows).map(|row| array.is_valid(row).then_some(i32::from(scale)));
            Ok(Arc::new(scales.collect::<Int32Array>()))
        }),
        Function::new("min_scale", 1..=1, DataType::Int32, least_scales),
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
    fn a_float_has_so_many_digits(
        #[case] value: f64,
        #[case] digits: usize,
        #[case] expected: i128,
    ) {
        assert_eq!(
            steps_of(value, digits, &mut String::new()).unwrap(),
            expected
        );
    }

    #[rstest]
    #[case(1e30)]
    #[case(1e300)]
    #[case(f64::INFINITY)]
    fn what_has_no_place_is_refused(#[case] value: f64) {
        assert!(steps_of(value, FLOAT8_DIGITS, &mut String::new()).is_err());
    }
}
