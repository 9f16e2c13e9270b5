//! Casts as PostgreSQL makes them: to text, `bytea`, booleans, dates and timestamps, and to whole numbers.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Int64Array,
    StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type};
use datafusion::error::{DataFusionError, Result};

use super::call::{Call, sql_error};
use super::datetime::instants::{
    Kind, dates, instant_array, instants, invalid_time, kind, local_array, locals, timestamp,
    timestamptz,
};
use super::function::{Function, first_type};
use crate::encode::type_name;
use crate::error::code;
use crate::params::{parse_boolean, parse_bytea, parse_local};
use crate::types::POSTGRES_EPOCH_MICROSECONDS;

/// Whether a type is one of Arrow's text types.
pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
    )
}

/// Returns the result type of a cast to a time type, or an error where the argument has no such cast.
fn time_cast(args: &[DataType], name: &str, to: DataType) -> Result<DataType> {
    match args.first() {
        Some(from) if kind(from) == Kind::Other => Err(no_cast(from, name)),
        _ => Ok(to),
    }
}

/// Makes the error of a cast that does not exist.
pub(super) fn no_cast(from: &DataType, to: &str) -> DataFusionError {
    let from = type_name(from);
    sql_error("42846", format!("cannot cast type {from} to {to}"))
}

/// Makes the error of a text that is no value of a type.
pub(super) fn invalid_text(name: &str, text: &str) -> DataFusionError {
    sql_error(
        code::INVALID_TEXT,
        format!("invalid input syntax for type {name}: \"{text}\""),
    )
}

/// `x::text`. A boolean is spelled out, which the output abbreviates.
fn as_text(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0);
    match array.data_type() {
        text if is_text(text) => Ok(Arc::clone(array)),
        DataType::Boolean => {
            let words = array.as_boolean().iter();
            let words = words.map(|truth| Some(if truth? { "true" } else { "false" }));
            Ok(Arc::new(words.collect::<StringArray>()))
        }
        _ => Ok(Arc::new(call.to_text(0)?)),
    }
}

/// `x::bytea`.
fn as_bytea(call: &Call) -> Result<ArrayRef> {
    if !is_text(call.array(0).data_type()) {
        return call.cast(0, &DataType::Binary);
    }
    let bytes = call.parse_texts(0, |text| {
        parse_bytea(text).ok_or_else(|| invalid_text("bytea", text))
    })?;
    let bytes = bytes.iter().map(Option::as_deref);
    Ok(Arc::new(bytes.collect::<BinaryArray>()))
}

/// `x::timestamp`.
fn as_timestamp(call: &Call) -> Result<ArrayRef> {
    if kind(call.array(0).data_type()) != Kind::Text {
        return local_array(locals(call, 0, call.zone)?.into_iter().map(Ok));
    }
    let micros = call.parse_texts(0, |text| {
        parse_local(text, call.zone).map_err(|why| invalid_time(why, "timestamp", text))
    })?;
    Ok(Arc::new(TimestampMicrosecondArray::from(micros)))
}

/// `timestamp(p)` and `time(p)`: rounds to so many digits of a second, half away from where PostgreSQL counts from.
fn round_times(call: &Call) -> Result<ArrayRef> {
    let digits = call.integers(1)?;
    let micros = call.integers(0)?;
    let start = match &call.returns {
        DataType::Timestamp(..) => POSTGRES_EPOCH_MICROSECONDS,
        _ => 0,
    };
    let rounded = (0..call.rows).map(|row| {
        let digits = digits.value(row);
        let micros = micros.is_valid(row).then(|| micros.value(row))?;
        let unit = 10_i64.pow(6 - u32::try_from(digits.clamp(0, 6)).unwrap_or(6));
        if micros == i64::MAX || micros == i64::MIN {
            return Some(micros);
        }
        let since = micros.checked_sub(start)?;
        let half = if since < 0 { -unit / 2 } else { unit / 2 };
        (since.checked_add(half)? / unit * unit).checked_add(start)
    });
    Ok(cast(&rounded.collect::<Int64Array>(), &call.returns)?)
}

