//! `date_trunc`: times and intervals cut to a unit, in the session's zone or a given one.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, Timelike};
use datafusion::arrow::array::{ArrayRef, IntervalMonthDayNanoArray};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::error::Result;

use super::instants::{
    Kind, instant_array, instants, is_infinite, kind, local_array, locals, naive, out_of_range,
    timestamp, timestamptz, to_instant, to_local, zone_of,
};
use super::intervals::{interval_type, intervals};
use super::units::{NamedUnit, Unit, Units};
use crate::functions::call::{Call, raise};
use crate::functions::function::Function;
use crate::functions::rows;
use crate::types::zone::Zone;

/// Returns the unit if times can be cut to it.
fn truncating(named: NamedUnit<'_>) -> Result<Unit> {
    match named.unit {
        Unit::DayOfWeek
        | Unit::IsoDayOfWeek
        | Unit::DayOfYear
        | Unit::IsoYear
        | Unit::Julian
        | Unit::Epoch => Err(named.unrecognized()),
        unit if unit.is_of_zone() => Err(raise(named.unsupported())),
        unit => Ok(unit),
    }
}

/// Returns the number of years of a unit of several.
fn years(unit: Unit) -> i32 {
    match unit {
        Unit::Decade => 10,
        Unit::Century => 100,
        Unit::Millennium => 1000,
        _ => 1,
    }
}

/// Cuts a local time to a unit; none where the result is out of range.
fn truncate_local(local: NaiveDateTime, unit: Unit) -> Option<NaiveDateTime> {
    if is_infinite(local) {
        return Some(local);
    }
    let date = local.date();
    let date = match unit {
        Unit::Microsecond => return Some(local),
        Unit::Millisecond => {
            return local.with_nanosecond(local.nanosecond() / 1_000_000 * 1_000_000);
        }
        Unit::Second => return local.with_nanosecond(0),
        Unit::Minute => return local.with_second(0)?.with_nanosecond(0),
        Unit::Hour => return local.with_minute(0)?.with_second(0)?.with_nanosecond(0),
        Unit::Day => date,
        Unit::Week => {
            let passed = Days::new(date.weekday().num_days_from_monday().into());
            date.checked_sub_days(passed)?
        }
        Unit::Month => date.with_day(1)?,
        Unit::Quarter => NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1)?,
        Unit::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1)?,
        Unit::Decade => NaiveDate::from_ymd_opt(date.year().div_euclid(10) * 10, 1, 1)?,
        // Centuries begin with a year 1.
        Unit::Century | Unit::Millennium => {
            let years = years(unit);
            NaiveDate::from_ymd_opt((date.year() - 1).div_euclid(years) * years + 1, 1, 1)?
        }
        _ => return None,
    };
    date.and_hms_opt(0, 0, 0)
}

/// Cuts an interval to a unit: its smaller parts become zero.
fn truncate_interval(value: IntervalMonthDayNano, unit: Unit) -> IntervalMonthDayNano {
    let whole_months =
        |months: i32| IntervalMonthDayNano::new(value.months / months * months, 0, 0);
    let time = |nanoseconds: i64| {
        let rest = value.nanoseconds / nanoseconds * nanoseconds;
        IntervalMonthDayNano::new(value.months, value.days, rest)
    };
    match unit {
        Unit::Microsecond => time(1000),
        Unit::Millisecond => time(1_000_000),
        Unit::Second => time(1_000_000_000),
        Unit::Minute => time(60_000_000_000),
        Unit::Hour => time(3_600_000_000_000),
        Unit::Day => IntervalMonthDayNano::new(value.months, value.days, 0),
        Unit::Month => whole_months(1),
        Unit::Quarter => whole_months(3),
        other => whole_months(years(other) * 12),
    }
}

fn truncate_intervals(call: &Call, units: &Units) -> Result<ArrayRef> {
    let rows = units.zip(intervals(call, 1)?, |named, value| {
        let unit = truncating(named)?;
        if unit == Unit::Week {
            let error = named.unsupported();
            return Err(raise(error.detail("Months usually have fractional weeks.")));
        }
        Ok(truncate_interval(value, unit))
    });
    rows::collect::<IntervalMonthDayNanoArray, _>(rows)
}

/// Cuts an instant to a unit in a zone; none where the result is out of range. A unit within a day is cut by the clock that
/// shows the instant, also in an hour that comes twice; a day and longer units begin as the zone's clocks show it.
fn truncate_instant(micros: i64, unit: Unit, zone: Zone) -> Option<i64> {
    let local = to_local(naive(micros)?, zone);
    let start = truncate_local(local, unit)?;
    if unit.is_within_day() && !is_infinite(local) {
        return Some(micros - (local - start).num_microseconds()?);
    }
    Some(to_instant(start, zone))
}

/// `date_trunc(unit, x)` of local times, and of instants in the session's zone.
fn truncate_in_session(call: &Call, units: &Units) -> Result<ArrayRef> {
    if call.returns == timestamp() {
        let locals = locals(call, 1, call.zone)?;
        return local_array(units.zip(locals, |named, local| {
            truncate_local(local, truncating(named)?).ok_or_else(out_of_range)
        }));
    }
    let instants = instants(call, 1, call.zone)?;
    instant_array(units.zip(instants, |named, micros| {
        truncate_instant(micros, truncating(named)?, call.zone).ok_or_else(out_of_range)
    }))
}

