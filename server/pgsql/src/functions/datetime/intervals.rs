//! Intervals and times of day: casts to them, products and quotients of intervals, and how long an interval is.

use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, Int64Array, IntervalMonthDayNanoArray, Time64MicrosecondArray,
};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use datafusion::error::{DataFusionError, Result};

use super::instants::{Kind, invalid_time, is_infinite, kind, locals, timestamp};
use crate::encode::IntervalStyle;
use crate::functions::call::{Call, sql_error};
use crate::functions::function::Function;
use crate::functions::math::arithmetic::division_by_zero;
use crate::functions::rows;
use crate::params::{InvalidTime, micros_of_day, parse_time};
use crate::types::interval;

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// The Arrow type of `interval`.
pub fn interval_type() -> DataType {
    DataType::Interval(IntervalUnit::MonthDayNano)
}

/// The Arrow type of `time`.
pub fn time_type() -> DataType {
    DataType::Time64(TimeUnit::Microsecond)
}

/// Reads an argument as intervals: also differences of two times, times of day, and text.
pub fn intervals(call: &Call, at: usize) -> Result<Vec<Option<IntervalMonthDayNano>>> {
    match call.array(at).data_type() {
        DataType::Interval(_) => {
            let array = call.cast(at, &interval_type())?;
            let values = array.as_primitive::<IntervalMonthDayNanoType>();
            Ok(values.iter().collect())
        }
        DataType::Duration(_) => Ok(interval::from_durations(call.array(at))?.iter().collect()),
        DataType::Time64(_) | DataType::Time32(_) => {
            let array = call.cast(at, &time_type())?;
            let micros = array.as_primitive::<Time64MicrosecondType>().iter();
            Ok(micros
                .map(|micros| Some(IntervalMonthDayNano::new(0, 0, micros? * 1000)))
                .collect())
        }
        _ => call.parse_texts(at, |text| {
            let mut parts = interval::parse(text)
                .ok_or_else(|| invalid_time(InvalidTime::Syntax, "interval", text))?;
            if call.intervals == IntervalStyle::SqlStandard && interval::has_one_sign(text) {
                parts = parts.negative();
            }
            parts.to_arrow().ok_or_else(interval_out_of_range)
        }),
    }
}

/// Collects intervals into an array.
fn interval_array(
    rows: impl Iterator<Item = Result<Option<IntervalMonthDayNano>>>,
) -> Result<ArrayRef> {
    rows::collect::<IntervalMonthDayNanoArray, _>(rows)
}

/// Returns the length of an interval in microseconds, with months of 30 days: intervals are compared by it.
pub fn span(value: IntervalMonthDayNano) -> i64 {
    let days = i64::from(value.months) * 30 + i64::from(value.days);
    days.saturating_mul(DAY)
        .saturating_add(value.nanoseconds / 1000)
}

/// Makes the error of a result that an interval has no room for.
pub fn interval_out_of_range() -> DataFusionError {
    sql_error("22008", "interval out of range")
}

/// Multiplies an interval; none where the result is out of range.
pub fn multiply(value: IntervalMonthDayNano, factor: f64) -> Option<IntervalMonthDayNano> {
    scale(value, |part| part * factor)
}

/// Divides an interval. To multiply by the inverse would not be the same: a 49th of 49 months would not be one month.
fn divide(value: IntervalMonthDayNano, divisor: f64) -> Option<IntervalMonthDayNano> {
    scale(value, |part| part / divisor)
}

/// Scales each part of an interval; a fraction of a month becomes days, a fraction of a day becomes time.
fn scale(value: IntervalMonthDayNano, scaled: impl Fn(f64) -> f64) -> Option<IntervalMonthDayNano> {
    let rounded = |value: f64| (value * 1e6).round_ties_even() / 1e6;
    let whole = |value: f64| {
        let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value);
        fits.then_some(value.trunc() as i32)
    };
    let months = scaled(f64::from(value.months));
    let days = scaled(f64::from(value.days));
    let rest_of_month = rounded((months - months.trunc()) * 30.0);
    let mut seconds =
        rounded((days - days.trunc() + rest_of_month - rest_of_month.trunc()) * 86_400.0);
    let mut whole_days = days.trunc() + rest_of_month.trunc();
    if seconds.abs() >= 86_400.0 {
        whole_days += (seconds / 86_400.0).trunc();
        seconds %= 86_400.0;
    }
    let micros = scaled((value.nanoseconds / 1000) as f64) + seconds * 1e6;
    let micros = micros.round_ties_even();
    let micros = (micros.abs() < i64::MAX as f64).then_some(micros as i64)?;
    Some(IntervalMonthDayNano::new(
        whole(months)?,
        whole(whole_days)?,
        micros.checked_mul(1000)?,
    ))
}

