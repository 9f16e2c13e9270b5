//! Arithmetic as PostgreSQL does it: quotients of `numeric` with its digits, and integers whose overflow is an error.
//!
//! A `numeric` of PostgreSQL has as many digits after the point as it needs, value by value; a column of Arrow has one
//! scale. So a quotient is computed with the digits that PostgreSQL gives it and stored with [`QUOTIENT_SCALE`] of them, and
//! its column is marked, so that it is shown with PostgreSQL's digits.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Datum, DurationMicrosecondArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::compute::kernels::numeric::{add, mul, neg, sub};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, DurationMicrosecondType, FieldRef, Float64Type, TimeUnit, i256,
};
use datafusion::arrow::error::ArrowError;
use datafusion::error::{DataFusionError, Result};
use datafusion::scalar::ScalarValue;

use crate::encode::type_name;
use crate::error::{PgError, code};
use crate::functions::call::{Call, raise, sql_error};
use crate::functions::casts::is_text;
use crate::functions::datetime::intervals;
use crate::functions::function::{Function, first_type};
use crate::functions::rows;
use crate::types::digits::{Digits, GROUP, QUOTIENT, QUOTIENT_SCALE, SIGNIFICANT, shown_digits};

/// The scale of a numeric that is cast from a float.
pub const FROM_FLOAT_SCALE: i8 = 15;

/// Makes the error of a result that a numeric here has no room for.
pub fn overflow() -> DataFusionError {
    raise(
        PgError::new("22003", "numeric field overflow").detail(
            "a numeric here has at most 38 digits, of which a quotient has 20 after the point",
        ),
    )
}

/// Makes the error of a divisor that is zero.
pub fn division_by_zero() -> DataFusionError {
    sql_error("22012", "division by zero")
}

/// Returns the scale of a type of integers or decimals.
pub fn scale_of(data_type: &DataType) -> Option<i8> {
    match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Some((*scale).max(0)),
        integer if integer.is_integer() => Some(0),
        DataType::Null => Some(0),
        _ => None,
    }
}

/// Reads an argument as steps of the last digit of its scale, and that scale.
pub fn steps(call: &Call, at: usize) -> Result<(Vec<Option<i128>>, i8)> {
    let scale = scale_of(call.array(at).data_type()).unwrap_or(10);
    let array = call.cast(at, &DataType::Decimal128(38, scale))?;
    Ok((
        array.as_primitive::<Decimal128Type>().iter().collect(),
        scale,
    ))
}

/// Returns the weight of the first group of four digits of a number (0 is just before the point), and that group.
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

/// Returns how many digits after the point PostgreSQL gives a quotient (its `select_div_scale`).
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

/// Divides two numbers, each as steps and scale, to steps of [`QUOTIENT_SCALE`]: rounded half away from zero where
/// PostgreSQL rounds. None where the result is out of range.
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

/// Returns a number with its scale, as PostgreSQL has both: of a quotient, the scale that it is shown with.
fn with_shown_scale(steps: i128, scale: i8, digits: Digits) -> (i128, i8) {
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

/// `a / b` of floats, intervals, differences of times and numerics.
fn divide_all(call: &Call) -> Result<ArrayRef> {
    match call.returns {
        DataType::Float64 | DataType::Float32 => {
            let (over, under) = (call.floats(0)?, call.floats(1)?);
            let values = rows::zip(over.iter(), under.iter(), |over, under| match under {
                0.0 => Err(division_by_zero()),
                under => Ok(over / under),
            });
            // A quotient of two float4, rounded from a float8, is what dividing them as such gives.
            let values = rows::collect::<Float64Array, _>(values)?;
            Ok(cast(&values, &call.returns)?)
        }
        DataType::Interval(_) => intervals::quotients(call),
        DataType::Duration(_) => {
            let over = call.cast(0, &call.returns)?;
            let over = over.as_primitive::<DurationMicrosecondType>();
            let under = call.integers(1)?;
            let values = rows::zip(over.iter(), under.iter(), |over, under| match under {
                0 => Err(division_by_zero()),
                under => Ok((over as f64 / under as f64).round_ties_even() as i64),
            });
            rows::collect::<DurationMicrosecondArray, _>(values)
        }
        _ => {
            let ((over, over_scale), (under, under_scale)) = (steps(call, 0)?, steps(call, 1)?);
            let (over_digits, under_digits) = (call.digits(0), call.digits(1));
            let values = rows::zip(over, under, |over, under| match under {
                0 => Err(division_by_zero()),
                under => quotient(
                    with_shown_scale(over, over_scale, over_digits),
                    with_shown_scale(under, under_scale, under_digits),
                )
                .ok_or_else(overflow),
            });
            rows::decimals(values, &call.returns)
        }
    }
}

fn quotient_type(args: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(match args {
        [DataType::Duration(_), _] => DataType::Duration(TimeUnit::Microsecond),
        [DataType::Interval(_), _] => intervals::interval_type(),
        [DataType::Float32, DataType::Float32] => DataType::Float32,
        [a, b] if scale_of(a).is_some() && scale_of(b).is_some() => {
            DataType::Decimal128(38, QUOTIENT_SCALE)
        }
        _ => DataType::Float64,
    })
}

/// Marks a quotient with the least digits after the point that it is shown with.
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
        let refused = |what| {
            Err(sql_error(
                "2201E",
                format!("cannot take logarithm of {what}"),
            ))
        };
        let values = call.floats(0)?;
        let values = rows::map(values.iter(), |value| match value {
            0.0 => refused("zero"),
            value if value < 0.0 => refused("a negative number"),
            value => Ok(of(value)),
        });
        rows::collect::<Float64Array, _>(values)
    })
}

