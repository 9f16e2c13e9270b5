//! `age` and `justify_hours`, `justify_days`, `justify_interval`.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use datafusion::arrow::array::{ArrayRef, IntervalMonthDayNanoArray};
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::error::Result;

use super::instants::{is_infinite, locals, out_of_range, to_local};
use super::intervals::{DAY, interval_out_of_range, interval_type, intervals};
use crate::functions::call::Call;
use crate::functions::function::Function;
use crate::functions::rows;

/// Returns the interval from `earlier` to `later`, as people count ages: years and months by the calendar first.
fn age(later: NaiveDateTime, earlier: NaiveDateTime) -> IntervalMonthDayNano {
    if later < earlier {
        let age = age(earlier, later);
        return IntervalMonthDayNano::new(-age.months, -age.days, -age.nanoseconds);
    }
    let micros = |time: NaiveDateTime| {
        let since_midnight = time - time.date().and_time(NaiveTime::MIN);
        since_midnight.num_microseconds().unwrap_or(0)
    };
    let mut months =
        (later.year() - earlier.year()) * 12 + later.month() as i32 - earlier.month() as i32;
    let mut days = later.day() as i32 - earlier.day() as i32;
    let mut rest = micros(later) - micros(earlier);
    if rest < 0 {
        rest += DAY;
        days -= 1;
    }
    while days < 0 {
        months -= 1;
        // A month that is not whole counts by the days of the earlier time's month.
        days += days_of_month(earlier.year(), earlier.month());
    }
    IntervalMonthDayNano::new(months, days, rest * 1000)
}

fn days_of_month(year: i32, month: u32) -> i32 {
    let (next_year, next_month) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    let first = NaiveDate::from_ymd_opt(year, month, 1);
    let next = NaiveDate::from_ymd_opt(next_year, next_month, 1);
    first
        .zip(next)
        .map_or(30, |(first, next)| (next - first).num_days() as i32)
}

/// `age(later, earlier)`; `age(x)` is that of `x` at today's midnight.
fn ages(call: &Call) -> Result<ArrayRef> {
    let first = locals(call, 0, call.zone)?;
    let has_both = call.arity() > 1;
    let second = if has_both {
        locals(call, 1, call.zone)?
    } else {
        let now = to_local(chrono::Utc::now().naive_utc(), call.zone);
        vec![now.date().and_hms_opt(0, 0, 0); call.rows]
    };
    let ages = rows::zip(first, second, |first, second| {
        if is_infinite(first) || is_infinite(second) {
            return Err(out_of_range());
        }
        Ok(if has_both {
            age(first, second)
        } else {
            age(second, first)
        })
    });
    rows::collect::<IntervalMonthDayNanoArray, _>(ages)
}

fn justify_all(call: &Call, hours: bool, days: bool) -> Result<ArrayRef> {
    let values = rows::map(intervals(call, 0)?, |value| {
        justify(value, hours, days).ok_or_else(interval_out_of_range)
    });
    rows::collect::<IntervalMonthDayNanoArray, _>(values)
}

/// Makes days of 24 hours (`hours`) and months of 30 days (`days`), and gives all parts the same sign. None where an interval
/// has no room for the result.
fn justify(
    mut value: IntervalMonthDayNano,
    hours: bool,
    days: bool,
) -> Option<IntervalMonthDayNano> {
    let day = DAY * 1000;
    if hours {
        value.days = value
            .days
            .checked_add(i32::try_from(value.nanoseconds / day).ok()?)?;
        value.nanoseconds %= day;
    }
    if days {
        value.months = value.months.checked_add(value.days / 30)?;
        value.days %= 30;
        let rest = (value.days, if hours { value.nanoseconds } else { 0 });
        if value.months > 0 && rest < (0, 0) {
            value.days += 30;
            value.months -= 1;
        } else if value.months < 0 && rest > (0, 0) {
            value.days -= 30;
            value.months += 1;
        }
    }
    if hours {
        if value.days > 0 && value.nanoseconds < 0 {
            value.nanoseconds += day;
            value.days -= 1;
        } else if value.days < 0 && value.nanoseconds > 0 {
            value.nanoseconds -= day;
            value.days += 1;
        }
    }
    Some(value)
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    let justify = |name, hours, days| {
        Function::new(name, 1..=1, interval_type(), move |call| {
            justify_all(call, hours, days)
        })
    };
    vec![
        // SELECT age(timestamp '2026-03-01', timestamp '2025-12-15'); → 2 mons 17 days
        Function::new("age", 1..=2, interval_type(), ages).stable(),
        // SELECT justify_hours(interval '27 hours'); → 1 day 03:00:00
        justify("justify_hours", true, false),
        // SELECT justify_days(interval '35 days'); → 1 mon 5 days
        justify("justify_days", false, true),
        // SELECT justify_interval(interval '1 mon -1 hour'); → 29 days 23:00:00
        justify("justify_interval", true, true),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2001-04-10 00:00:00", "1957-06-13 00:00:00", (43 * 12 + 9, 27, 0))]
    #[case("2026-03-01 00:00:00", "2026-01-31 00:00:00", (1, 1, 0))]
    #[case("2026-01-01 00:00:00", "2026-01-02 12:00:00", (0, -1, -43_200))]
    fn ages_are_counted_as_postgresql_counts(
        #[case] a: &str,
        #[case] b: &str,
        #[case] expected: (i32, i32, i64),
    ) {
        let parse = |text| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
        let (months, days, seconds) = expected;
        assert_eq!(
            age(parse(a), parse(b)),
            IntervalMonthDayNano::new(months, days, seconds * 1_000_000_000)
        );
    }

    #[rstest]
    #[case((i32::MAX, 60, 0))]
    #[case((0, i32::MAX, 48 * 3600))]
    fn more_than_an_interval_has_is_none(#[case] (months, days, seconds): (i32, i32, i64)) {
        let value = IntervalMonthDayNano::new(months, days, seconds * 1_000_000_000);
        assert_eq!(justify(value, true, true), None);
    }
}
