//! Casts as PostgreSQL makes them: `::text`, `::date`, `::timestamp`, `::timestamptz`, and to whole numbers.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::error::{DataFusionError, Result};

use super::call::{Call, Function, raise};
use super::datetime::instants::{
    Kind, dates, instant_array, instants, kind, local_array, locals, timestamp, timestamptz, unread,
};
use crate::encode::type_name;
use crate::error::PgError;
use crate::params::{parse_bytea, parse_local};

pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
    )
}

/// The type that a cast to times has, of what can be cast to such.
fn timed(args: &[DataType], name: &str, to: DataType) -> Result<DataType> {
    match args.first() {
        Some(from) if kind(from) == Kind::Other => Err(no_cast(from, name)),
        _ => Ok(to),
    }
}

/// There is no such cast.
pub(super) fn no_cast(from: &DataType, to: &str) -> DataFusionError {
    raise(PgError::new(
        "42846",
        format!("cannot cast type {} to {to}", type_name(from)),
    ))
}

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("pg_text", 1..=1, DataType::Utf8, as_text)
            .returning(|args, _| {
                Ok(match args.first() {
                    Some(arg) if is_text(arg) => arg.clone(),
                    _ => DataType::Utf8,
                })
            })
            .identity(is_text)
            .stable(),
        Function::new("pg_bytea", 1..=1, DataType::Binary, |call| {
            if !is_text(call.array(0).data_type()) {
                return call.cast(0, &DataType::Binary);
            }
            let texts = call.texts(0)?;
            let bytes = texts.iter().map(|text| {
                let Some(text) = text else { return Ok(None) };
                parse_bytea(text).map(Some).ok_or_else(|| {
                    raise(PgError::new(
                        "22P02",
                        format!("invalid input syntax for type bytea: \"{text}\""),
                    ))
                })
            });
            let bytes: Vec<Option<Vec<u8>>> = bytes.collect::<Result<_>>()?;
            Ok(Arc::new(
                bytes.iter().map(Option::as_deref).collect::<BinaryArray>(),
            ))
        })
        .identity(|arg| arg == &DataType::Binary),
        Function::new("pg_date", 1..=1, DataType::Date32, |call| {
            Ok(Arc::new(
                dates(call, 0, call.zone)?
                    .into_iter()
                    .collect::<Date32Array>(),
            ))
        })
        .returning(|args, _| timed(args, "date", DataType::Date32))
        .identity(|arg| arg == &DataType::Date32)
        .stable(),
        Function::new("pg_timestamp", 1..=1, timestamp(), |call| {
            if kind(call.array(0).data_type()) == Kind::Text {
                let texts = call.texts(0)?;
                let micros = texts.iter().map(|text| {
                    let Some(text) = text else { return Ok(None) };
                    parse_local(text, call.zone)
                        .map(Some)
                        .map_err(|why| unread(why, "timestamp", text))
                });
                let micros = micros.collect::<Result<TimestampMicrosecondArray>>()?;
                return Ok(Arc::new(micros));
            }
            Ok(local_array(locals(call, 0, call.zone)?.into_iter()))
        })
        .returning(|args, _| timed(args, "timestamp without time zone", timestamp()))
        .identity(|arg| arg == &timestamp())
        .stable(),
        Function::new("pg_timestamptz", 1..=1, timestamptz(), |call| {
            Ok(instant_array(instants(call, 0, call.zone)?.into_iter()))
        })
        .returning(|args, _| timed(args, "timestamp with time zone", timestamptz()))
        .identity(|arg| arg == &timestamptz())
        .stable(),
        Function::new("pg_round_int", 1..=1, DataType::Int64, |call| {
            rounded(call.array(0))
        })
        .returning(|args, _| rounded_type(args.first()))
        .identity(|arg| !is_rounded(arg) && rounded_type(Some(arg)).is_ok()),
        Function::new("pg_time_digits", 2..=2, DataType::Null, in_digits)
            .returning(|args, _| Ok(args.first().cloned().unwrap_or(DataType::Null))),
    ]
}

/// The type of numbers that have been rounded; times and lists are not made numbers of.
pub(super) fn rounded_type(from: Option<&DataType>) -> Result<DataType> {
    Ok(match from {
        Some(DataType::Float32 | DataType::Float16) => DataType::Float64,
        Some(
            other @ (DataType::Timestamp(..)
            | DataType::Date32
            | DataType::Time64(_)
            | DataType::Interval(_)
            | DataType::Duration(_)
            | DataType::List(_)),
        ) => return Err(no_cast(other, "integer")),
        Some(other) => other.clone(),
        None => DataType::Null,
    })
}

/// `timestamp(p)`, `time(p)`: so many digits of a second, rounded half away from where PostgreSQL counts from.
fn in_digits(call: &Call) -> Result<ArrayRef> {
    /// 2000-01-01, as microseconds since 1970.
    const START: i64 = 946_684_800_000_000;
    let digits = call.integers(1)?;
    let micros = call.cast(0, &DataType::Int64)?;
    let micros = micros.as_primitive::<Int64Type>();
    let start = match &call.returns {
        DataType::Timestamp(..) => START,
        _ => 0,
    };
    let rounded = (0..call.rows).map(|row| {
        let (digits, micros) = (
            digits.value(row),
            micros.is_valid(row).then(|| micros.value(row))?,
        );
        let unit = 10_i64.pow(6 - u32::try_from(digits.clamp(0, 6)).unwrap_or(6));
        if micros == i64::MAX || micros == i64::MIN {
            return Some(micros);
        }
        let since = micros.checked_sub(start)?;
        let half = if since < 0 { -unit / 2 } else { unit / 2 };
        (since.checked_add(half)? / unit * unit).checked_add(start)
    });
    let rounded: ArrayRef = Arc::new(rounded.collect::<Int64Array>());
    Ok(cast(&rounded, &call.returns)?)
}

fn as_text(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0);
    match array.data_type() {
        text if is_text(text) => Ok(Arc::clone(array)),
        // A cast spells out what the output abbreviates.
        DataType::Boolean => {
            let words = array.as_boolean().iter();
            let words = words.map(|truth| Some(if truth? { "true" } else { "false" }));
            Ok(Arc::new(words.collect::<StringArray>()))
        }
        _ => Ok(Arc::new(call.sent(0)?)),
    }
}

/// Numbers of this type may have digits after the point.
fn is_rounded(data_type: &DataType) -> bool {
    data_type.is_floating() || data_type.is_decimal()
}

/// Numbers as whole ones: decimals round half away from zero, floats half to even.
///
/// # Errors
/// If one has more digits than its type.
pub fn rounded(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Decimal128(precision, scale) if *scale > 0 => {
            let unit = 10_i128.pow(u32::from(scale.unsigned_abs()));
            let whole = array.as_primitive::<Decimal128Type>().iter().map(|value| {
                let value = value?;
                let half = if value < 0 { -unit / 2 } else { unit / 2 };
                Some((value + half) / unit * unit)
            });
            // One digit more may come of 99.5, which the type's precision need not hold; the cast after this checks.
            let whole = whole.collect::<Decimal128Array>();
            Arc::new(whole.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Float64 | DataType::Float32 | DataType::Float16 => {
            let array = cast(array, &DataType::Float64)?;
            let floats = array.as_primitive::<Float64Type>().iter();
            Arc::new(
                floats
                    .map(|value| Some(value?.round_ties_even()))
                    .collect::<Float64Array>(),
            )
        }
        _ => Arc::clone(array),
    })
}
