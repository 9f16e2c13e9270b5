//! Casts as PostgreSQL makes them: `::text`, `::date`, `::timestamp`, `::timestamptz`, and to whole numbers.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, BinaryArray, Date32Array, Decimal128Array, Float64Array, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type};
use datafusion::error::Result;

use super::super::encode::{Style, texts_of};
use super::super::error::PgError;
use super::super::params::{parse_bytea, parse_local};
use super::call::{Call, Function, raise};
use super::instants::{
    Kind, dates, instant_array, instants, kind, local_array, locals, timestamp, timestamptz, unread,
};

pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
    )
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
        .identity(|arg| arg == &timestamp())
        .stable(),
        Function::new("pg_timestamptz", 1..=1, timestamptz(), |call| {
            Ok(instant_array(instants(call, 0, call.zone)?.into_iter()))
        })
        .identity(|arg| arg == &timestamptz())
        .stable(),
        Function::new("pg_round_int", 1..=1, DataType::Int64, rounded)
            .returning(|args, _| {
                Ok(match args.first() {
                    Some(arg @ (DataType::Decimal128(..) | DataType::Float64)) => arg.clone(),
                    Some(DataType::Float32 | DataType::Float16) => DataType::Float64,
                    Some(time @ (DataType::Timestamp(..) | DataType::Date32)) => {
                        return Err(raise(PgError::new(
                            "42846",
                            format!("cannot cast type {time} to a whole number"),
                        )));
                    }
                    Some(other) => other.clone(),
                    None => DataType::Null,
                })
            })
            .identity(|arg| {
                !matches!(
                    arg,
                    DataType::Decimal128(..)
                        | DataType::Float64
                        | DataType::Float32
                        | DataType::Float16
                        | DataType::Timestamp(..)
                        | DataType::Date32
                )
            }),
    ]
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
        _ => {
            let style = Style {
                zone: call.zone,
                extra_float_digits: 1,
            };
            texts_of(array, &style).map_err(raise)
        }
    }
}

/// Decimals round half away from zero, floats half to even.
fn rounded(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0);
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
            let array = call.cast(0, &DataType::Float64)?;
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
