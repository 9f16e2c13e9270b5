//! `round`, `trunc`, `ceil`, `floor`, and buckets of equal width.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Decimal128Array, Float64Array, PrimitiveArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;

use super::division::{overflow, scale_of, steps};
use crate::error::PgError;
use crate::functions::call::{Function, raise};

/// Where a number is rounded to.
#[derive(Clone, Copy)]
enum Way {
    Nearest,
    Zero,
    Up,
    Down,
}

fn rounded_steps(steps: i128, drop: u32, way: Way) -> Option<i128> {
    if drop == 0 {
        return Some(steps);
    }
    let Some(unit) = 10_i128.checked_pow(drop) else {
        return Some(0);
    };
    let (whole, rest) = (steps.div_euclid(unit), steps.rem_euclid(unit));
    let up = match way {
        Way::Nearest if steps < 0 => rest * 2 > unit,
        Way::Nearest => rest * 2 >= unit,
        Way::Zero => steps < 0 && rest > 0,
        Way::Up => rest > 0,
        Way::Down => false,
    };
    whole.checked_add(i128::from(up))
}

/// `round`, `trunc`, `ceil` and `floor`: a numeric stays one, anything else becomes a float.
fn rounding(name: &str, arguments: std::ops::RangeInclusive<usize>, way: Way) -> Function {
    Function::new(name, arguments, DataType::Float64, move |call| {
        let DataType::Decimal128(precision, scale) = call.returns else {
            let array = call.cast(0, &DataType::Float64)?;
            let values = array.as_primitive::<Float64Type>().iter().map(|value| {
                value.map(|value| match way {
                    Way::Nearest => value.round_ties_even(),
                    Way::Zero => value.trunc(),
                    Way::Up => value.ceil(),
                    Way::Down => value.floor(),
                })
            });
            return Ok(Arc::new(values.collect::<Float64Array>()));
        };
        let digits = if call.arity() > 1 {
            Some(call.integers(1)?)
        } else {
            None
        };
        let (values, from) = steps(call, 0)?;
        let rounded = values.into_iter().enumerate().map(|(row, value)| {
            let Some(value) = value else { return Ok(None) };
            let digits = match &digits {
                Some(digits) if digits.is_null(row) => return Ok(None),
                Some(digits) => digits.value(row).clamp(-38, 38) as i32,
                None => 0,
            };
            let drop = u32::try_from(i32::from(from) - digits).unwrap_or(0);
            let step = rounded_steps(value, drop, way).ok_or_else(overflow)?;
            // From steps of what was kept to steps of the result.
            let shift = i32::from(scale) - (i32::from(from) - drop as i32);
            let factor = 10_i128
                .checked_pow(shift.unsigned_abs())
                .ok_or_else(overflow)?;
            if shift >= 0 {
                step.checked_mul(factor).map(Some).ok_or_else(overflow)
            } else {
                Ok(Some(step / factor))
            }
        });
        let array = rounded.collect::<Result<Decimal128Array>>()?;
        Ok(Arc::new(array.with_precision_and_scale(precision, scale)?))
    })
    .returning(|args, constants| {
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
    })
}

pub fn functions() -> Vec<Function> {
    vec![
        rounding("pg_round", 1..=2, Way::Nearest),
        rounding("pg_trunc", 1..=2, Way::Zero),
        rounding("pg_ceil", 1..=1, Way::Up),
        rounding("pg_floor", 1..=1, Way::Down),
        Function::new("width_bucket", 4..=4, DataType::Int32, |call| {
            let float = |at: usize| call.cast(at, &DataType::Float64);
            let (values, low, high) = (float(0)?, float(1)?, float(2)?);
            let counts = call.integers(3)?;
            let (values, low, high) = (
                values.as_primitive::<Float64Type>(),
                low.as_primitive::<Float64Type>(),
                high.as_primitive::<Float64Type>(),
            );
            let buckets = (0..call.rows).map(|row| {
                if values.is_null(row)
                    || low.is_null(row)
                    || high.is_null(row)
                    || counts.is_null(row)
                {
                    return Ok(None);
                }
                bucket(
                    values.value(row),
                    low.value(row),
                    high.value(row),
                    counts.value(row),
                )
                .map(Some)
            });
            let buckets = buckets.collect::<Result<PrimitiveArray<Int64Type>>>()?;
            Ok(datafusion::arrow::compute::cast(
                &buckets,
                &DataType::Int32,
            )?)
        }),
    ]
}

/// Which of `count` equal parts of a range a value is in; 0 and `count + 1` are outside.
fn bucket(value: f64, low: f64, high: f64, count: i64) -> Result<i64> {
    let wrong = |what: &'static str| raise(PgError::new("2201G", what));
    if count <= 0 {
        return Err(wrong("count must be greater than zero"));
    }
    if low == high {
        return Err(wrong("lower bound cannot equal upper bound"));
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(25, Way::Nearest, 3)]
    #[case(-25, Way::Nearest, -3)]
    #[case(-24, Way::Nearest, -2)]
    #[case(-29, Way::Zero, -2)]
    #[case(-29, Way::Down, -3)]
    #[case(21, Way::Up, 3)]
    fn numbers_are_rounded(#[case] tenths: i128, #[case] way: Way, #[case] expected: i128) {
        assert_eq!(rounded_steps(tenths, 1, way), Some(expected));
    }
}
