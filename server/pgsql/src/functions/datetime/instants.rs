//! Reads arguments as instants, local times or days, and `AT TIME ZONE`.
//!
//! Instants and local times are microseconds since 1970, of which the first and the last that there are stand for
//! `-infinity` and `infinity`: [`NaiveDateTime::MIN`] and [`NaiveDateTime::MAX`] as chrono's times.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use datafusion::arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};

use super::intervals::intervals;
use crate::error::code;
use crate::functions::call::{Call, sql_error};
use crate::functions::function::Function;
use crate::functions::rows;
use crate::params::{FIRST_YEAR, InvalidTime, LAST_YEAR, parse_date, parse_instant, parse_local};
use crate::types::zone::Zone;

/// The Arrow type of `timestamp`.
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// The Arrow type of `timestamptz`.
pub fn timestamptz() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// How a type of argument is read as a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `timestamptz`.
    Instant,
    /// `timestamp`.
    Local,
    /// `date`.
    Date,
    /// Text, which may be a literal of any of them.
    Text,
    /// No time.
    Other,
}

/// Returns how a type is read as a time.
pub fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Timestamp(_, Some(_)) => Kind::Instant,
        DataType::Timestamp(_, None) => Kind::Local,
        DataType::Date32 | DataType::Date64 => Kind::Date,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Kind::Text,
        DataType::Dictionary(_, value) => kind(value),
        _ => Kind::Other,
    }
}

/// Reads an argument as local times; instants as the clocks of a zone show them.
pub fn locals(call: &Call, at: usize, zone: Zone) -> Result<Vec<Option<NaiveDateTime>>> {
    match kind(call.array(at).data_type()) {
        Kind::Instant => {
            let array = call.cast(at, &timestamptz())?;
            let micros = array.as_primitive::<TimestampMicrosecondType>().iter();
            let local = |micros| Ok(to_local(naive(micros).ok_or_else(out_of_range)?, zone));
            rows::map(micros, local).collect()
        }
        Kind::Local => {
            let array = call.cast(at, &timestamp())?;
            let micros = array.as_primitive::<TimestampMicrosecondType>().iter();
            rows::map(micros, |micros| naive(micros).ok_or_else(out_of_range)).collect()
        }
        Kind::Date => {
            let array = call.cast(at, &DataType::Date32)?;
            let midnight = |days: i32| match days {
                i32::MAX => Some(NaiveDateTime::MAX),
                i32::MIN => Some(NaiveDateTime::MIN),
                days => in_range(NaiveDate::from_epoch_days(days)?.and_time(NaiveTime::MIN)),
            };
            let out_of_range = || sql_error("22008", "date out of range for timestamp");
            rows::map(array.as_primitive::<Date32Type>().iter(), |days| {
                midnight(days).ok_or_else(out_of_range)
            })
            .collect()
        }
        Kind::Text => call.parse_texts(at, |text| {
            let micros = parse_local(text, call.zone);
            let micros = micros.map_err(|why| invalid_time(why, "timestamp", text))?;
            naive(micros).ok_or_else(out_of_range)
        }),
        Kind::Other => Err(unsupported(call, at)),
    }
}

/// Reads an argument as instants, in microseconds; local times and days are those of a zone.
pub fn instants(call: &Call, at: usize, zone: Zone) -> Result<Vec<Option<i64>>> {
    match kind(call.array(at).data_type()) {
        Kind::Instant => {
            let array = call.cast(at, &timestamptz())?;
            let micros = array.as_primitive::<TimestampMicrosecondType>();
            Ok(micros.iter().collect())
        }
        Kind::Text => call.parse_texts(at, |text| {
            let micros = parse_instant(text, zone);
            micros.map_err(|why| invalid_time(why, "timestamp with time zone", text))
        }),
        _ => {
            let locals = locals(call, at, zone)?.into_iter();
            Ok(locals.map(|local| Some(to_instant(local?, zone))).collect())
        }
    }
}

/// Reads an argument as days since 1970; instants have the days of a zone.
pub fn dates(call: &Call, at: usize, zone: Zone) -> Result<Vec<Option<i32>>> {
    if kind(call.array(at).data_type()) == Kind::Text {
        return call.parse_texts(at, |text| {
            parse_date(text, zone).map_err(|why| invalid_time(why, "date", text))
        });
    }
    let days = |local: NaiveDateTime| match local {
        NaiveDateTime::MAX => i32::MAX,
        NaiveDateTime::MIN => i32::MIN,
        local => local.date().to_epoch_days(),
    };
    let locals = locals(call, at, zone)?.into_iter();
    Ok(locals.map(|local| local.map(days)).collect())
}

/// Makes the error of a text that is no value of a time type.
pub fn invalid_time(why: InvalidTime, name: &str, text: &str) -> DataFusionError {
    match why {
        InvalidTime::Syntax => sql_error(
            "22007",
            format!("invalid input syntax for type {name}: \"{text}\""),
        ),
        InvalidTime::Range => sql_error(
            "22008",
            format!("date/time field value out of range: \"{text}\""),
        ),
    }
}

