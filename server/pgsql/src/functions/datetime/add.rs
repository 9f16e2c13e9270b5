//! Sums of times and intervals: months and days count by the calendar, hours as they pass.

use chrono::{Months, NaiveDateTime, TimeDelta};
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::error::Result;

use super::instants::{
    in_range, instant_array, instants, is_infinite, local_array, locals, naive, out_of_range,
    timestamp, timestamptz, to_instant, to_local,
};
use super::intervals::intervals;
use crate::functions::call::Call;
use crate::functions::function::Function;
use crate::functions::rows;
use crate::types::zone::Zone;

/// Adds an interval to a local time: months, then days, then time. None where the result is out of range.
fn add_to_local(local: NaiveDateTime, by: IntervalMonthDayNano) -> Option<NaiveDateTime> {
    if is_infinite(local) {
        return Some(local);
    }
    let months = Months::new(by.months.unsigned_abs());
    let moved = if by.months >= 0 {
        local.checked_add_months(months)?
    } else {
        local.checked_sub_months(months)?
    };
    let moved = moved
        .checked_add_signed(TimeDelta::days(i64::from(by.days)))?
        .checked_add_signed(TimeDelta::microseconds(by.nanoseconds / 1000))?;
    in_range(moved)
}

/// Adds an interval to an instant: months and days by the calendar of a zone, time as it passes. None where the result is
/// out of range.
pub fn add_to_instant(micros: i64, by: IntervalMonthDayNano, zone: Zone) -> Option<i64> {
    let utc = naive(micros)?;
    if is_infinite(utc) {
        return Some(micros);
    }
    let calendar = IntervalMonthDayNano::new(by.months, by.days, 0);
    let moved = if by.months == 0 && by.days == 0 {
        micros
    } else {
        to_instant(add_to_local(to_local(utc, zone), calendar)?, zone)
    };
    let moved = moved.checked_add(by.nanoseconds / 1000)?;
    naive(moved).map(|_| moved)
}

/// `instant + interval` (`sign` is 1) and `instant - interval` (-1) in the session's zone.
fn add(call: &Call, sign: i32) -> Result<ArrayRef> {
    let sum = |instant, by: IntervalMonthDayNano| {
        let by = IntervalMonthDayNano::new(
            by.months.checked_mul(sign)?,
            by.days.checked_mul(sign)?,
            by.nanoseconds.checked_mul(i64::from(sign))?,
        );
        add_to_instant(instant, by, call.zone)
    };
    let (instants, intervals) = (instants(call, 0, call.zone)?, intervals(call, 1)?);
    instant_array(rows::zip(instants, intervals, |instant, by| {
        sum(instant, by).ok_or_else(out_of_range)
    }))
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT timestamptz '2026-03-28 12:00+01' + interval '1 day'; → the same time of the next day in the session's zone
        Function::new("pg_later", 2..=2, timestamptz(), |call| add(call, 1)).stable(),
        // SELECT timestamptz '2026-03-29 12:00+02' - interval '1 day';
        Function::new("pg_earlier", 2..=2, timestamptz(), |call| add(call, -1)).stable(),
        // SELECT date '2026-01-31' + time '12:00'; → 2026-01-31 12:00:00
        Function::new("pg_at_time", 2..=2, timestamp(), |call| {
            let (locals, times) = (locals(call, 0, call.zone)?, intervals(call, 1)?);
            local_array(rows::zip(locals, times, |local, time| {
                add_to_local(local, time).ok_or_else(out_of_range)
            }))
        })
        .stable(),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_month_after_the_last_day_is_the_last_day() {
        let local =
            NaiveDateTime::parse_from_str("2026-01-31 12:00:00", "%Y-%m-%d %H:%M:%S").unwrap();
        let month = IntervalMonthDayNano::new(1, 0, 0);
        assert_eq!(
            add_to_local(local, month).unwrap().to_string(),
            "2026-02-28 12:00:00"
        );
    }

    #[test]
    fn a_day_of_a_zone_may_have_23_hours() {
        let zone = Zone::parse("America/New_York").unwrap();
        // 2026-03-07 00:00 there.
        let start = 1_772_859_600_000_000;
        let day = add_to_instant(start, IntervalMonthDayNano::new(0, 1, 0), zone).unwrap();
        let next = add_to_instant(day, IntervalMonthDayNano::new(0, 1, 0), zone).unwrap();
        assert_eq!((next - day) / 3_600_000_000, 23);
    }
}
