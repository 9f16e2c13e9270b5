//! `round`, `trunc`, `ceil`, `floor` and `width_bucket`.

use std::ops::RangeInclusive;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;

use super::arithmetic::{overflow, scale_of, steps};
use crate::functions::call::{Call, sql_error};
use crate::functions::function::Function;
use crate::functions::rows;

/// The direction in which a number is rounded.
#[derive(Clone, Copy)]
enum Rounding {
    /// Half away from zero.
    Nearest,
    Zero,
    Up,
    Down,
}

/// Drops so many digits of a number of steps; none where the result is out of range.
fn drop_digits(steps: i128, drop: u32, rounding: Rounding) -> Option<i128> {
    if drop == 0 {
        return Some(steps);
    }
    let Some(unit) = 10_i128.checked_pow(drop) else {
        return Some(0);
    };
    let (whole, rest) = (steps.div_euclid(unit), steps.rem_euclid(unit));
    let up = match rounding {
        Rounding::Nearest if steps < 0 => rest * 2 > unit,
        Rounding::Nearest => rest * 2 >= unit,
        Rounding::Zero => steps < 0 && rest > 0,
        Rounding::Up => rest > 0,
        Rounding::Down => false,
    };
    whole.checked_add(i128::from(up))
}

/// Rounds floats to whole numbers, or numerics to the digits that the second argument asks for.
fn round(call: &Call, rounding: Rounding) -> Result<ArrayRef> {
    let DataType::Decimal128(_, scale) = call.returns else {
        let floats = call.floats(0)?;
        let values = rows::map(floats.iter(), |value| {
            Ok(match rounding {
                Rounding::Nearest => value.round_ties_even(),
                Rounding::Zero => value.trunc(),
                Rounding::Up => value.ceil(),
                Rounding::Down => value.floor(),
            })
        });
        return rows::collect::<Float64Array, _>(values);
    };
    let (values, from) = steps(call, 0)?;
    let digits: Vec<Option<i64>> = match call.optional_integers(1)? {
        Some(digits) => digits.iter().collect(),
        None => vec![Some(0); call.rows],
    };
    let rounded = rows::zip(values, digits, |value, digits| {
        let digits = digits.clamp(-38, 38) as i32;
        let drop = u32::try_from(i32::from(from) - digits).unwrap_or(0);
        let step = drop_digits(value, drop, rounding).ok_or_else(overflow)?;
        // From steps of the kept digits to steps of the result.
        let shift = i32::from(scale) - (i32::from(from) - drop as i32);
        let factor = 10_i128
            .checked_pow(shift.unsigned_abs())
            .ok_or_else(overflow)?;
        if shift >= 0 {
            step.checked_mul(factor).ok_or_else(overflow)
        } else {
            Ok(step / factor)
        }
    });
    rows::decimals(rounded, &call.returns)
}

/// A numeric stays one, anything else becomes a float.
fn rounded_type(args: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let Some(first) = args.first() else {
        return Ok(DataType::Float64);
    };
    let decimal = matches!(first, DataType::Decimal128(..) | DataType::Decimal256(..));
    Ok(match (decimal, args.len()) {
        (false, 1) => DataType::Float64,
        (true, 1) => DataType::Decimal128(38, 0),
        _ => {
            let digits = constants.get(1).copied().flatten();
            let digits = digits.and_then(|digits| digits.cast_to(&DataType::Int64).ok());
            let scale = match digits {
                Some(ScalarValue::Int64(Some(digits))) => digits.clamp(0, 38) as i8,
                _ => scale_of(first).unwrap_or(10),
            };
            DataType::Decimal128(38, scale)
        }
    })
}

fn rounding(name: &str, arguments: RangeInclusive<usize>, rounding: Rounding) -> Function {
    Function::new(name, arguments, DataType::Float64, move |call| {
        round(call, rounding)
    })
    .returning(rounded_type)
}

/// `width_bucket(x, low, high, count)`.
fn width_buckets(call: &Call) -> Result<ArrayRef> {
    let (values, counts) = (call.floats(0)?, call.integers(3)?);
    let (low, high) = (call.floats(1)?, call.floats(2)?);
    let bounds = low.iter().zip(high.iter()).zip(counts.iter());
    let bounds = bounds.map(|((low, high), count)| Some((low?, high?, count?)));
    let buckets = rows::zip(values.iter(), bounds, |value, (low, high, count)| {
        width_bucket(value, low, high, count)
    });
    let buckets = rows::collect::<Int64Array, _>(buckets)?;
    Ok(cast(&buckets, &DataType::Int32)?)
}

/// Returns which of `count` equal parts of a range a value is in, from 1; 0 and `count + 1` are outside.
fn width_bucket(value: f64, low: f64, high: f64, count: i64) -> Result<i64> {
    if count <= 0 {
        return Err(sql_error("2201G", "count must be greater than zero"));
    }
    if low == high {
        return Err(sql_error("2201G", "lower bound cannot equal upper bound"));
    }
    let place = (value - low) / (high - low);
    Ok(if place < 0.0 {
        0
    } else if place >= 1.0 {
        count + 1
    } else {
        (place * count as f64).floor() as i64 + 1
    })
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT round(2.345, 2); → 2.35
        rounding("round", 1..=2, Rounding::Nearest),
        // SELECT trunc(-2.345, 1); → -2.3
        rounding("trunc", 1..=2, Rounding::Zero),
        // SELECT ceil(-2.5); → -2
        rounding("ceil", 1..=1, Rounding::Up),
        // SELECT floor(-2.5); → -3
        rounding("floor", 1..=1, Rounding::Down),
        // SELECT width_bucket(5.35, 0.024, 10.06, 5); → 3
        Function::new("width_bucket", 4..=4, DataType::Int32, width_buckets),
    ]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(25, Rounding::Nearest, 3)]
    #[case(-25, Rounding::Nearest, -3)]
    #[case(-24, Rounding::Nearest, -2)]
    #[case(-29, Rounding::Zero, -2)]
    #[case(-29, Rounding::Down, -3)]
    #[case(21, Rounding::Up, 3)]
    fn numbers_are_rounded(
        #[case] tenths: i128,
        #[case] rounding: Rounding,
        #[case] expected: i128,
    ) {
        assert_eq!(drop_digits(tenths, 1, rounding), Some(expected));
    }
}