/// Casts to `time`: of an instant the time of day in the session's zone, of an interval its time without whole days.
fn times_of_day(call: &Call) -> Result<ArrayRef> {
    let from = call.array(0).data_type();
    let micros: Vec<Option<i64>> = match kind(from) {
        Kind::Text => call.parse_texts(0, |text| {
            parse_time(text).map_err(|why| invalid_time(why, "time", text))
        })?,
        Kind::Instant | Kind::Local => {
            let finite = |local: Option<_>| local.filter(|local| !is_infinite(*local));
            let locals = locals(call, 0, call.zone)?.into_iter().map(finite);
            locals
                .map(|local| Some(micros_of_day(local?.time())))
                .collect()
        }
        _ if matches!(from, DataType::Interval(_) | DataType::Duration(_)) => {
            let values = intervals(call, 0)?.into_iter();
            values
                .map(|value| Some((value?.nanoseconds / 1000).rem_euclid(DAY)))
                .collect()
        }
        _ => return call.cast(0, &time_type()),
    };
    rows::collect::<Time64MicrosecondArray, _>(micros.into_iter().map(Ok))
}

/// Divides intervals by numbers. No rows have no average interval: null divided by their count stays null.
pub fn quotients(call: &Call) -> Result<ArrayRef> {
    let (values, divisors) = (intervals(call, 0)?, call.floats(1)?);
    interval_array(rows::zip(values, divisors.iter(), |value, divisor| {
        if divisor == 0.0 {
            return Err(division_by_zero());
        }
        divide(value, divisor).ok_or_else(interval_out_of_range)
    }))
}

fn is_finite(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0);
    match array.data_type() {
        DataType::Timestamp(..) => {
            let array = call.cast(0, &timestamp())?;
            let micros = array.as_primitive::<TimestampMicrosecondType>().iter();
            let finite = |micros| Ok(micros != i64::MAX && micros != i64::MIN);
            rows::collect::<BooleanArray, _>(rows::map(micros, finite))
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().iter();
            let finite = |days| Ok(days != i32::MAX && days != i32::MIN);
            rows::collect::<BooleanArray, _>(rows::map(days, finite))
        }
        _ => call.truth(true),
    }
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT timestamp '2026-01-31 12:30'::time; → 12:30:00
        Function::new("pg_time", 1..=1, time_type(), times_of_day)
            .identity(|arg| *arg == time_type())
            .stable(),
        // SELECT '1 day 02:00'::interval; → 1 day 02:00:00
        Function::new("pg_interval", 1..=1, interval_type(), |call| {
            interval_array(intervals(call, 0)?.into_iter().map(Ok))
        })
        .identity(|arg| *arg == interval_type()),
        // What intervals are compared and sorted by: SELECT interval '25 hours' > interval '1 day'; → t
        Function::new("pg_span", 1..=1, DataType::Int64, |call| {
            let spans = rows::map(intervals(call, 0)?, |value| Ok(span(value)));
            rows::collect::<Int64Array, _>(spans)
        }),
        // SELECT interval '1 month' * 0.5; → 15 days
        Function::new("pg_times", 2..=2, interval_type(), |call| {
            let (values, factors) = (intervals(call, 0)?, call.floats(1)?);
            interval_array(rows::zip(values, factors.iter(), |value, factor| {
                multiply(value, factor).ok_or_else(interval_out_of_range)
            }))
        }),
        // SELECT interval '1 month' / 2; → 15 days
        Function::new("pg_parts", 2..=2, interval_type(), quotients),
        // SELECT isfinite(date 'infinity'); → f
        Function::new("isfinite", 1..=1, DataType::Boolean, is_finite),
    ]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case((0, 1, 0), 2.5, (0, 2, 43_200))]
    #[case((1, 0, 0), 0.5, (0, 15, 0))]
    #[case((0, 0, 3600), 0.25, (0, 0, 900))]
    #[case((49, 0, 0), 0.3, (14, 21, 0))]
    fn products_of_intervals_cascade_down(
        #[case] value: (i32, i32, i64),
        #[case] factor: f64,
        #[case] expected: (i32, i32, i64),
    ) {
        let of = |(months, days, seconds): (i32, i32, i64)| {
            IntervalMonthDayNano::new(months, days, seconds * 1_000_000_000)
        };
        assert_eq!(multiply(of(value), factor), Some(of(expected)));
    }

    #[rstest]
    #[case((49, 0, 0), 49.0, Some((1, 0, 0)))]
    #[case((0, 7, 0), 3.0, Some((0, 2, 28_800_000_000)))]
    #[case((-1, -1, 0), 7.0, Some((0, -4, -37_028_546_743)))]
    #[case((1, 0, 0), 1e-300, None)]
    #[case((0, 0, 3600), 1e-9, None)]
    #[case((1, 0, 0), f64::NAN, None)]
    fn parts_of_intervals_cascade_down(
        #[case] value: (i32, i32, i64),
        #[case] divisor: f64,
        #[case] expected: Option<(i32, i32, i64)>,
    ) {
        let (months, days, seconds) = value;
        let value = IntervalMonthDayNano::new(months, days, seconds * 1_000_000_000);
        let expected = expected
            .map(|(months, days, micros)| IntervalMonthDayNano::new(months, days, micros * 1000));
        assert_eq!(divide(value, divisor), expected);
    }

    #[test]
    fn a_day_is_as_long_as_24_hours() {
        let day = IntervalMonthDayNano::new(0, 1, 0);
        let hours = IntervalMonthDayNano::new(0, 0, 86_400_000_000_000);
        assert_eq!(span(day), span(hours));
    }
}
