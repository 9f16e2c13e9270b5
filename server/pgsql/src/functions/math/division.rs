//! Numbers as PostgreSQL computes with them: quotients of `numeric` with its digits, and sums that say when they
//! overflow.
//!
//! A `numeric` of PostgreSQL has as many digits after the point as it needs, value by value; a column of Arrow has one
//! number of them. So a quotient is computed with the digits that PostgreSQL gives it, kept with [`QUOTIENT_SCALE`] of
//! them, and its column is marked, so that it is shown with PostgreSQL's.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, DurationMicrosecondArray,
    Float64Array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::compute::kernels::numeric::{add, mul, neg, sub};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, DurationMicrosecondType, FieldRef, Float64Type, TimeUnit, i256,
};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;

use crate::encode::type_name;
use crate::error::{PgError, code};
use crate::functions::call::{Call, Function, raise};
use crate::functions::casts::is_text;
use crate::types::digits::{Digits, GROUP, QUOTIENT, QUOTIENT_SCALE, SIGNIFICANT, shown_digits};

/// Digits after the point of a number that has been a float.
pub const FROM_FLOAT_SCALE: i8 = 15;

pub fn overflow() -> datafusion::error::DataFusionError {
    raise(
        PgError::new("22003", "numeric field overflow").detail(
            "a numeric here has at most 38 digits, of which a quotient has 20 after the point",
        ),
    )
}

fn by_zero() -> datafusion::error::DataFusionError {
    raise(PgError::new("22012", "division by zero"))
}

/// Digits after the point of a type of whole numbers or decimals.
pub fn scale_of(data_type: &DataType) -> Option<i8> {
    match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Some((*scale).max(0)),
        integer if integer.is_integer() => Some(0),
        DataType::Null => Some(0),
        _ => None,
    }
}

/// An argument as whole steps of its scale.
pub fn steps(call: &Call, at: usize) -> Result<(Vec<Option<i128>>, i8)> {
    let scale = scale_of(call.array(at).data_type()).unwrap_or(10);
    let array = call.cast(at, &DataType::Decimal128(38, scale))?;
    Ok((
        array.as_primitive::<Decimal128Type>().iter().collect(),
        scale,
    ))
}

/// Where the first group of digits of a number stands (0 is just before the point), and that group.
fn leading_group(steps: i128, scale: i8) -> (i32, u128) {
    let magnitude = steps.unsigned_abs();
    if magnitude == 0 {
        return (0, 0);
    }
    // Digits after the point come in whole groups too.
    let scale = u32::from(scale.unsigned_abs());
    let missing = (4 - scale % 4) % 4;
    let mut weight = -i32::try_from((scale + missing) / 4).unwrap_or(0);
    let (mut rest, mut first) = (magnitude, magnitude % GROUP);
    // The lowest group is short by what is missing.
    let lowest = 10_u128.pow(4 - missing);
    if missing > 0 {
        first = rest % lowest * 10_u128.pow(missing);
        rest /= lowest;
    } else {
        rest /= GROUP;
    }
    while rest > 0 {
        first = rest % GROUP;
        rest /= GROUP;
        weight += 1;
    }
    (weight, first)
}

/// How many digits after the point PostgreSQL gives a quotient (`select_div_scale`).
fn quotient_digits(dividend: (i128, i8), divisor: (i128, i8)) -> i32 {
    let (weight, first) = leading_group(dividend.0, dividend.1);
    let (other_weight, other_first) = leading_group(divisor.0, divisor.1);
    let mut weight = weight - other_weight;
    if first <= other_first {
        weight -= 1;
    }
    (SIGNIFICANT - weight * 4)
        .max(i32::from(dividend.1))
        .max(i32::from(divisor.1))
        .clamp(0, i32::from(QUOTIENT_SCALE))
}

/// `a / b` in steps of [`QUOTIENT_SCALE`], rounded half away from zero where PostgreSQL rounds.
fn quotient(dividend: (i128, i8), divisor: (i128, i8)) -> Option<i128> {
    let digits = quotient_digits(dividend, divisor);
    // dividend / 10^s1 / (divisor / 10^s2) * 10^digits
    let shift = digits + i32::from(divisor.1) - i32::from(dividend.1);
    let ten = |power: i32| {
        let mut value = i256::ONE;
        for _ in 0..power {
            value = value.checked_mul(i256::from_i128(10))?;
        }
        Some(value)
    };
    let mut over = i256::from_i128(dividend.0);
    let mut under = i256::from_i128(divisor.0);
    if shift >= 0 {
        over = over.checked_mul(ten(shift)?)?;
    } else {
        under = under.checked_mul(ten(-shift)?)?;
    }
    let whole = over.checked_div(under)?;
    let rest = over.checked_sub(whole.checked_mul(under)?)?;
    let twice = rest.checked_mul(i256::from_i128(2))?;
    let away = if twice.wrapping_abs() >= under.wrapping_abs() {
        let negative = (over < i256::ZERO) != (under < i256::ZERO);
        i256::from_i128(if negative { -1 } else { 1 })
    } else {
        i256::ZERO
    };
    let rounded = whole.checked_add(away)?;
    rounded
        .checked_mul(ten(i32::from(QUOTIENT_SCALE) - digits)?)?
        .to_i128()
}

