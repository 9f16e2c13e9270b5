//! Reads the values that a client binds to a statement's parameters.
//!
//! A value is read as the type that it was sent as; what it is cast to in an expression is for the planner to decide. A
//! number keeps the digits that it was sent with, so that `value = $1` compares exactly.

mod binary;
#[cfg(test)]
mod tests;
mod text;
mod times;

pub use text::{
    array as parse_array, bigint as parse_bigint, boolean as parse_boolean, bytea as parse_bytea,
    elements as array_elements, numeric_steps as parse_numeric, uuid as parse_uuid,
};
pub use times::{
    FIRST_YEAR, InvalidTime, LAST_YEAR, date as parse_date, instant as parse_instant,
    local as parse_local, micros_of_day, time as parse_time,
};

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use datafusion::scalar::ScalarValue;
use pgwire::api::Type;

use crate::encode::Format;
use crate::error::{PgError, code};
use crate::types::names::format_type;
use crate::types::zone::Zone;

/// Returns the Arrow type in which values of a PostgreSQL type are planned; text for types without one.
pub fn arrow_type(pg: &Type) -> DataType {
    match *pg {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 => DataType::Int64,
        _ if is_object_id(pg) => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::NUMERIC | Type::MONEY => DataType::Decimal128(38, 10),
        Type::BYTEA => DataType::Binary,
        Type::DATE => DataType::Date32,
        Type::TIME => DataType::Time64(TimeUnit::Microsecond),
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::INTERVAL => DataType::Interval(IntervalUnit::MonthDayNano),
        _ => match element_type(pg) {
            Some(element) => {
                DataType::List(Arc::new(Field::new_list_field(arrow_type(&element), true)))
            }
            None => DataType::Utf8,
        },
    }
}

/// Whether a type is an object id or an alias of it, whose values are bigints here.
fn is_object_id(pg: &Type) -> bool {
    matches!(
        *pg,
        Type::OID | Type::REGCLASS | Type::REGTYPE | Type::REGPROC | Type::REGNAMESPACE | Type::XID
    )
}

/// Returns the type of an array's elements.
fn element_type(pg: &Type) -> Option<Type> {
    Some(match *pg {
        Type::BOOL_ARRAY => Type::BOOL,
        Type::INT2_ARRAY => Type::INT2,
        Type::INT4_ARRAY => Type::INT4,
        Type::INT8_ARRAY => Type::INT8,
        Type::OID_ARRAY => Type::OID,
        Type::FLOAT4_ARRAY => Type::FLOAT4,
        Type::FLOAT8_ARRAY => Type::FLOAT8,
        Type::NUMERIC_ARRAY => Type::NUMERIC,
        Type::BYTEA_ARRAY => Type::BYTEA,
        Type::DATE_ARRAY => Type::DATE,
        Type::TIME_ARRAY => Type::TIME,
        Type::TIMESTAMP_ARRAY => Type::TIMESTAMP,
        Type::TIMESTAMPTZ_ARRAY => Type::TIMESTAMPTZ,
        Type::INTERVAL_ARRAY => Type::INTERVAL,
        Type::UUID_ARRAY => Type::UUID,
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY | Type::NAME_ARRAY => {
            Type::TEXT
        }
        _ => return None,
    })
}

/// If the bytes are no value of that type.
pub fn decode(
    pg: &Type,
    format: Format,
    value: Option<&Bytes>,
    zone: Zone,
) -> Result<ScalarValue, PgError> {
    let Some(bytes) = value else {
        return ScalarValue::try_from(&arrow_type(pg)).map_err(PgError::from);
    };
    match format {
        Format::Text => text::parse(pg, characters(bytes)?, zone),
        Format::Binary => binary::parse(pg, bytes),
    }
}

/// Reads UTF-8; U+0000 is no character of PostgreSQL's texts.
fn characters(bytes: &[u8]) -> Result<&str, PgError> {
    let refused = |what| {
        let message = format!("invalid byte sequence for encoding \"UTF8\"{what}");
        PgError::new("22021", message)
    };
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Err(refused(": 0x00")),
        text => text.map_err(|_| refused("")),
    }
}

/// Makes a list of elements of one type.
fn list(elements: Vec<ScalarValue>, element: &Type) -> ScalarValue {
    let (elements, arrow) = same_scale(elements, arrow_type(element));
    ScalarValue::List(ScalarValue::new_list_nullable(&elements, &arrow))
}

/// Casts numbers, which were sent with different scales, to the largest of them, which a list needs.
fn same_scale(elements: Vec<ScalarValue>, arrow: DataType) -> (Vec<ScalarValue>, DataType) {
    if !matches!(arrow, DataType::Decimal128(..)) {
        return (elements, arrow);
    }
    let scale = elements
        .iter()
        .filter_map(|element| match element {
            ScalarValue::Decimal128(Some(_), _, scale) => Some(*scale),
            _ => None,
        })
        .max()
        .unwrap_or(0);
    let arrow = DataType::Decimal128(38, scale);
    let elements = elements
        .into_iter()
        .map(|element| match element {
            ScalarValue::Decimal128(Some(value), _, from) => {
                let factor = 10_i128.checked_pow(u32::from((scale - from).unsigned_abs()));
                let value = factor.and_then(|factor| value.checked_mul(factor));
                ScalarValue::Decimal128(value, 38, scale)
            }
            _ => ScalarValue::Decimal128(None, 38, scale),
        })
        .collect();
    (elements, arrow)
}

fn invalid_text(pg: &Type, text: &str) -> PgError {
    let (name, shown) = (input_name(pg), text.chars().take(200).collect::<String>());
    PgError::new(
        code::INVALID_TEXT,
        format!("invalid input syntax for type {name}: \"{shown}\""),
    )
}

fn out_of_range(pg: &Type, text: &str) -> PgError {
    let (name, shown) = (input_name(pg), text.chars().take(200).collect::<String>());
    PgError::new(
        "22003",
        format!("value \"{shown}\" is out of range for type {name}"),
    )
}

/// Writes 32 hexadecimal digits as a uuid, with hyphens.
fn hyphenate(digits: &str) -> String {
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|part| &digits[part]).join("-")
}

/// Names a type as PostgreSQL's errors about input do: `timestamp` and `time` without a word on zones.
fn input_name(pg: &Type) -> String {
    match *pg {
        Type::TIMESTAMP | Type::TIME => pg.name().to_owned(),
        _ => format_type(pg.oid(), -1),
    }
}
