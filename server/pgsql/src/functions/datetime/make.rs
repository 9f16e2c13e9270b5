//! `make_date`, `make_time`, `make_timestamp` and `make_interval`.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use datafusion::arrow::array::{
    Array, Date32Array, IntervalMonthDayNanoArray, Time64MicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::error::{DataFusionError, Result};

use super::instants::{in_range, local_array, out_of_range, timestamp};
use super::intervals::{DAY, interval_out_of_range, interval_type, time_type};
use crate::error::PgError;
use crate::functions::call::{Call, raise, sql_error};
use crate::functions::function::Function;
use crate::functions::rows;

fn field_out_of_range(what: &str, written: &str) -> DataFusionError {
    sql_error(
        "22008",
        format!("{what} field value out of range: {written}"),
    )
}

/// Makes a value of each row of so many integers, and of the seconds after them if the call has them.
fn make<T>(
    call: &Call,
    integers: usize,
    make: impl Fn(&[i64], f64) -> Result<T>,
) -> Result<impl Iterator<Item = Result<Option<T>>>> {
    let numbers = (0..integers)
        .map(|at| call.integers(at))
        .collect::<Result<Vec<_>>>()?;
    let seconds = (call.arity() > integers)
        .then(|| call.floats(integers))
        .transpose()?;
    let parts = (0..call.rows).map(move |row| {
        let numbers = numbers
            .iter()
            .map(|array| array.is_valid(row).then(|| array.value(row)))
            .collect::<Option<Vec<_>>>()?;
        let seconds = match &seconds {
            Some(seconds) => seconds.is_valid(row).then(|| seconds.value(row))?,
            None => 0.0,
        };
        Some((numbers, seconds))
    });
    Ok(rows::map(parts, move |(numbers, seconds)| {
        make(&numbers, seconds)
    }))
}

/// Makes a day of year, month and day. A year below zero is before Christ; there is no year zero.
fn day(numbers: &[i64]) -> Result<NaiveDate> {
    let [year, month, day] = numbers else {
        return Err(raise(PgError::internal("a day of other parts")));
    };
    let made = || {
        let year = match i32::try_from(*year).ok()? {
            0 => return None,
            before if before < 0 => before.checked_add(1)?,
            year => year,
        };
        let (month, day) = (u32::try_from(*month).ok()?, u32::try_from(*day).ok()?);
        in_range(NaiveDate::from_ymd_opt(year, month, day)?.and_time(NaiveTime::MIN))
    };
    made()
        .map(|local| local.date())
        .ok_or_else(|| field_out_of_range("date", &format!("{year}-{month:02}-{day:02}")))
}

/// Makes microseconds since midnight of hour, minute and seconds; 24:00 is a whole day.
fn clock(numbers: &[i64], seconds: f64) -> Result<i64> {
    let [hour, minute] = numbers else {
        return Err(raise(PgError::internal("a time of other parts")));
    };
    let micros = (seconds * 1e6).round_ties_even();
    let parts = (0..=24).contains(hour) && (0..60).contains(minute);
    if parts && (0.0..=60e6).contains(&micros) {
        let all = (hour * 60 + minute) * 60_000_000 + micros as i64;
        if all <= DAY {
            return Ok(all);
        }
    }
    let written = format!("{hour}:{minute:02}:{seconds:02}");
    Err(field_out_of_range("time", &written))
}

fn local(numbers: &[i64], seconds: f64) -> Result<NaiveDateTime> {
    let (date, time) = numbers.split_at_checked(3).unwrap_or((numbers, &[]));
    let date = day(date)?.and_time(NaiveTime::MIN);
    let time = TimeDelta::microseconds(clock(time, seconds)?);
    let local = date.checked_add_signed(time).and_then(in_range);
    local.ok_or_else(out_of_range)
}