/// `date_trunc(unit, instant, zone)` in the zone of each row; a local time is an instant of the session's zone.
fn truncate_in_zones(call: &Call, units: &Units) -> Result<ArrayRef> {
    let (instants, zones) = (instants(call, 1, call.zone)?, call.texts(2)?);
    let values = instants.into_iter().zip(zones.iter());
    let values = values.map(|(micros, zone)| micros.zip(zone));
    let mut last: Option<(&str, Zone)> = None;
    instant_array(units.zip(values, |named, (micros, name)| {
        let zone = match last {
            Some((seen, zone)) if seen == name => zone,
            _ => zone_of(name)?,
        };
        last = Some((name, zone));
        truncate_instant(micros, truncating(named)?, zone).ok_or_else(out_of_range)
    }))
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    // SELECT date_trunc('month', timestamp '2026-01-31 12:00'); → 2026-01-01 00:00:00
    // SELECT date_trunc('day', timestamptz '2026-01-31 12:00+00', 'Asia/Tokyo'); → 2026-01-30 15:00:00+00
    let date_trunc = Function::new("date_trunc", 2..=3, timestamptz(), |call| {
        let units = Units::new(call, &call.returns)?;
        if matches!(call.returns, DataType::Interval(_)) {
            truncate_intervals(call, &units)
        } else if call.arity() > 2 {
            truncate_in_zones(call, &units)
        } else {
            truncate_in_session(call, &units)
        }
    });
    let date_trunc = date_trunc.returning(|args, _| {
        if let Some(DataType::Interval(_) | DataType::Duration(_)) = args.get(1) {
            return Ok(interval_type());
        }
        Ok(match args.get(1).map(kind) {
            Some(Kind::Local) if args.len() == 2 => timestamp(),
            _ => timestamptz(),
        })
    });
    vec![date_trunc.stable()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("second", "2026-08-13 14:15:16")]
    #[case("hour", "2026-08-13 14:00:00")]
    #[case("day", "2026-08-13 00:00:00")]
    #[case("week", "2026-08-10 00:00:00")]
    #[case("month", "2026-08-01 00:00:00")]
    #[case("quarter", "2026-07-01 00:00:00")]
    #[case("year", "2026-01-01 00:00:00")]
    #[case("decade", "2020-01-01 00:00:00")]
    #[case("century", "2001-01-01 00:00:00")]
    fn a_time_is_cut_to_a_unit(#[case] name: &str, #[case] expected: &str) {
        let local = NaiveDate::from_ymd_opt(2026, 8, 13)
            .unwrap()
            .and_hms_micro_opt(14, 15, 16, 170_000)
            .unwrap();
        assert_eq!(
            truncate_local(local, Unit::read(name).unwrap())
                .unwrap()
                .to_string(),
            expected
        );
    }

    /// What PostgreSQL gives in hours that come twice, of an hour and of half an hour, and around a day of 25 hours.
    #[rstest]
    #[case(
        "America/New_York",
        "hour",
        "2026-11-01T05:30:00Z",
        "2026-11-01T05:00:00Z"
    )]
    #[case(
        "America/New_York",
        "hour",
        "2026-11-01T06:30:00Z",
        "2026-11-01T06:00:00Z"
    )]
    #[case(
        "America/New_York",
        "minute",
        "2026-11-01T05:30:30Z",
        "2026-11-01T05:30:00Z"
    )]
    #[case(
        "America/New_York",
        "second",
        "2026-11-01T05:30:30.5Z",
        "2026-11-01T05:30:30Z"
    )]
    #[case(
        "America/New_York",
        "milliseconds",
        "2026-11-01T05:30:30.5009Z",
        "2026-11-01T05:30:30.5Z"
    )]
    #[case(
        "America/New_York",
        "microseconds",
        "2026-11-01T05:30:30.5009Z",
        "2026-11-01T05:30:30.5009Z"
    )]
    #[case(
        "America/New_York",
        "day",
        "2026-11-01T06:30:00Z",
        "2026-11-01T04:00:00Z"
    )]
    #[case(
        "America/New_York",
        "day",
        "2026-11-02T04:30:00Z",
        "2026-11-01T04:00:00Z"
    )]
    #[case(
        "America/New_York",
        "hour",
        "2026-03-08T07:20:00Z",
        "2026-03-08T07:00:00Z"
    )]
    #[case(
        "Europe/Berlin",
        "hour",
        "2026-10-25T00:20:00Z",
        "2026-10-25T00:00:00Z"
    )]
    // Back by half an hour at 15:00 UTC: 01:45+11 is followed by 01:30+10:30.
    #[case(
        "Australia/Lord_Howe",
        "hour",
        "2026-04-04T14:45:00Z",
        "2026-04-04T14:00:00Z"
    )]
    #[case(
        "Australia/Lord_Howe",
        "hour",
        "2026-04-04T15:10:00Z",
        "2026-04-04T14:30:00Z"
    )]
    #[case(
        "Australia/Lord_Howe",
        "minute",
        "2026-04-04T14:45:30Z",
        "2026-04-04T14:45:00Z"
    )]
    #[case(
        "Asia/Kathmandu",
        "hour",
        "2026-04-04T14:45:30Z",
        "2026-04-04T14:15:00Z"
    )]
    fn an_instant_is_cut_by_the_clock_that_shows_it(
        #[case] zone: &str,
        #[case] by: &str,
        #[case] instant: &str,
        #[case] expected: &str,
    ) {
        let micros = |text: &str| {
            text.parse::<chrono::DateTime<chrono::Utc>>()
                .unwrap()
                .timestamp_micros()
        };
        let by = Unit::read(by).unwrap();
        let zone = Zone::parse(zone).unwrap();
        assert_eq!(
            truncate_instant(micros(instant), by, zone),
            Some(micros(expected))
        );
        for end in [i64::MIN, i64::MAX] {
            assert_eq!(truncate_instant(end, by, zone), Some(end));
        }
    }
}
