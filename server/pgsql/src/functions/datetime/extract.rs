//! `extract` and `date_part`: fields of instants in the session's zone, of days, times of day and intervals.

use std::sync::Arc;

use chrono::{Datelike, NaiveDateTime, Timelike};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, StringArray,
};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};
use datafusion::scalar::ScalarValue;

use super::instants::{Kind, is_infinite, kind, locals, timestamptz};
use super::intervals::intervals;
use super::units::Unit;
use crate::encode::type_name;
use crate::error::{PgError, code};
use crate::functions::call::{Call, Function, raise};

/// A value in millionths.
type Millionths = i128;

const ONE: Millionths = 1_000_000;

/// A field of a time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Field {
    Value(Millionths),
    /// Of a time before or after all others.
    Infinite(f64),
}

/// A number of years, centuries and the like, of which there is none that is zero: the one before the first is -1.
pub fn from_one(number: Millionths) -> Millionths {
    if number > 0 { number } else { number - 1 }
}

/// A field of a local time; none where there is no such field.
fn of_time(
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

/// A field of an interval.
fn of_interval(unit: Unit, value: IntervalMonthDayNano) -> Option<Millionths> {
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

/// The units of an argument, which mostly is one and the same word in all rows.
struct Units {
    names: StringArray,
    of: DataType,
    known: Option<(String, Unit)>,
}

impl Units {
    fn of(call: &Call) -> Result<Units> {
        Ok(Units {
            names: call.texts(0)?,
            of: call.array(1).data_type().clone(),
            known: None,
        })
    }

    fn at(&mut self, row: usize) -> Result<Option<Unit>> {
        if self.names.is_null(row) {
            return Ok(None);
        }
        let name = self.names.value(row);
        if let Some((known, unit)) = &self.known
            && known == name
        {
            return Ok(Some(*unit));
        }
        let unit = Unit::read(name).ok_or_else(|| {
            raise(PgError::new(
                code::INVALID_PARAMETER,
                format!(
                    "unit \"{name}\" not recognized for type {}",
                    type_name(&self.of)
                ),
            ))
        })?;
        self.known = Some((name.to_owned(), unit));
        Ok(Some(unit))
    }

    /// It is a unit, but none of such values.
    fn unsupported(&self, row: usize) -> DataFusionError {
        let name = self.names.value(row).trim_matches(['\'', '"']);
        raise(PgError::new(
            code::NOT_SUPPORTED,
            format!(
                "unit \"{name}\" not supported for type {}",
                type_name(&self.of)
            ),
        ))
    }
}

fn of_intervals(call: &Call, units: &mut Units) -> Result<Vec<Option<Field>>> {
    let of_day = matches!(units.of, DataType::Time64(_) | DataType::Time32(_));
    let values = intervals(call, 1)?.into_iter().enumerate();
    values
        .map(|(row, value)| {
            let (Some(unit), Some(value)) = (units.at(row)?, value) else {
                return Ok(None);
            };
            let field = of_interval(unit, value)
                .filter(|_| !of_day || unit.is_within_day() || unit == Unit::Epoch)
                .ok_or_else(|| units.unsupported(row))?;
            Ok(Some(Field::Value(field)))
        })
        .collect()
}

/// `only_days`: a day has no hours, though as a time it has.
fn values(call: &Call, only_days: bool) -> Result<Vec<Option<Field>>> {
    let mut units = Units::of(call)?;
    let data_type = units.of.clone();
    if matches!(
        data_type,
        DataType::Interval(_) | DataType::Duration(_) | DataType::Time64(_) | DataType::Time32(_)
    ) {
        return of_intervals(call, &mut units);
    }
    let instants = if kind(&data_type) == Kind::Instant {
        Some(
            call.cast(1, &timestamptz())?
                .as_primitive::<TimestampMicrosecondType>()
                .clone(),
        )
    } else {
        None
    };
    let of_days = only_days && kind(&data_type) == Kind::Date;
    let mut fields = Vec::with_capacity(call.rows);
    for (row, local) in locals(call, 1, call.zone)?.into_iter().enumerate() {
        let (Some(unit), Some(local)) = (units.at(row)?, local) else {
            fields.push(None);
            continue;
        };
        if of_days && (unit.is_within_day() || unit.is_of_zone()) {
            return Err(units.unsupported(row));
        }
        if is_infinite(local) {
            let sign = if local == NaiveDateTime::MAX {
                1.0
            } else {
                -1.0
            };
            let infinite = Field::Infinite(sign * f64::INFINITY);
            fields.push(unit.grows().then_some(infinite));
            continue;
        }
        let micros = instants.as_ref().map(|instants| instants.value(row));
        let offset = micros.map_or(0, |micros| {
            (local.and_utc().timestamp() - micros.div_euclid(1_000_000)) as i32
        });
        let field = of_time(unit, local, micros, offset).ok_or_else(|| units.unsupported(row))?;
        fields.push(Some(Field::Value(field)));
    }
    Ok(fields)
}

/// Digits after the point that `extract` gives a field.
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

fn extracted(call: &Call) -> Result<ArrayRef> {
    let DataType::Decimal128(precision, scale) = call.returns else {
        return Err(raise(PgError::internal("extract of another type")));
    };
    let divisor = 10_i128.pow(u32::from((6 - scale).unsigned_abs()));
    let values = values(call, true)?.into_iter().map(|field| match field {
        Some(Field::Value(value)) => Ok(Some(value / divisor)),
        Some(Field::Infinite(value)) => Err(raise(PgError::new(
            code::NOT_SUPPORTED,
            format!("a numeric here is finite, and not {value}"),
        ))),
        None => Ok(None),
    });
    let array = values.collect::<Result<Decimal128Array>>()?;
    Ok(Arc::new(array.with_precision_and_scale(precision, scale)?))
}

pub fn functions() -> Vec<Function> {
    let extract = Function::new("pg_extract", 2..=2, DataType::Decimal128(38, 0), extracted)
        .returning(|args, constants| {
            Ok(DataType::Decimal128(
                38,
                scale(constants.first().copied().flatten(), args.get(1)),
            ))
        });
    let date_part = Function::new("date_part", 2..=2, DataType::Float64, |call| {
        let values = values(call, false)?.into_iter().map(|field| match field? {
            Field::Value(value) => Some(value as f64 / ONE as f64),
            Field::Infinite(value) => Some(value),
        });
        Ok(Arc::new(values.collect::<Float64Array>()))
    });
    vec![extract.stable(), date_part.stable()]
}
