//! `extract` and `date_part`: fields of instants in the session's zone, of days, times of day and intervals.

use chrono::{Datelike, NaiveDateTime, Timelike};
use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;

use super::instants::{Kind, instants, is_infinite, kind, locals};
use super::intervals::intervals;
use super::units::{Unit, Units};
use crate::error::PgError;
use crate::functions::call::{Call, raise};
use crate::functions::function::Function;
use crate::functions::math::casts::not_finite;
use crate::functions::rows;

/// A field's value in millionths of its unit.
type Millionths = i128;

const ONE: Millionths = 1_000_000;

/// The field of a time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Field {
    Value(Millionths),
    /// Of `infinity` or `-infinity`.
    Infinite(f64),
}

/// Numbers years, centuries and the like, of which none is zero: the one before the first is -1.
pub fn from_one(number: Millionths) -> Millionths {
    if number > 0 { number } else { number - 1 }
}

/// Returns a field of a local time; none where the unit is no field of such a time. Instants have their microseconds, and
/// the offset of the zone in seconds.
fn time_field(
    unit: Unit,
    local: NaiveDateTime,
    instant_micros: Option<i64>,
    offset: i32,
) -> Option<Millionths> {
    let micros_of_second =
        Millionths::from(local.second()) * ONE + Millionths::from(local.nanosecond() / 1000);
    let year = Millionths::from(local.year());
    let whole = |value: Millionths| Some(value * ONE);
    match unit {
        Unit::Microsecond => whole(micros_of_second),
        Unit::Millisecond => Some(micros_of_second * 1000),
        Unit::Second => Some(micros_of_second),
        Unit::Minute => whole(local.minute().into()),
        Unit::Hour => whole(local.hour().into()),
        Unit::Day => whole(local.day().into()),
        Unit::Month => whole(local.month().into()),
        Unit::Quarter => whole(Millionths::from(local.month0() / 3 + 1)),
        Unit::Year => whole(from_one(year)),
        Unit::Decade => whole(year.div_euclid(10)),
        Unit::Century => whole(from_one((year - 1).div_euclid(100) + 1)),
        Unit::Millennium => whole(from_one((year - 1).div_euclid(1000) + 1)),
        Unit::DayOfWeek => whole(local.weekday().num_days_from_sunday().into()),
        Unit::IsoDayOfWeek => whole(local.weekday().number_from_monday().into()),
        Unit::DayOfYear => whole(local.ordinal().into()),
        Unit::Week => whole(local.iso_week().week().into()),
        Unit::IsoYear => whole(from_one(local.iso_week().year().into())),
        Unit::Julian => {
            let day = Millionths::from(local.date().to_epoch_days()) + 2_440_588;
            let micros = Millionths::from(local.num_seconds_from_midnight()) * ONE
                + Millionths::from(local.nanosecond() / 1000);
            Some(day * ONE + micros / 86_400)
        }
        Unit::Epoch => Some(
            instant_micros
                .unwrap_or_else(|| local.and_utc().timestamp_micros())
                .into(),
        ),
        Unit::Zone | Unit::ZoneHour | Unit::ZoneMinute if instant_micros.is_none() => None,
        Unit::Zone => whole(offset.into()),
        Unit::ZoneHour => whole((offset / 3600).into()),
        Unit::ZoneMinute => whole((offset / 60 % 60).into()),
    }
}

/// Returns a field of an interval; none where the unit is no field of one.
fn interval_field(unit: Unit, value: IntervalMonthDayNano) -> Option<Millionths> {
    let (months, days) = (Millionths::from(value.months), Millionths::from(value.days));
    let micros = Millionths::from(value.nanoseconds / 1000);
    let whole = |value: Millionths| Some(value * ONE);
    let micros_of_minute = micros % (60 * ONE);
    match unit {
        Unit::Microsecond => whole(micros_of_minute),
        Unit::Millisecond => Some(micros_of_minute * 1000),
        Unit::Second => Some(micros_of_minute),
        Unit::Minute => whole(micros / (60 * ONE) % 60),
        Unit::Hour => whole(micros / (3600 * ONE)),
        Unit::Day => whole(days),
        Unit::Month => whole(months % 12),
        Unit::Quarter => whole(months % 12 / 3 + 1),
        Unit::Year => whole(months / 12),
        Unit::Decade => whole(months / 120),
        Unit::Century => whole(months / 1200),
        Unit::Millennium => whole(months / 12_000),
        // A year is 365.25 days, a month 30.
        Unit::Epoch => Some(
            months / 12 * 31_557_600 * ONE
                + months % 12 * 2_592_000 * ONE
                + days * 86_400 * ONE
                + micros,
        ),
        _ => None,
    }
}

