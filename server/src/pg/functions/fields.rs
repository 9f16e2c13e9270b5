//! `extract` and `date_part`: fields of instants in the session's zone, of days and of intervals.

use std::sync::Arc;

use chrono::{Datelike, NaiveDateTime, Timelike};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;

use super::super::error::{PgError, code};
use super::call::{Call, Function, raise};
use super::instants::{Kind, kind, locals, timestamptz};
use super::times::intervals;

/// A value in millionths.
type Millionths = i128;

const ONE: Millionths = 1_000_000;

/// A field of a local time; none where there is no such field.
fn of_time(
    field: &str,
    local: NaiveDateTime,
    instant_micros: Option<i64>,
    offset: i32,
) -> Option<Millionths> {
    let micros_of_second =
        Millionths::from(local.second()) * ONE + Millionths::from(local.nanosecond() / 1000);
    let year = Millionths::from(local.year());
    let whole = |value: Millionths| Some(value * ONE);
    match field {
        "microseconds" => whole(micros_of_second),
        "milliseconds" => Some(micros_of_second * 1000),
        "second" | "seconds" => Some(micros_of_second),
        "minute" | "minutes" => whole(local.minute().into()),
        "hour" | "hours" => whole(local.hour().into()),
        "day" | "days" => whole(local.day().into()),
        "month" | "months" => whole(local.month().into()),
        "quarter" => whole(Millionths::from(local.month0() / 3 + 1)),
        "year" | "years" => whole(year),
        "decade" => whole(year.div_euclid(10)),
        "century" => whole((year - 1).div_euclid(100) + 1),
        "millennium" => whole((year - 1).div_euclid(1000) + 1),
        "dow" => whole(local.weekday().num_days_from_sunday().into()),
        "isodow" => whole(local.weekday().number_from_monday().into()),
        "doy" => whole(local.ordinal().into()),
        "week" => whole(local.iso_week().week().into()),
        "isoyear" => whole(local.iso_week().year().into()),
        "julian" => {
            let day = Millionths::from(local.date().to_epoch_days()) + 2_440_588;
            let seconds = Millionths::from(local.num_seconds_from_midnight());
            Some(day * ONE + seconds * ONE / 86_400)
        }
        "epoch" => Some(
            instant_micros
                .unwrap_or_else(|| local.and_utc().timestamp_micros())
                .into(),
        ),
        "timezone" => whole(offset.into()),
        "timezone_hour" => whole((offset / 3600).into()),
        "timezone_minute" => whole((offset / 60 % 60).into()),
        _ => None,
    }
}

/// A field of an interval.
fn of_interval(field: &str, value: IntervalMonthDayNano) -> Option<Millionths> {
    let (months, days) = (Millionths::from(value.months), Millionths::from(value.days));
    let micros = Millionths::from(value.nanoseconds / 1000);
    let whole = |value: Millionths| Some(value * ONE);
    let micros_of_minute = micros % (60 * ONE);
    match field {
        "microseconds" => whole(micros_of_minute),
        "milliseconds" => Some(micros_of_minute * 1000),
        "second" | "seconds" => Some(micros_of_minute),
        "minute" | "minutes" => whole(micros / (60 * ONE) % 60),
        "hour" | "hours" => whole(micros / (3600 * ONE)),
        "day" | "days" => whole(days),
        "month" | "months" => whole(months % 12),
        "quarter" => whole(months % 12 / 3 + 1),
        "year" | "years" => whole(months / 12),
        "decade" => whole(months / 120),
        "century" => whole(months / 1200),
        "millennium" => whole(months / 12_000),
        // A year is 365.25 days, a month 30.
        "epoch" => Some(
            months / 12 * 31_557_600 * ONE
                + months % 12 * 2_592_000 * ONE
                + days * 86_400 * ONE
                + micros,
        ),
        _ => None,
    }
}

fn values(call: &Call) -> Result<Vec<Option<Millionths>>> {
    let fields = call.texts(0)?;
    let data_type = call.array(1).data_type().clone();
    let field =
        |row: usize| (!fields.is_null(row)).then(|| fields.value(row).trim().to_ascii_lowercase());
    let unknown = |field: &str| {
        raise(PgError::new(
            code::INVALID_PARAMETER,
            format!("unit \"{field}\" not recognized for type {data_type}"),
        ))
    };
    let length = matches!(
        data_type,
        DataType::Interval(_) | DataType::Duration(_) | DataType::Time64(_) | DataType::Time32(_)
    );
    if length {
        let intervals = intervals(call, 1)?;
        return intervals
            .into_iter()
            .enumerate()
            .map(|(row, value)| match (field(row), value) {
                (Some(field), Some(value)) => of_interval(&field, value)
                    .map(Some)
                    .ok_or_else(|| unknown(&field)),
                _ => Ok(None),
            })
            .collect();
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
    locals(call, 1, call.zone)?
        .into_iter()
        .enumerate()
        .map(|(row, local)| match (field(row), local) {
            (Some(field), Some(local)) => {
                let micros = instants.as_ref().map(|instants| instants.value(row));
                let offset = micros.map_or(0, |micros| {
                    (local.and_utc().timestamp() - micros.div_euclid(1_000_000)) as i32
                });
                of_time(&field, local, micros, offset)
                    .map(Some)
                    .ok_or_else(|| unknown(&field))
            }
            _ => Ok(None),
        })
        .collect()
}

/// Digits after the point that `extract` gives a field.
fn scale(field: Option<&ScalarValue>, of: Option<&DataType>) -> i8 {
    let name = field
        .and_then(|field| field.try_as_str().flatten())
        .unwrap_or_default();
    match name.trim().to_ascii_lowercase().as_str() {
        // A day has no fraction.
        "epoch" | "julian" if matches!(of, Some(DataType::Date32)) => 0,
        "second" | "seconds" | "epoch" | "julian" => 6,
        "milliseconds" => 3,
        _ => 0,
    }
}

pub(super) fn functions() -> Vec<Function> {
    let extract = Function::new("pg_extract", 2..=2, DataType::Decimal128(38, 0), |call| {
        let DataType::Decimal128(precision, scale) = call.returns else {
            return Err(raise(PgError::internal("extract of another type")));
        };
        let divisor = 10_i128.pow(u32::from((6 - scale).unsigned_abs()));
        let values = values(call)?
            .into_iter()
            .map(|value| Some(value? / divisor));
        let array: ArrayRef = Arc::new(
            values
                .collect::<Decimal128Array>()
                .with_precision_and_scale(precision, scale)?,
        );
        Ok(array)
    });
    let extract = extract.returning(|args, constants| {
        Ok(DataType::Decimal128(
            38,
            scale(constants.first().copied().flatten(), args.get(1)),
        ))
    });
    let date_part = Function::new("date_part", 2..=2, DataType::Float64, |call| {
        let values = values(call)?
            .into_iter()
            .map(|value| Some(value? as f64 / ONE as f64));
        Ok(Arc::new(values.collect::<Float64Array>()))
    });
    vec![extract.stable(), date_part.stable()]
}