/// Makes the error of an argument whose type is no time.
pub fn unsupported(call: &Call, at: usize) -> DataFusionError {
    let data_type = call.array(at).data_type();
    sql_error(
        code::UNDEFINED_FUNCTION,
        format!("no function of that name takes an argument of type {data_type}"),
    )
}

/// Converts microseconds since 1970 to a time, if it is in range.
pub fn naive(micros: i64) -> Option<NaiveDateTime> {
    match micros {
        i64::MAX => Some(NaiveDateTime::MAX),
        i64::MIN => Some(NaiveDateTime::MIN),
        micros => in_range(DateTime::from_timestamp_micros(micros)?.naive_utc()),
    }
}

/// Returns a time if it can be computed with: not before PostgreSQL's first one, and not so late that it has no local time
/// in some zone. (PostgreSQL's times end some 32,000 years later.)
pub fn in_range(local: NaiveDateTime) -> Option<NaiveDateTime> {
    (FIRST_YEAR..=LAST_YEAR)
        .contains(&local.year())
        .then_some(local)
}

/// Makes the error of a result that is no time in range.
pub fn out_of_range() -> DataFusionError {
    sql_error("22008", "timestamp out of range")
}

/// Whether a time is `-infinity` or `infinity`.
pub fn is_infinite(local: NaiveDateTime) -> bool {
    local == NaiveDateTime::MAX || local == NaiveDateTime::MIN
}

fn micros_of(local: NaiveDateTime) -> i64 {
    match local {
        NaiveDateTime::MAX => i64::MAX,
        NaiveDateTime::MIN => i64::MIN,
        local => local.and_utc().timestamp_micros(),
    }
}

/// Converts a time in UTC to what the clocks of a zone show.
pub fn to_local(utc: NaiveDateTime, zone: Zone) -> NaiveDateTime {
    if is_infinite(utc) {
        return utc;
    }
    utc + TimeDelta::seconds(i64::from(zone.offset_at(&utc)))
}

/// Converts a local time of a zone to an instant, in microseconds.
pub fn to_instant(local: NaiveDateTime, zone: Zone) -> i64 {
    if is_infinite(local) {
        return micros_of(local);
    }
    zone.instant_of(local)
}

/// Collects microseconds into an array of `timestamptz`.
pub fn instant_array(rows: impl Iterator<Item = Result<Option<i64>>>) -> Result<ArrayRef> {
    let array = rows.collect::<Result<TimestampMicrosecondArray>>()?;
    Ok(Arc::new(array.with_timezone("UTC")))
}

/// Collects local times into an array of `timestamp`.
pub fn local_array(rows: impl Iterator<Item = Result<Option<NaiveDateTime>>>) -> Result<ArrayRef> {
    rows::collect::<TimestampMicrosecondArray, _>(rows.map(|local| Ok(local?.map(micros_of))))
}

/// Reads the name of a zone, as `AT TIME ZONE` takes it.
pub fn zone_of(name: &str) -> Result<Zone> {
    Zone::parse_posix(name).ok_or_else(|| {
        sql_error(
            code::INVALID_PARAMETER,
            format!("time zone \"{name}\" not recognized"),
        )
    })
}

/// Reads the zones of the first argument: names, or intervals east of UTC.
fn zones(call: &Call) -> Result<Vec<Option<Zone>>> {
    match call.array(0).data_type() {
        DataType::Interval(_) | DataType::Duration(_) => {
            let distances = intervals(call, 0)?.into_iter();
            let seconds = distances.map(|distance| Some(distance?.nanoseconds / 1_000_000_000));
            Ok(seconds
                .map(|seconds| i32::try_from(seconds?).ok().map(Zone::Fixed))
                .collect())
        }
        _ => call.parse_texts(0, zone_of),
    }
}

/// `timezone(zone, x)`, which is `x AT TIME ZONE zone`: of an instant the local time there, of a local time the instant. A
/// day is the instant at which it begins in the session's zone.
fn timezone(call: &Call) -> Result<ArrayRef> {
    let zones = zones(call)?;
    match kind(call.array(1).data_type()) {
        Kind::Instant | Kind::Date => {
            let instants = instants(call, 1, call.zone)?;
            local_array(rows::zip(instants, zones, |micros, zone| {
                Ok(to_local(naive(micros).ok_or_else(out_of_range)?, zone))
            }))
        }
        _ => {
            let locals = locals(call, 1, Zone::UTC)?;
            instant_array(rows::zip(locals, zones, |local, zone| {
                Ok(to_instant(local, zone))
            }))
        }
    }
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT timestamp '2026-01-31 12:00' AT TIME ZONE 'Europe/Berlin'; → 2026-01-31 11:00:00+00
        Function::new("timezone", 2..=2, timestamp(), timezone)
            .returning(|args, _| {
                Ok(match args.get(1).map(kind) {
                    Some(Kind::Instant | Kind::Date) => timestamp(),
                    _ => timestamptz(),
                })
            })
            .stable(),
    ]
}