/// A number with its digits after the point: of a quotient, those that it is shown with.
fn with_its_digits(steps: i128, scale: i8, digits: Digits) -> (i128, i8) {
    let Digits::Quotient(least) = digits else {
        return (steps, scale);
    };
    let shown = shown_digits(steps, least);
    let beyond = 10_i128.pow(u32::from(scale.abs_diff(shown)));
    if shown < scale && steps % beyond == 0 {
        (steps / beyond, shown)
    } else {
        (steps, scale)
    }
}

fn quotients(call: &Call) -> Result<ArrayRef> {
    match call.returns {
        DataType::Float64 | DataType::Float32 => {
            let (over, under) = (
                call.cast(0, &DataType::Float64)?,
                call.cast(1, &DataType::Float64)?,
            );
            let pairs = over
                .as_primitive::<Float64Type>()
                .iter()
                .zip(under.as_primitive::<Float64Type>().iter());
            let values = pairs.map(|pair| match pair {
                (Some(_), Some(0.0)) => Err(by_zero()),
                (Some(over), Some(under)) => Ok(Some(over / under)),
                _ => Ok(None),
            });
            // A quotient of two float4, rounded from a float8, is what dividing them as such gives.
            let values: ArrayRef = Arc::new(values.collect::<Result<Float64Array>>()?);
            Ok(cast(&values, &call.returns)?)
        }
        DataType::Interval(_) => crate::functions::datetime::intervals::parts(call),
        DataType::Duration(_) => {
            let over = call.cast(0, &call.returns)?;
            let under = call.integers(1)?;
            let pairs = over
                .as_primitive::<DurationMicrosecondType>()
                .iter()
                .zip(under.iter());
            let values = pairs.map(|pair| match pair {
                (Some(_), Some(0)) => Err(by_zero()),
                (Some(over), Some(under)) => {
                    Ok(Some((over as f64 / under as f64).round_ties_even() as i64))
                }
                _ => Ok(None),
            });
            Ok(Arc::new(
                values.collect::<Result<DurationMicrosecondArray>>()?,
            ))
        }
        _ => {
            let ((over, over_scale), (under, under_scale)) = (steps(call, 0)?, steps(call, 1)?);
            let (over_digits, under_digits) = (call.digits(0), call.digits(1));
            let values = over.into_iter().zip(under).map(|pair| match pair {
                (Some(_), Some(0)) => Err(by_zero()),
                (Some(over), Some(under)) => quotient(
                    with_its_digits(over, over_scale, over_digits),
                    with_its_digits(under, under_scale, under_digits),
                )
                .map(Some)
                .ok_or_else(overflow),
                _ => Ok(None),
            });
            let array = values.collect::<Result<Decimal128Array>>()?;
            let DataType::Decimal128(precision, scale) = call.returns else {
                return Err(raise(PgError::internal("a quotient of another type")));
            };
            Ok(Arc::new(array.with_precision_and_scale(precision, scale)?))
        }
    }
}

fn quotient_type(args: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(match args {
        [DataType::Duration(_), _] => DataType::Duration(TimeUnit::Microsecond),
        [DataType::Interval(_), _] => crate::functions::datetime::intervals::interval_type(),
        [DataType::Float32, DataType::Float32] => DataType::Float32,
        [a, b] if scale_of(a).is_some() && scale_of(b).is_some() => {
            DataType::Decimal128(38, QUOTIENT_SCALE)
        }
        _ => DataType::Float64,
    })
}

/// The least digits that a quotient of such fields is shown with.
fn quotient_mark(args: &[FieldRef]) -> Option<(&'static str, String)> {
    let scales = args
        .iter()
        .map(|arg| match Digits::of(arg) {
            Digits::Quotient(least) => Some(least),
            Digits::Scale | Digits::Needed => scale_of(arg.data_type()),
        })
        .collect::<Option<Vec<_>>>()?;
    let least = scales.into_iter().max().unwrap_or(0);
    Some((QUOTIENT, least.min(QUOTIENT_SCALE).to_string()))
}

fn logarithm(name: &str, of: fn(f64) -> f64) -> Function {
    Function::new(name, 1..=1, DataType::Float64, move |call| {
        let values = call.cast(0, &DataType::Float64)?;
        let values = values
            .as_primitive::<Float64Type>()
            .iter()
            .map(|value| match value {
                Some(0.0) => Err(raise(PgError::new(
                    "2201E",
                    "cannot take logarithm of zero",
                ))),
                Some(value) if value < 0.0 => Err(raise(PgError::new(
                    "2201E",
                    "cannot take logarithm of a negative number",
                ))),
                value => Ok(value.map(of)),
            });
        Ok(Arc::new(values.collect::<Result<Float64Array>>()?))
    })
}

