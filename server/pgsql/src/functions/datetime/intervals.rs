//! Times of day and intervals: casts to them, products and sizes of intervals.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, IntervalMonthDayNanoArray,
    Time64MicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Float64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::error::{DataFusionError, Result};

use super::instants::{
    Kind, is_infinite, kind, local_array, locals, out_of_range, timestamp, unread,
};
use crate::encode::IntervalStyle;
use crate::error::PgError;
use crate::functions::call::{Call, Function, raise};
use crate::params::{Unread, micros_of_day, parse_time};
use crate::types::interval;

pub const DAY: i64 = 86_400_000_000;

pub fn interval_type() -> DataType {
    DataType::Interval(IntervalUnit::MonthDayNano)
}

pub fn time_type() -> DataType {
    DataType::Time64(TimeUnit::Microsecond)
}

/// Lengths of time as days and what is left of them, as PostgreSQL has the difference of two times.
pub fn durations_as_intervals(array: &ArrayRef) -> Result<IntervalMonthDayNanoArray> {
    let array = cast(array, &DataType::Duration(TimeUnit::Microsecond))?;
    let micros = array.as_primitive::<DurationMicrosecondType>();
    Ok(micros
        .unary(|micros| IntervalMonthDayNano::new(0, (micros / DAY) as i32, micros % DAY * 1000)))
}

/// An argument as intervals.
pub fn intervals(call: &Call, at: usize) -> Result<Vec<Option<IntervalMonthDayNano>>> {
    match call.array(at).data_type() {
        DataType::Interval(_) => {
            let array = call.cast(at, &interval_type())?;
            Ok(array
                .as_primitive::<IntervalMonthDayNanoType>()
                .iter()
                .collect())
        }
        DataType::Duration(_) => Ok(durations_as_intervals(call.array(at))?.iter().collect()),
        DataType::Time64(_) | DataType::Time32(_) => {
            let array = call.cast(at, &time_type())?;
            let micros = array.as_primitive::<Time64MicrosecondType>().iter();
            Ok(micros
                .map(|micros| Some(IntervalMonthDayNano::new(0, 0, micros? * 1000)))
                .collect())
        }
        _ => call
            .texts(at)?
            .iter()
            .map(|text| {
                let Some(text) = text else { return Ok(None) };
                let mut parts = interval::parse(text)
                    .ok_or_else(|| unread(Unread::Syntax, "interval", text))?;
                if call.intervals == IntervalStyle::SqlStandard && interval::has_one_sign(text) {
                    parts = parts.negative();
                }
                let nanoseconds = parts.microseconds.checked_mul(1000);
                Ok(Some(IntervalMonthDayNano::new(
                    parts.months,
                    parts.days,
                    nanoseconds.ok_or_else(interval_out_of_range)?,
                )))
            })
            .collect(),
    }
}

fn interval_array(values: impl Iterator<Item = Option<IntervalMonthDayNano>>) -> ArrayRef {
    Arc::new(values.collect::<IntervalMonthDayNanoArray>())
}

/// As long as an interval is, with months of 30 days: what intervals are compared by.
pub fn span(value: IntervalMonthDayNano) -> i64 {
    let days = i64::from(value.months) * 30 + i64::from(value.days);
    days.saturating_mul(DAY)
        .saturating_add(value.nanoseconds / 1000)
}

/// No interval that there is.
pub fn interval_out_of_range() -> DataFusionError {
    raise(PgError::new("22008", "interval out of range"))
}

/// So many times an interval; none where that has no place.
pub fn times(value: IntervalMonthDayNano, factor: f64) -> Option<IntervalMonthDayNano> {
    cascaded(value, |part| part * factor)
}

/// A part of an interval. A factor would not be the same: a 49th of 49 months would not be one month.
fn divided(value: IntervalMonthDayNano, divisor: f64) -> Option<IntervalMonthDayNano> {
    cascaded(value, |part| part / divisor)
}