/// Makes an interval of years, months, weeks, days, hours, minutes and seconds; none where it has no room for them.
fn interval(numbers: &[i64], seconds: f64) -> Option<IntervalMonthDayNano> {
    let [years, months, weeks, days, hours, minutes] = numbers else {
        return None;
    };
    let months = years.checked_mul(12)?.checked_add(*months)?;
    let days = weeks.checked_mul(7)?.checked_add(*days)?;
    let minutes = hours.checked_mul(60)?.checked_add(*minutes)?;
    let micros = (seconds * 1e6).round_ties_even();
    // No float of that size is a microsecond off.
    let micros = (micros.abs() < i64::MAX as f64).then_some(micros as i64)?;
    let micros = minutes.checked_mul(60_000_000)?.checked_add(micros)?;
    Some(IntervalMonthDayNano::new(
        i32::try_from(months).ok()?,
        i32::try_from(days).ok()?,
        micros.checked_mul(1000)?,
    ))
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT make_date(2026, 1, 31); → 2026-01-31
        Function::new("make_date", 3..=3, DataType::Date32, |call| {
            let days = make(call, 3, |numbers, _| Ok(day(numbers)?.to_epoch_days()))?;
            rows::collect::<Date32Array, _>(days)
        }),
        // SELECT make_timestamp(2026, 1, 31, 8, 15, 23.5); → 2026-01-31 08:15:23.5
        Function::new("make_timestamp", 6..=6, timestamp(), |call| {
            local_array(make(call, 5, local)?)
        }),
        // SELECT make_time(8, 15, 23.5); → 08:15:23.5
        Function::new("make_time", 3..=3, time_type(), |call| {
            rows::collect::<Time64MicrosecondArray, _>(make(call, 2, clock)?)
        }),
        // `make_interval` with all its arguments: SELECT make_interval(0, 1, 0, 10, 0, 0, 0); → 1 mon 10 days
        Function::new("pg_make_interval", 7..=7, interval_type(), |call| {
            let intervals = make(call, 6, |numbers, seconds| {
                interval(numbers, seconds).ok_or_else(interval_out_of_range)
            })?;
            rows::collect::<IntervalMonthDayNanoArray, _>(intervals)
        }),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[-44, 3, 15], Some("-0043-03-15"))]
    #[case(&[2026, 2, 28], Some("2026-02-28"))]
    #[case(&[0, 3, 15], None)]
    #[case(&[2026, 2, 30], None)]
    #[case(&[262_142, 1, 1], None)]
    #[case(&[i64::MIN, 1, 1], None)]
    fn days_are_made_of_numbers(#[case] numbers: &[i64], #[case] expected: Option<&str>) {
        let made = day(numbers).ok().map(|day| day.to_string());
        assert_eq!(made.as_deref(), expected);
    }

    #[rstest]
    #[case(&[23, 59], 60.0, Some(DAY))]
    #[case(&[24, 0], 0.0, Some(DAY))]
    #[case(&[8, 15], 23.5, Some(29_723_500_000))]
    #[case(&[24, 0], 0.1, None)]
    #[case(&[8, 60], 0.0, None)]
    #[case(&[8, 0], f64::NAN, None)]
    fn times_are_made_of_numbers(
        #[case] numbers: &[i64],
        #[case] seconds: f64,
        #[case] expected: Option<i64>,
    ) {
        assert_eq!(clock(numbers, seconds).ok(), expected);
    }

    #[rstest]
    #[case(&[1, 2, 3, 4, 5, 6], 7.5, Some((14, 25, 18_367_500_000)))]
    #[case(&[200_000_000, 0, 0, 0, 0, 0], 0.0, None)]
    #[case(&[0, 0, 0, 0, 3_000_000, 0], 0.0, None)]
    #[case(&[0, 0, 0, 0, 0, i64::MAX], 0.0, None)]
    #[case(&[0; 6], f64::INFINITY, None)]
    fn an_interval_out_of_range_is_refused(
        #[case] numbers: &[i64],
        #[case] seconds: f64,
        #[case] expected: Option<(i32, i32, i64)>,
    ) {
        let expected = expected
            .map(|(months, days, micros)| IntervalMonthDayNano::new(months, days, micros * 1000));
        assert_eq!(interval(numbers, seconds), expected);
    }
}