/// The type of whole numbers that an operator gives of two types.
fn wider(left: &DataType, right: &DataType) -> DataType {
    let width = |data_type: &DataType| match data_type {
        DataType::Int8 | DataType::UInt8 | DataType::Int16 | DataType::Null => 2,
        DataType::UInt16 | DataType::Int32 => 4,
        _ => 8,
    };
    match width(left).max(width(right)) {
        2 => DataType::Int16,
        4 => DataType::Int32,
        _ => DataType::Int64,
    }
}

/// What an operator gives of whole numbers, or that it overflows. A chain of the operator is one call: from left to right,
/// and each step has the type of its two operands, not of all.
fn checked(
    name: &str,
    operation: fn(
        &dyn datafusion::arrow::array::Datum,
        &dyn datafusion::arrow::array::Datum,
    ) -> std::result::Result<ArrayRef, datafusion::arrow::error::ArrowError>,
) -> Function {
    Function::new(name, 2..=2, DataType::Int64, move |call| {
        let mut made = call.cast(0, &wider(call.array(0).data_type(), &DataType::Null))?;
        for at in 1..call.arity() {
            let step = wider(made.data_type(), call.array(at).data_type());
            let (left, right) = (cast(&made, &step)?, call.cast(at, &step)?);
            made = operation(&left, &right).map_err(|_| {
                let what = match step {
                    DataType::Int16 => "smallint",
                    DataType::Int32 => "integer",
                    _ => "bigint",
                };
                raise(PgError::new("22003", format!("{what} out of range")))
            })?;
        }
        Ok(made)
    })
    .and_more()
    .returning(|args, _| {
        let narrowest = DataType::Int16;
        Ok(args.iter().fold(narrowest, |made, arg| wider(&made, arg)))
    })
}

fn sign_of<T>(array: &ArrayRef, sign: impl Fn(T::Native) -> T::Native) -> ArrayRef
where
    T: ArrowPrimitiveType,
{
    Arc::new(array.as_primitive::<T>().unary::<_, T>(sign))
}

pub fn functions() -> Vec<Function> {
    vec![
        Function::new("pg_quotient", 2..=2, DataType::Float64, quotients)
            .returning(quotient_type)
            .marked(quotient_mark),
        // Sums of eight-byte integers are numeric, and so never overflow.
        Function::new("pg_summand", 1..=1, DataType::Null, |call| {
            call.cast(0, &call.returns)
        })
        .returning(|args, _| {
            Ok(match args.first() {
                Some(DataType::Int64 | DataType::UInt64) => DataType::Decimal128(28, 0),
                Some(other) => other.clone(),
                None => DataType::Null,
            })
        })
        .identity(|arg| !matches!(arg, DataType::Int64 | DataType::UInt64)),
        Function::new("pg_sign", 1..=1, DataType::Float64, |call| {
            let array = call.cast(0, &call.returns)?;
            Ok(match call.returns {
                DataType::Float64 => {
                    sign_of::<Float64Type>(
                        &array,
                        |value| {
                            if value == 0.0 { 0.0 } else { value.signum() }
                        },
                    )
                }
                _ => Arc::new(
                    array
                        .as_primitive::<Decimal128Type>()
                        .unary::<_, Decimal128Type>(i128::signum)
                        .with_precision_and_scale(38, 0)?,
                ),
            })
        })
        .returning(|args, _| {
            Ok(match args.first() {
                Some(decimal @ DataType::Decimal128(..)) if decimal.is_decimal() => {
                    DataType::Decimal128(38, 0)
                }
                _ => DataType::Float64,
            })
        }),
        // A sign before parentheses.
        Function::new("pg_negative", 1..=1, DataType::Null, |call| {
            Ok(neg(call.array(0))?)
        })
        .returning(|args, _| match args.first() {
            Some(of) if is_text(of) || matches!(of, DataType::Boolean | DataType::Date32) => {
                let of = type_name(of);
                Err(raise(PgError::new(
                    code::UNDEFINED_FUNCTION,
                    format!("operator does not exist: - {of}"),
                )))
            }
            of => Ok(of.cloned().unwrap_or(DataType::Null)),
        }),
        logarithm("pg_ln", f64::ln),
        logarithm("pg_log", f64::log10),
        checked("pg_add", add),
        checked("pg_subtract", sub),
        checked("pg_multiply", mul),
    ]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case((100, 1), (4, 0), "2.5", 16)]
    #[case((1, 0), (30, 1), "0.33333333333333333333", 20)]
    #[case((1000, 1), (7, 0), "14.2857142857142857", 16)]
    #[case((10_000_000, 1), (3, 0), "333333.333333333333", 12)]
    #[case((-2, 0), (3, 0), "-0.66666666666666666667", 20)]
    fn quotients_have_postgresqls_digits(
        #[case] over: (i128, i8),
        #[case] under: (i128, i8),
        #[case] expected: &str,
        #[case] digits: i8,
    ) {
        let steps = quotient(over, under).unwrap_or_default();
        let text = format!(
            "{}{}.{:020}",
            if steps < 0 { "-" } else { "" },
            steps.unsigned_abs() / 10_u128.pow(20),
            steps.unsigned_abs() % 10_u128.pow(20)
        );
        assert_eq!(text.trim_end_matches('0'), expected);
        assert_eq!(shown_digits(steps, 0), digits);
    }
}