/// Returns the type of numbers of a type once they are rounded. Times and lists have no cast to numbers.
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

/// Rounds numbers to whole ones, as casts to integers do: decimals half away from zero, floats half to even.
///
/// # Errors
/// If one has more digits than its type.
pub fn round_numbers(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Decimal128(precision, scale) if *scale > 0 => {
            let unit = 10_i128.pow(u32::from(scale.unsigned_abs()));
            let whole = array.as_primitive::<Decimal128Type>().iter().map(|value| {
                let value = value?;
                let half = if value < 0 { -unit / 2 } else { unit / 2 };
                Some((value + half) / unit * unit)
            });
            // 99.5 may become a digit longer than the type's precision; the cast after this checks.
            let whole = whole.collect::<Decimal128Array>();
            Arc::new(whole.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Float64 | DataType::Float32 | DataType::Float16 => {
            let array = cast(array, &DataType::Float64)?;
            let floats = array.as_primitive::<Float64Type>();
            Arc::new(floats.unary::<_, Float64Type>(f64::round_ties_even))
        }
        _ => Arc::clone(array),
    })
}

/// Returns the functions of this file. The SQL layer calls them for casts.
pub(super) fn functions() -> Vec<Function> {
    vec![
        // SELECT true::text; → true
        Function::new("pg_text", 1..=1, DataType::Utf8, as_text)
            .returning(|args, _| {
                Ok(match args.first() {
                    Some(arg) if is_text(arg) => arg.clone(),
                    _ => DataType::Utf8,
                })
            })
            .identity(is_text)
            .stable(),
        // SELECT '\x00ff'::bytea; → \x00ff
        Function::new("pg_bytea", 1..=1, DataType::Binary, as_bytea)
            .identity(|arg| arg == &DataType::Binary),
        // SELECT 'yes'::boolean; → t
        Function::new("pg_bool", 1..=1, DataType::Boolean, |call| {
            let truths = call.parse_texts(0, |text| {
                parse_boolean(text.trim()).ok_or_else(|| invalid_text("boolean", text))
            })?;
            Ok(Arc::new(BooleanArray::from(truths)))
        })
        .identity(|arg| *arg == DataType::Boolean),
        // SELECT 'Jan 31, 2026'::date; → 2026-01-31
        Function::new("pg_date", 1..=1, DataType::Date32, |call| {
            let days = dates(call, 0, call.zone)?;
            Ok(Arc::new(Date32Array::from(days)))
        })
        .returning(|args, _| time_cast(args, "date", DataType::Date32))
        .identity(|arg| arg == &DataType::Date32)
        .stable(),
        // SELECT '2026-01-31 12:00+02'::timestamp; → 2026-01-31 12:00:00
        Function::new("pg_timestamp", 1..=1, timestamp(), as_timestamp)
            .returning(|args, _| time_cast(args, "timestamp without time zone", timestamp()))
            .identity(|arg| arg == &timestamp())
            .stable(),
        // SELECT '2026-01-31 12:00+02'::timestamptz; → 2026-01-31 10:00:00+00
        Function::new("pg_timestamptz", 1..=1, timestamptz(), |call| {
            instant_array(instants(call, 0, call.zone)?.into_iter().map(Ok))
        })
        .returning(|args, _| time_cast(args, "timestamp with time zone", timestamptz()))
        .identity(|arg| arg == &timestamptz())
        .stable(),
        // Rounds before DataFusion's cast, which cuts: SELECT 2.5::int; → 3
        Function::new("pg_round_int", 1..=1, DataType::Int64, |call| {
            round_numbers(call.array(0))
        })
        .returning(|args, _| rounded_type(args.first()))
        .identity(|arg| {
            let has_fraction = arg.is_floating() || arg.is_decimal();
            !has_fraction && rounded_type(Some(arg)).is_ok()
        }),
        // SELECT '12:30:15.678'::time(1); → 12:30:15.7
        Function::new("pg_time_digits", 2..=2, DataType::Null, round_times).returning(first_type),
    ]
}
