//! Writes one value of a result as text or JSON, the same for every form of output.
//!
//! Integers and floats are numbers. Decimals are strings with their type's scale, because most readers take a JSON number
//! for a float, and money must not be one (SPEC E5). Instants are RFC 3339 in UTC with six decimals and `Z`, dates ISO
//! 8601, lists arrays, nulls null. Infinity and NaN, which JSON has no number for, are strings.

use std::fmt::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Utc};

/// Appends a value as JSON.
pub(super) fn write_json(
    out: &mut String,
    array: &dyn Array,
    row: usize,
) -> Result<(), ArrowError> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Null => out.push_str("null"),
        DataType::Boolean => push(out, array.as_boolean().value(row)),
        DataType::Int8 => push(out, array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => push(out, array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => push(out, array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => push(out, array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => push(out, array.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => push(out, array.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => push(out, array.as_primitive::<UInt32Type>().value(row)),
        DataType::UInt64 => push(out, array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float16 => float(out, array.as_primitive::<Float16Type>().value(row).to_f64()),
        DataType::Float32 => {
            // It is written in its own shortest form, not in that of the f64 it widens to.
            let value = array.as_primitive::<Float32Type>().value(row);
            match value.is_finite() {
                true => number(out, serde_json::to_string(&value)),
                false => float(out, f64::from(value)),
            }
        }
        DataType::Float64 => float(out, array.as_primitive::<Float64Type>().value(row)),
        DataType::List(_) => list(out, &array.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => list(out, &array.as_list::<i64>().value(row))?,
        DataType::FixedSizeList(..) => list(out, &array.as_fixed_size_list().value(row))?,
        DataType::Struct(fields) => {
            out.push('{');
            for (index, (field, column)) in
                fields.iter().zip(array.as_struct().columns()).enumerate()
            {
                if index > 0 {
                    out.push_str(", ");
                }
                string(out, field.name());
                out.push_str(": ");
                write_json(out, column, row)?;
            }
            out.push('}');
        }
        DataType::Dictionary(..) => {
            // Only one row is sliced out, because `normalized_keys` converts the keys of all rows.
            let one = array.slice(row, 1);
            let dictionary = one.as_any_dictionary();
            write_json(out, dictionary.values(), dictionary.normalized_keys()[0])?;
        }
        _ => {
            let mut text = String::new();
            write_text(&mut text, array, row)?;
            string(out, &text);
        }
    }
    Ok(())
}

/// Appends a value as plain text; lists and structs are JSON, a null is empty.
pub(super) fn write_text(
    out: &mut String,
    array: &dyn Array,
    row: usize,
) -> Result<(), ArrowError> {
    if array.is_null(row) {
        return Ok(());
    }
    match array.data_type() {
        DataType::Utf8 => out.push_str(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => out.push_str(array.as_string::<i64>().value(row)),
        DataType::Utf8View => out.push_str(array.as_string_view().value(row)),
        DataType::Decimal128(..) => {
            out.push_str(&array.as_primitive::<Decimal128Type>().value_as_string(row));
        }
        DataType::Decimal256(..) => {
            out.push_str(&array.as_primitive::<Decimal256Type>().value_as_string(row));
        }
        DataType::Timestamp(unit, zone) => {
            let micros = micros(array, row, *unit);
            instant(out, micros, zone.is_some());
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            instant_date(out, i64::from(days) * 86_400_000_000);
        }
        DataType::Date64 => {
            let millis = array.as_primitive::<Date64Type>().value(row);
            instant_date(out, millis.saturating_mul(1000));
        }
        DataType::Dictionary(..) => {
            let one = array.slice(row, 1);
            let dictionary = one.as_any_dictionary();
            write_text(out, dictionary.values(), dictionary.normalized_keys()[0])?;
        }
        DataType::Boolean
        | DataType::Null
        | DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::Struct(_) => write_json(out, array, row)?,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let start = out.len();
            write_json(out, array, row)?;
            // Infinity and NaN are quoted in JSON alone.
            if out[start..].starts_with('"') {
                let bare = out[start..].trim_matches('"').to_owned();
                out.truncate(start);
                out.push_str(&bare);
            }
        }
        data_type if data_type.is_integer() => write_json(out, array, row)?,
        _ => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(array, &options)?;
            push(out, formatter.value(row).try_to_string()?);
        }
    }
    Ok(())
}

fn push(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

fn number(out: &mut String, text: Result<String, serde_json::Error>) {
    // Serializing a number or a string does not fail.
    out.push_str(text.as_deref().unwrap_or("null"));
}

fn float(out: &mut String, value: f64) {
    if value.is_finite() {
        number(out, serde_json::to_string(&value));
    } else if value.is_nan() {
        out.push_str("\"NaN\"");
    } else {
        out.push_str(if value > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        });
    }
}

/// Appends a string as JSON.
pub(super) fn string(out: &mut String, text: &str) {
    number(out, serde_json::to_string(text));
}

fn list(out: &mut String, items: &dyn Array) -> Result<(), ArrowError> {
    out.push('[');
    for row in 0..items.len() {
        if row > 0 {
            out.push_str(", ");
        }
        write_json(out, items, row)?;
    }
    out.push(']');
    Ok(())
}

fn micros(array: &dyn Array, row: usize, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => array
            .as_primitive::<TimestampSecondType>()
            .value(row)
            .saturating_mul(1_000_000),
        TimeUnit::Millisecond => array
            .as_primitive::<TimestampMillisecondType>()
            .value(row)
            .saturating_mul(1000),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array
            .as_primitive::<TimestampNanosecondType>()
            .value(row)
            .div_euclid(1000),
    }
}

/// Appends an instant; one without a time zone has no `Z`.
fn instant(out: &mut String, micros: i64, zoned: bool) {
    match DateTime::<Utc>::from_timestamp_micros(micros) {
        Some(instant) => {
            push(out, instant.format("%Y-%m-%dT%H:%M:%S%.6f"));
            if zoned {
                out.push('Z');
            }
        }
        // Beyond chrono's calendar the raw number is written.
        None => push(out, micros),
    }
}

fn instant_date(out: &mut String, micros: i64) {
    match DateTime::<Utc>::from_timestamp_micros(micros) {
        Some(instant) => push(out, instant.format("%Y-%m-%d")),
        None => push(out, micros),
    }
}