/// Returns the integer type that an operator gives for operands of two types.
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

/// An operator of integers that fails where it overflows. A chain of it is one call, from left to right; each step has the
/// type of its two operands, not of all.
fn checked(
    name: &str,
    operation: fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError>,
) -> Function {
    Function::new(name, 2..=2, DataType::Int64, move |call| {
        let mut result = call.cast(0, &wider(call.array(0).data_type(), &DataType::Null))?;
        for at in 1..call.arity() {
            let step = wider(result.data_type(), call.array(at).data_type());
            let (left, right) = (cast(&result, &step)?, call.cast(at, &step)?);
            result = operation(&left, &right)
                .map_err(|_| sql_error("22003", format!("{} out of range", type_name(&step))))?;
        }
        Ok(result)
    })
    .and_more()
    .returning(|args, _| {
        let narrowest = DataType::Int16;
        Ok(args
            .iter()
            .fold(narrowest, |result, arg| wider(&result, arg)))
    })
}

/// `sign(x)`, of a numeric or a float.
fn signs(call: &Call) -> Result<ArrayRef> {
    let array = call.cast(0, &call.returns)?;
    if call.returns == DataType::Float64 {
        let sign = |value: f64| if value == 0.0 { 0.0 } else { value.signum() };
        let floats = array.as_primitive::<Float64Type>();
        return Ok(Arc::new(floats.unary::<_, Float64Type>(sign)));
    }
    let decimals = array.as_primitive::<Decimal128Type>();
    let signs = decimals.unary::<_, Decimal128Type>(i128::signum);
    Ok(Arc::new(signs.with_precision_and_scale(38, 0)?))
}

/// Returns the functions of this file. The SQL layer calls them for operators.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT 10 / 4.0; → 2.5000000000000000
        Function::new("pg_quotient", 2..=2, DataType::Float64, divide_all)
            .returning(quotient_type)
            .marked(quotient_mark),
        // What `sum` adds: sums of bigints are numeric, and so never overflow. SELECT sum(9223372036854775807);
        Function::new("pg_summand", 1..=1, DataType::Null, |call| {
            call.cast(0, &call.returns)
        })
        .returning(|args, constants| {
            Ok(match first_type(args, constants)? {
                DataType::Int64 | DataType::UInt64 => DataType::Decimal128(28, 0),
                other => other,
            })
        })
        .identity(|arg| !matches!(arg, DataType::Int64 | DataType::UInt64)),
        // SELECT sign(-8.4); → -1
        Function::new("sign", 1..=1, DataType::Float64, signs).returning(|args, _| {
            Ok(match args.first() {
                Some(DataType::Decimal128(..)) => DataType::Decimal128(38, 0),
                _ => DataType::Float64,
            })
        }),
        // A sign before parentheses: SELECT -(2 + 1); → -3
        Function::new("pg_negative", 1..=1, DataType::Null, |call| {
            Ok(neg(call.array(0))?)
        })
        .returning(|args, constants| match first_type(args, constants)? {
            of if is_text(&of) || matches!(of, DataType::Boolean | DataType::Date32) => {
                let of = type_name(&of);
                Err(sql_error(
                    code::UNDEFINED_FUNCTION,
                    format!("operator does not exist: - {of}"),
                ))
            }
            of => Ok(of),
        }),
        // SELECT ln(2.0); → 0.6931471805599453
        logarithm("ln", f64::ln),
        // SELECT log(100.0); → 2
        logarithm("pg_log", f64::log10),
        // SELECT 2147483647 + 1; fails: integer out of range
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
