//! `date_trunc` in the session's zone.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use datafusion::arrow::array::{Array, ArrayRef, IntervalMonthDayNanoArray, StringArray};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::error::Result;

use super::super::encode::type_name;
use super::super::error::{PgError, code};
use super::call::{Call, Function, raise};
use super::instants::{
    Kind, instant_array, is_infinite, kind, local_array, locals, timestamp, timestamptz,
    to_instant, zone_of,
};
use super::times::{interval_type, intervals};
use super::units::Unit;

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
        Unit::Week => date - TimeDelta::days(i64::from(date.weekday().num_days_from_monday())),
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

pub(super) fn functions() -> Vec<Function> {
    let date_trunc = Function::new("date_trunc", 2..=3, timestamptz(), |call| {
        let units = call.texts(0)?;
        let zone = if call.len() > 2 {
            let zones = call.texts(2)?;
            if zones.is_null(0) {
                call.zone
            } else {
                zone_of(zones.value(0))?
            }
        } else {
            call.zone
        };
        if matches!(call.returns, DataType::Interval(_)) {
            return truncated_intervals(call, &units);
        }
        let is_local = call.returns == timestamp();
        let mut known: Option<(&str, Unit)> = None;
        let mut truncated_rows = Vec::with_capacity(call.rows);
        for (row, local) in locals(call, 1, zone)?.into_iter().enumerate() {
            if units.is_null(row) {
                truncated_rows.push(None);
                continue;
            }
            let name = units.value(row);
            let by = match known {
                Some((seen, unit)) if seen == name => unit,
                _ => {
                    let by = unit(name, &call.returns)?;
                    known = Some((name, by));
                    by
                }
            };
            truncated_rows.push(local.and_then(|local| truncated(local, by)));
        }
        if is_local {
            return Ok(local_array(truncated_rows.into_iter()));
        }
        Ok(instant_array(
            truncated_rows
                .into_iter()
                .map(|local| Some(to_instant(local?, zone))),
        ))
    });
    let date_trunc = date_trunc.returning(|args, _| {
        if let Some(DataType::Interval(_) | DataType::Duration(_)) = args.get(1) {
            return Ok(interval_type());
        }
        Ok(match args.get(1).map(kind) {
            Some(Kind::Local) => timestamp(),
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
}