/// Returns the fields of intervals and times of day.
fn interval_fields(call: &Call, units: &Units, of_day: bool) -> Result<Vec<Option<Field>>> {
    let rows = units.zip(intervals(call, 1)?, |named, value| {
        let unit = named.unit;
        interval_field(unit, value)
            .filter(|_| !of_day || unit.is_within_day() || unit == Unit::Epoch)
            .map(Field::Value)
            .ok_or_else(|| raise(named.unsupported()))
    });
    rows.collect()
}

/// Returns the fields that the rows ask for. `extract` of a day has no hours (`only_days`); `date_part` takes it for its
/// first instant, and has.
fn fields(call: &Call, only_days: bool) -> Result<Vec<Option<Field>>> {
    let data_type = call.array(1).data_type();
    let units = Units::new(call, data_type)?;
    match data_type {
        DataType::Interval(_) | DataType::Duration(_) => {
            return interval_fields(call, &units, false);
        }
        DataType::Time64(_) | DataType::Time32(_) => return interval_fields(call, &units, true),
        _ => {}
    }
    let micros = match kind(data_type) {
        Kind::Instant => instants(call, 1, call.zone)?,
        _ => vec![None; call.rows],
    };
    let only_days = only_days && kind(data_type) == Kind::Date;
    let locals = locals(call, 1, call.zone)?.into_iter();
    let values = locals.zip(micros);
    let values = values.map(|(local, micros)| Some((local?, micros)));
    let rows = units.zip(values, |named, (local, micros)| {
        let unit = named.unit;
        if only_days && (unit.is_within_day() || unit.is_of_zone()) {
            return Err(raise(named.unsupported()));
        }
        if is_infinite(local) {
            let is_last = local == NaiveDateTime::MAX;
            let infinity = if is_last {
                f64::INFINITY
            } else {
                f64::NEG_INFINITY
            };
            return Ok(unit.grows().then_some(Field::Infinite(infinity)));
        }
        let offset = micros.map_or(0, |micros| {
            (local.and_utc().timestamp() - micros.div_euclid(1_000_000)) as i32
        });
        let field = time_field(unit, local, micros, offset);
        let field = field.ok_or_else(|| raise(named.unsupported()))?;
        Ok(Some(Field::Value(field)))
    });
    rows.map(|row| Ok(row?.flatten())).collect()
}

/// Returns how many digits after the point `extract` gives a field.
fn scale(field: Option<&ScalarValue>, of: Option<&DataType>) -> i8 {
    let name = field.and_then(|field| field.try_as_str().flatten());
    match name.and_then(Unit::read) {
        // A day has no fraction.
        Some(Unit::Epoch | Unit::Julian) if matches!(of, Some(DataType::Date32)) => 0,
        Some(Unit::Second | Unit::Epoch | Unit::Julian) => 6,
        Some(Unit::Millisecond) => 3,
        _ => 0,
    }
}

/// `extract(unit FROM x)`, as a numeric.
fn extract(call: &Call) -> Result<ArrayRef> {
    let DataType::Decimal128(_, scale) = call.returns else {
        return Err(raise(PgError::internal("extract of another type")));
    };
    let divisor = 10_i128.pow(u32::from((6 - scale).unsigned_abs()));
    let values = rows::map(fields(call, true)?, |field| match field {
        Field::Value(value) => Ok(value / divisor),
        Field::Infinite(value) => Err(not_finite(value)),
    });
    rows::decimals(values, &call.returns)
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    // SELECT extract(hour FROM timestamp '2026-01-31 12:30'); → 12
    let extract = Function::new("pg_extract", 2..=2, DataType::Decimal128(38, 0), extract)
        .returning(|args, constants| {
            let unit = constants.first().copied().flatten();
            Ok(DataType::Decimal128(38, scale(unit, args.get(1))))
        });
    // SELECT date_part('epoch', timestamptz '1970-01-02 00:00+00'); → 86400
    let date_part = Function::new("date_part", 2..=2, DataType::Float64, |call| {
        let values = rows::map(fields(call, false)?, |field| match field {
            Field::Value(value) => Ok(value as f64 / ONE as f64),
            Field::Infinite(value) => Ok(value),
        });
        rows::collect::<Float64Array, _>(values)
    });
    vec![extract.stable(), date_part.stable()]
}
