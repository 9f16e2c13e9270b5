//! `date_trunc` in the session's zone.

use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, Timelike};
use datafusion::arrow::array::{Array, ArrayRef, IntervalMonthDayNanoArray, StringArray};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::error::Result;

use super::instants::{
    Kind, instant_array, instants, is_infinite, kind, local_array, locals, naive, out_of_range,
    timestamp, timestamptz, to_instant, to_local, zone_of,
};
use super::intervals::{interval_type, intervals};
use super::units::Unit;
use crate::encode::type_name;
use crate::error::{PgError, code};
use crate::functions::call::{Call, Function, raise};
use crate::types::zone::Zone;

/// What a unit cuts to.
fn unit(name: &str, of: &DataType) -> Result<Unit> {
    let unrecognized = || {
        raise(PgError::new(
            code::INVALID_PARAMETER,
            format!("unit \"{name}\" not recognized for type {}", type_name(of)),
        ))
    };
    let unit = Unit::read(name).ok_or_else(unrecognized)?;
    match unit {
        Unit::DayOfWeek
        | Unit::IsoDayOfWeek
        | Unit::DayOfYear
        | Unit::IsoYear
        | Unit::Julian
        | Unit::Epoch => Err(unrecognized()),
        Unit::Zone | Unit::ZoneHour | Unit::ZoneMinute => Err(raise(PgError::new(
            code::NOT_SUPPORTED,
            format!("unit \"{name}\" not supported for type {}", type_name(of)),
        ))),
        unit => Ok(unit),
    }
}

/// The years of a unit of more than one of them.
fn years(unit: Unit) -> i32 {
    match unit {
        Unit::Decade => 10,
        Unit::Century => 100,
        Unit::Millennium => 1000,
        _ => 1,
    }
}

fn truncated(local: NaiveDateTime, unit: Unit) -> Option<NaiveDateTime> {
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

/// Of an interval the units that are smaller become nothing.
fn truncated_interval(value: IntervalMonthDayNano, unit: Unit) -> IntervalMonthDayNano {
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

fn truncated_intervals(call: &Call, units: &StringArray) -> Result<ArrayRef> {
    let rows = intervals(call, 1)?
        .into_iter()
        .enumerate()
        .map(|(row, value)| {
            let Some(value) = value.filter(|_| units.is_valid(row)) else {
                return Ok(None);
            };
            let name = units.value(row);
            let by = unit(name, &interval_type())?;
            if by == Unit::Week {
                return Err(raise(
                    PgError::new(
                        code::NOT_SUPPORTED,
                        format!("unit \"{name}\" not supported for type interval"),
                    )
                    .detail("Months usually have fractional weeks."),
                ));
            }
            Ok(Some(truncated_interval(value, by)))
        });
    Ok(Arc::new(
        rows.collect::<Result<IntervalMonthDayNanoArray>>()?,
    ))
}

/// The units of an argument, which mostly is one and the same word in all rows.
struct Units<'a> {
    names: &'a StringArray,
    of: &'a DataType,
    known: Option<(&'a str, Unit)>,
}

impl Units<'_> {
    fn at(&mut self, row: usize) -> Result<Option<Unit>> {
        if self.names.is_null(row) {
            return Ok(None);
        }
        let name = self.names.value(row);
        if let Some((known, by)) = self.known
            && known == name
        {
            return Ok(Some(by));
        }
        let by = unit(name, self.of)?;
        self.known = Some((name, by));
        Ok(Some(by))
    }
}

/// An instant cut to a unit in a zone. A unit within a day is cut off by the clock that shows the instant, also in an hour that
/// comes twice; a day and what is longer begin as the zone's clocks show it.
fn truncated_instant(micros: i64, by: Unit, zone: Zone) -> Option<i64> {
    let local = to_local(naive(micros)?, zone);
    let start = truncated(local, by)?;
    if by.is_within_day() && !is_infinite(local) {
        return Some(micros - (local - start).num_microseconds()?);
    }
    Some(to_instant(start, zone))
}

/// `date_trunc(unit, x)` of local times, and of instants in the session's zone.
fn in_session(call: &Call, units: &mut Units<'_>) -> Result<ArrayRef> {
    if call.returns == timestamp() {
        let rows = locals(call, 1, call.zone)?.into_iter().enumerate();
        let cut = rows.map(|(row, local)| match (units.at(row)?, local) {
            (Some(by), Some(local)) => truncated(local, by).map(Some).ok_or_else(out_of_range),
            _ => Ok(None),
        });
        return Ok(local_array(cut.collect::<Result<Vec<_>>>()?.into_iter()));
    }
    let rows = instants(call, 1, call.zone)?.into_iter().enumerate();
    let cut = rows.map(|(row, micros)| match (units.at(row)?, micros) {
        (Some(by), Some(micros)) => {
            let cut = truncated_instant(micros, by, call.zone);
            cut.map(Some).ok_or_else(out_of_range)
        }
        _ => Ok(None),
    });
    Ok(instant_array(cut.collect::<Result<Vec<_>>>()?.into_iter()))
}

/// `date_trunc(unit, instant, zone)`, in the zone of each row. A local time is first an instant, of the session's zone.
fn in_zones(call: &Call, units: &mut Units<'_>) -> Result<ArrayRef> {
    let zones = call.texts(2)?;
    let mut known: Option<(&str, Zone)> = None;
    let rows = instants(call, 1, call.zone)?.into_iter().enumerate();
    let cut = rows.map(|(row, micros)| {
        let (Some(micros), true) = (micros, zones.is_valid(row)) else {
            return Ok(None);
        };
        let name = zones.value(row);
        let zone = match known {
            Some((seen, zone)) if seen == name => zone,
            _ => zone_of(name)?,
        };
        known = Some((name, zone));
        let Some(by) = units.at(row)? else {
            return Ok(None);
        };
        let cut = truncated_instant(micros, by, zone);
        cut.map(Some).ok_or_else(out_of_range)
    });
    let cut = cut.collect::<Result<Vec<_>>>()?;
    Ok(instant_array(cut.into_iter()))
}

pub fn functions() -> Vec<Function> {
    let date_trunc = Function::new("date_trunc", 2..=3, timestamptz(), |call| {
        let names = call.texts(0)?;
        if matches!(call.returns, DataType::Interval(_)) {
            return truncated_intervals(call, &names);
        }
        let mut units = Units {
            names: &names,
            of: &call.returns,
            known: None,
        };
        if call.arity() > 2 {
            in_zones(call, &mut units)
        } else {
            in_session(call, &mut units)
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
            truncated(local, unit(name, &timestamp()).unwrap())
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
        let by = unit(by, &timestamptz()).unwrap();
        let zone = Zone::parse(zone).unwrap();
        assert_eq!(
            truncated_instant(micros(instant), by, zone),
            Some(micros(expected))
        );
        for end in [i64::MIN, i64::MAX] {
            assert_eq!(truncated_instant(end, by, zone), Some(end));
        }
    }
}