/// The parts of an interval, each scaled; what is left of a month goes to days, what is left of a day to time.
fn cascaded(
    value: IntervalMonthDayNano,
    scaled: impl Fn(f64) -> f64,
) -> Option<IntervalMonthDayNano> {
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

fn times_of_day(call: &Call) -> Result<ArrayRef> {
    let array: Time64MicrosecondArray = match kind(call.array(0).data_type()) {
        Kind::Text => call
            .texts(0)?
            .iter()
            .map(|text| {
                let Some(text) = text else { return Ok(None) };
                parse_time(text)
                    .map(Some)
                    .map_err(|why| unread(why, "time", text))
            })
            .collect::<Result<_>>()?,
        Kind::Instant | Kind::Local => locals(call, 0, call.zone)?
            .into_iter()
            .map(|local| {
                let local = local.filter(|local| !is_infinite(*local))?;
                Some(micros_of_day(local.time()))
            })
            .collect(),
        _ if matches!(
            call.array(0).data_type(),
            DataType::Interval(_) | DataType::Duration(_)
        ) =>
        {
            let micros = |value: IntervalMonthDayNano| (value.nanoseconds / 1000).rem_euclid(DAY);
            intervals(call, 0)?
                .into_iter()
                .map(|value| value.map(micros))
                .collect()
        }
        _ => return call.cast(0, &time_type()),
    };
    Ok(Arc::new(array))
}

fn truths(call: &Call) -> Result<ArrayRef> {
    let truths = call.texts(0)?;
    let truths = truths.iter().map(|text| {
        let Some(text) = text else { return Ok(None) };
        crate::params::parse_boolean(text.trim())
            .map(Some)
            .ok_or_else(|| {
                raise(PgError::new(
                    "22P02",
                    format!("invalid input syntax for type boolean: \"{text}\""),
                ))
            })
    });
    Ok(Arc::new(truths.collect::<Result<BooleanArray>>()?))
}

/// Intervals divided by numbers. One of no rows is none, as an average is: there is no interval then.
pub fn parts(call: &Call) -> Result<ArrayRef> {
    let divisors = call.cast(1, &DataType::Float64)?;
    let divisors = divisors.as_primitive::<Float64Type>().iter();
    let pairs = intervals(call, 0)?.into_iter().zip(divisors);
    let parts = pairs.map(|(value, divisor)| match (value, divisor) {
        (Some(_), Some(0.0)) => Err(raise(PgError::new("22012", "division by zero"))),
        (Some(value), Some(divisor)) => divided(value, divisor)
            .map(Some)
            .ok_or_else(interval_out_of_range),
        _ => Ok(None),
    });
    Ok(interval_array(
        parts.collect::<Result<Vec<_>>>()?.into_iter(),
    ))
}

fn is_finite(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0);
    let truths: BooleanArray = match array.data_type() {
        DataType::Timestamp(..) => {
            let array = call.cast(0, &timestamp())?;
            let micros = array.as_primitive::<TimestampMicrosecondType>().iter();
            micros
                .map(|micros| micros.map(|micros| micros != i64::MAX && micros != i64::MIN))
                .collect()
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().iter();
            days.map(|days| days.map(|days| days != i32::MAX && days != i32::MIN))
                .collect()
        }
        _ => return call.truth(true),
    };
    Ok(Arc::new(truths))
}

pub fn functions() -> Vec<Function> {
    vec![
        Function::new("pg_time", 1..=1, time_type(), times_of_day)
            .identity(|arg| *arg == DataType::Time64(TimeUnit::Microsecond))
            .stable(),
        Function::new("pg_interval", 1..=1, interval_type(), |call| {
            Ok(interval_array(intervals(call, 0)?.into_iter()))
        })
        .identity(|arg| *arg == DataType::Interval(IntervalUnit::MonthDayNano)),
        Function::new("pg_bool", 1..=1, DataType::Boolean, truths)
            .identity(|arg| *arg == DataType::Boolean),
        Function::new("pg_span", 1..=1, DataType::Int64, |call| {
            let spans = intervals(call, 0)?.into_iter().map(|value| value.map(span));
            Ok(Arc::new(spans.collect::<Int64Array>()))
        }),
        Function::new("pg_times", 2..=2, interval_type(), |call| {
            let factors = call.cast(1, &DataType::Float64)?;
            let factors = factors.as_primitive::<Float64Type>().iter();
            let pairs = intervals(call, 0)?.into_iter().zip(factors);
            let products = pairs.map(|(value, factor)| match (value, factor) {
                (Some(value), Some(factor)) => times(value, factor)
                    .map(Some)
                    .ok_or_else(interval_out_of_range),
                _ => Ok(None),
            });
            Ok(interval_array(
                products.collect::<Result<Vec<_>>>()?.into_iter(),
            ))
        }),
        Function::new("pg_parts", 2..=2, interval_type(), parts),
        // A day or a time, and a time of day after it.
        Function::new("pg_at_time", 2..=2, timestamp(), |call| {
            let pairs = locals(call, 0, call.zone)?
                .into_iter()
                .zip(intervals(call, 1)?);
            let later = pairs.map(|(local, by)| match (local, by) {
                (Some(local), Some(by)) => crate::functions::array::series::later(local, by)
                    .map(Some)
                    .ok_or_else(out_of_range),
                _ => Ok(None),
            });
            Ok(local_array(later.collect::<Result<Vec<_>>>()?.into_iter()))
        })
        .stable(),
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
        assert_eq!(times(of(value), factor), Some(of(expected)));
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
        assert_eq!(divided(value, divisor), expected);
    }

    #[test]
    fn a_day_is_as_long_as_24_hours() {
        let day = IntervalMonthDayNano::new(0, 1, 0);
        let hours = IntervalMonthDayNano::new(0, 0, 86_400_000_000_000);
        assert_eq!(span(day), span(hours));
    }
}
