//! Instants and local times: what each row of an argument is, and `timezone(zone, x)`.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};

use crate::error::{PgError, code};
use crate::functions::call::{Call, Function, raise};
use crate::params::{FIRST_YEAR, LAST_YEAR, Unread, parse_date, parse_instant, parse_local};
use crate::types::zone::Zone;

pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

pub fn timestamptz() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// What an argument holds, as far as time goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Instants.
    Instant,
    /// Local times of no zone.
    Local,
    /// Days.
    Date,
    /// Text.
    Text,
    /// Anything else.
    Other,
}

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

/// An argument as local times of a zone.
pub fn locals(call: &Call, at: usize, zone: Zone) -> Result<Vec<Option<NaiveDateTime>>> {
    let kind = kind(call.array(at).data_type());
    match kind {
        Kind::Instant | Kind::Local => {
            let array = call.cast(
                at,
                &if kind == Kind::Instant {
                    timestamptz()
                } else {
                    timestamp()
                },
            )?;
            let array = array.as_primitive::<TimestampMicrosecondType>();
            Ok(array
                .iter()
                .map(|micros| {
                    let Some(micros) = micros else {
                        return Ok(None);
                    };
                    let utc = naive(micros).ok_or_else(out_of_range)?;
                    Ok(Some(if kind == Kind::Instant {
                        to_local(utc, zone)
                    } else {
                        utc
                    }))
                })
                .collect::<Result<_>>()?)
        }
        Kind::Date => {
            let array = call.cast(at, &DataType::Date32)?;
            let days = array.as_primitive::<Date32Type>();
            Ok(days
                .iter()
                .map(|days| {
                    Ok(Some(match days {
                        None => return Ok(None),
                        Some(i32::MAX) => NaiveDateTime::MAX,
                        Some(i32::MIN) => NaiveDateTime::MIN,
                        Some(days) => NaiveDate::from_epoch_days(days)
                            .and_then(|day| within(day.and_time(NaiveTime::MIN)))
                            .ok_or_else(|| {
                                let why = "date out of range for timestamp";
                                raise(PgError::new("22008", why))
                            })?,
                    }))
                })
                .collect::<Result<_>>()?)
        }
        Kind::Text => call
            .texts(at)?
            .iter()
            .map(|text| {
                let Some(text) = text else { return Ok(None) };
                let micros =
                    parse_local(text, call.zone).map_err(|why| unread(why, "timestamp", text))?;
                naive(micros).map(Some).ok_or_else(out_of_range)
            })
            .collect(),
        Kind::Other => Err(raise(unsupported(call, at))),
    }
}

/// An argument as instants, in microseconds; local times and days are those of a zone.
pub fn instants(call: &Call, at: usize, zone: Zone) -> Result<Vec<Option<i64>>> {
    match kind(call.array(at).data_type()) {
        Kind::Instant => {
            let array = call.cast(at, &timestamptz())?;
            Ok(array
                .as_primitive::<TimestampMicrosecondType>()
                .iter()
                .collect())
        }
        Kind::Text => call
            .texts(at)?
            .iter()
            .map(|text| {
                let Some(text) = text else { return Ok(None) };
                parse_instant(text, zone)
                    .map(Some)
                    .map_err(|why| unread(why, "timestamp with time zone", text))
            })
            .collect(),
        _ => Ok(locals(call, at, zone)?
            .into_iter()
            .map(|local| Some(to_instant(local?, zone)))
            .collect()),
    }
}

/// An argument as days; instants have those of a zone.
pub fn dates(call: &Call, at: usize, zone: Zone) -> Result<Vec<Option<i32>>> {
    if kind(call.array(at).data_type()) == Kind::Text {
        return call
            .texts(at)?
            .iter()
            .map(|text| {
                let Some(text) = text else { return Ok(None) };
                parse_date(text, zone)
                    .map(Some)
                    .map_err(|why| unread(why, "date", text))
            })
            .collect();
    }
    Ok(locals(call, at, zone)?
        .into_iter()
        .map(|local| {
            Some(match local? {
                NaiveDateTime::MAX => i32::MAX,
                NaiveDateTime::MIN => i32::MIN,
                local => local.date().to_epoch_days(),
            })
        })
        .collect())
}

/// What is wrong with a text that shall be a time.
pub fn unread(why: Unread, name: &str, text: &str) -> DataFusionError {
    raise(match why {
        Unread::Syntax => PgError::new(
            "22007",
            format!("invalid input syntax for type {name}: \"{text}\""),
        ),
        Unread::Range => PgError::new(
            "22008",
            format!("date/time field value out of range: \"{text}\""),
        ),
    })
}

pub fn unsupported(call: &Call, at: usize) -> PgError {
    PgError::new(
        code::UNDEFINED_FUNCTION,
        format!(
            "no function of that name takes an argument of type {}",
            call.array(at).data_type()
        ),
    )
}

/// A time of so many microseconds since 1970. What is before and after all others is the first and the last that there is.
pub fn naive(micros: i64) -> Option<NaiveDateTime> {
    Some(match micros {
        i64::MAX => NaiveDateTime::MAX,
        i64::MIN => NaiveDateTime::MIN,
        micros => within(DateTime::from_timestamp_micros(micros)?.naive_utc())?,
    })
}

/// A time, if it is one that can be reckoned with: not before those of PostgreSQL, and not so late that it could have no
/// local time in some zone. (PostgreSQL's end some 32,000 years later.)
pub fn within(local: NaiveDateTime) -> Option<NaiveDateTime> {
    (FIRST_YEAR..=LAST_YEAR)
        .contains(&local.year())
        .then_some(local)
}

/// No time that there is.
pub fn out_of_range() -> DataFusionError {
    raise(PgError::new("22008", "timestamp out of range"))
}

/// It is before or after all others: `-infinity`, `infinity`.
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

pub fn to_local(utc: NaiveDateTime, zone: Zone) -> NaiveDateTime {
    if is_infinite(utc) {
        return utc;
    }
    utc + TimeDelta::seconds(i64::from(zone.offset_at(&utc)))
}

pub fn to_instant(local: NaiveDateTime, zone: Zone) -> i64 {
    if is_infinite(local) {
        return micros_of(local);
    }
    zone.instant_of(local)
}

pub fn instant_array(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(
        values
            .collect::<TimestampMicrosecondArray>()
            .with_timezone("UTC"),
    )
}

pub fn local_array(values: impl Iterator<Item = Option<NaiveDateTime>>) -> ArrayRef {
    Arc::new(
        values
            .map(|local| Some(micros_of(local?)))
            .collect::<TimestampMicrosecondArray>(),
    )
}

/// The zone that an argument names.
pub fn zone_of(name: &str) -> Result<Zone> {
    Zone::parse_posix(name).ok_or_else(|| {
        raise(PgError::new(
            code::INVALID_PARAMETER,
            format!("time zone \"{name}\" not recognized"),
        ))
    })
}

pub fn functions() -> Vec<Function> {
    // `x AT TIME ZONE zone`: of an instant the local time there, of a local time there the instant.
    let timezone = Function::new("timezone", 2..=2, timestamp(), |call| {
        let by_interval = matches!(
            call.array(0).data_type(),
            DataType::Interval(_) | DataType::Duration(_)
        );
        let intervals = if by_interval {
            super::intervals::intervals(call, 0)?
        } else {
            Vec::new()
        };
        let zones = if by_interval {
            StringArray::new_null(call.rows)
        } else {
            call.texts(0)?
        };
        let given = kind(call.array(1).data_type());
        let zone = |row: usize| -> Result<Option<Zone>> {
            if let Some(Some(distance)) = intervals.get(row) {
                let seconds = distance.nanoseconds / 1_000_000_000;
                Ok(i32::try_from(seconds).ok().map(Zone::Fixed))
            } else if zones.is_null(row) {
                Ok(None)
            } else {
                zone_of(zones.value(row)).map(Some)
            }
        };
        if given == Kind::Date {
            // A day becomes the instant that it begins at, which is shown as the local time there.
            let instants = instants(call, 1, call.zone)?.into_iter().enumerate();
            let shown: Vec<_> = instants
                .map(|(row, micros)| {
                    Ok(zone(row)?.and_then(|zone| Some(to_local(naive(micros?)?, zone))))
                })
                .collect::<Result<_>>()?;
            return Ok(local_array(shown.into_iter()));
        }
        if given == Kind::Instant {
            let instants = locals(call, 1, Zone::UTC)?;
            let shown: Vec<_> = instants
                .into_iter()
                .enumerate()
                .map(|(row, utc)| Ok(zone(row)?.and_then(|zone| Some(to_local(utc?, zone)))))
                .collect::<Result<_>>()?;
            return Ok(local_array(shown.into_iter()));
        }
        let locals = locals(call, 1, Zone::UTC)?;
        let shown: Vec<_> = locals
            .into_iter()
            .enumerate()
            .map(|(row, local)| Ok(zone(row)?.and_then(|zone| Some(to_instant(local?, zone)))))
            .collect::<Result<_>>()?;
        Ok(instant_array(shown.into_iter()))
    });
    vec![
        timezone
            .returning(|args, _| {
                Ok(match args.get(1).map(kind) {
                    Some(Kind::Instant | Kind::Date) => timestamp(),
                    _ => timestamptz(),
                })
            })
            // A day is of the session's zone.
            .stable(),
    ]
}
