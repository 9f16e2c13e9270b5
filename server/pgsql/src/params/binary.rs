//! Reads values in PostgreSQL's binary formats.

use bytes::{Buf, Bytes};
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::scalar::ScalarValue;
use pgwire::api::Type;

use super::{characters, element_type, hyphenate, input_name, is_object_id, list, out_of_range};
use crate::error::{PgError, code};
use crate::types::{POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROSECONDS};

/// Reads a value from all of some bytes.
pub(super) fn parse(pg: &Type, bytes: &Bytes) -> Result<ScalarValue, PgError> {
    let mut bytes = bytes.clone();
    let value = value(pg, &mut bytes)?;
    if bytes.is_empty() {
        Ok(value)
    } else {
        Err(invalid(pg))
    }
}

fn invalid(pg: &Type) -> PgError {
    PgError::new(
        code::INVALID_BINARY,
        format!("incorrect binary data format for type {}", input_name(pg)),
    )
}

fn value(pg: &Type, bytes: &mut Bytes) -> Result<ScalarValue, PgError> {
    let bad = |_| invalid(pg);
    Ok(match *pg {
        Type::BOOL => ScalarValue::Boolean(Some(bytes.try_get_u8().map_err(bad)? != 0)),
        Type::INT2 => ScalarValue::Int16(Some(bytes.try_get_i16().map_err(bad)?)),
        Type::INT4 => ScalarValue::Int32(Some(bytes.try_get_i32().map_err(bad)?)),
        Type::INT8 => ScalarValue::Int64(Some(bytes.try_get_i64().map_err(bad)?)),
        _ if is_object_id(pg) => {
            ScalarValue::Int64(Some(i64::from(bytes.try_get_u32().map_err(bad)?)))
        }
        Type::FLOAT4 => ScalarValue::Float32(Some(bytes.try_get_f32().map_err(bad)?)),
        Type::FLOAT8 => ScalarValue::Float64(Some(bytes.try_get_f64().map_err(bad)?)),
        Type::NUMERIC => numeric(pg, bytes)?,
        Type::BYTEA => ScalarValue::Binary(Some(bytes.split_off(0).to_vec())),
        Type::DATE => {
            let days = bytes.try_get_i32().map_err(bad)?;
            let days = days.checked_add(POSTGRES_EPOCH_DAYS);
            ScalarValue::Date32(Some(days.ok_or_else(|| infinite(pg))?))
        }
        Type::TIME => ScalarValue::Time64Microsecond(Some(bytes.try_get_i64().map_err(bad)?)),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let instant = bytes.try_get_i64().map_err(bad)?;
            let instant = instant
                .checked_add(POSTGRES_EPOCH_MICROSECONDS)
                .ok_or_else(|| infinite(pg))?;
            let zone = (*pg == Type::TIMESTAMPTZ).then(|| "UTC".into());
            ScalarValue::TimestampMicrosecond(Some(instant), zone)
        }
        Type::INTERVAL => {
            let microseconds = bytes.try_get_i64().map_err(bad)?;
            let days = bytes.try_get_i32().map_err(bad)?;
            let months = bytes.try_get_i32().map_err(bad)?;
            let nanoseconds = microseconds
                .checked_mul(1000)
                .ok_or_else(|| out_of_range(pg, &microseconds.to_string()))?;
            ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(
                months,
                days,
                nanoseconds,
            )))
        }
        Type::UUID => ScalarValue::Utf8(Some(uuid(pg, bytes)?)),
        Type::JSONB => {
            // The first byte is the version of the format.
            if bytes.try_get_u8().map_err(bad)? != 1 {
                return Err(invalid(pg));
            }
            text(bytes)?
        }
        _ => match element_type(pg) {
            Some(element) => array(pg, &element, bytes)?,
            None if is_text(pg) => text(bytes)?,
            None => {
                return Err(PgError::unsupported(format!(
                    "parameters of type {} are not supported in binary",
                    input_name(pg)
                )));
            }
        },
    })
}

fn is_text(pg: &Type) -> bool {
    matches!(
        *pg,
        Type::TEXT
            | Type::VARCHAR
            | Type::BPCHAR
            | Type::NAME
            | Type::UNKNOWN
            | Type::JSON
            | Type::XML
            | Type::CHAR
    )
}

fn text(bytes: &mut Bytes) -> Result<ScalarValue, PgError> {
    let text = bytes.split_off(0);
    Ok(ScalarValue::Utf8(Some(characters(&text)?.to_owned())))
}

fn infinite(pg: &Type) -> PgError {
    PgError::new(
        "22008",
        format!(
            "infinite values of type {} are not supported",
            input_name(pg)
        ),
    )
}

fn uuid(pg: &Type, bytes: &mut Bytes) -> Result<String, PgError> {
    let (high, low) = (
        bytes.try_get_u64().map_err(|_| invalid(pg))?,
        bytes.try_get_u64().map_err(|_| invalid(pg))?,
    );
    Ok(hyphenate(&format!("{high:016x}{low:016x}")))
}

fn numeric(pg: &Type, bytes: &mut Bytes) -> Result<ScalarValue, PgError> {
    let bad = |_| invalid(pg);
    let groups = bytes.try_get_i16().map_err(bad)?;
    let weight = i32::from(bytes.try_get_i16().map_err(bad)?);
    let sign = bytes.try_get_u16().map_err(bad)?;
    let scale = i32::from(bytes.try_get_i16().map_err(bad)?);
    if groups < 0 || scale < 0 {
        return Err(invalid(pg));
    }
    if !matches!(sign, 0 | 0x4000) {
        return Err(PgError::unsupported("NaN and infinity are not supported"));
    }
    let large = || PgError::new("22003", "number of more than 38 digits is not supported");
    let mut value: i128 = 0;
    for _ in 0..groups {
        let group = bytes.try_get_i16().map_err(bad)?;
        if !(0..10_000).contains(&group) {
            return Err(invalid(pg));
        }
        value = value
            .checked_mul(10_000)
            .and_then(|value| value.checked_add(i128::from(group)))
            .ok_or_else(large)?;
    }
    // The groups read so far are
    let mut digits_after_point = (i32::from(groups) - 1 - weight) * 4;
    while digits_after_point < scale {
        if value == 0 {
            digits_after_point = scale;
            break;
        }
        value = value.checked_mul(10).ok_or_else(large)?;
        digits_after_point += 1;
    }
    while digits_after_point > scale && value % 10 == 0 {
        value /= 10;
        digits_after_point -= 1;
        if value == 0 {
            digits_after_point = scale;
        }
    }
    let scale = i8::try_from(digits_after_point)
        .ok()
        .filter(|scale| *scale <= 38)
        .ok_or_else(large)?;
    let value = if sign == 0x4000 { -value } else { value };
    if value.unsigned_abs() >= 10_u128.pow(38) {
        return Err(large());
    }
    Ok(ScalarValue::Decimal128(Some(value), 38, scale))
}

fn array(pg: &Type, declared: &Type, bytes: &mut Bytes) -> Result<ScalarValue, PgError> {
    let bad = |_| invalid(pg);
    let dimensions = bytes.try_get_i32().map_err(bad)?;
    bytes.try_get_i32().map_err(bad)?;
    let oid = bytes.try_get_u32().map_err(bad)?;
    let element = Type::from_oid(oid).unwrap_or_else(|| declared.clone());
    if dimensions == 0 {
        return Ok(list(Vec::new(), declared));
    }
    if dimensions != 1 {
        return Err(PgError::unsupported(format!(
            "array parameters of {dimensions} dimensions are not supported: expected 1"
        )));
    }
    let count = bytes.try_get_i32().map_err(bad)?;
    bytes.try_get_i32().map_err(bad)?;
    let mut elements = Vec::new();
    for _ in 0..count {
        let length = bytes.try_get_i32().map_err(bad)?;
        elements.push(match usize::try_from(length) {
            Ok(length) if length <= bytes.len() => parse(&element, &bytes.split_to(length))?,
            Err(_) if length == -1 => {
                ScalarValue::try_from(&super::arrow_type(&element)).map_err(PgError::from)?
            }
            _ => return Err(invalid(pg)),
        });
    }
    Ok(list(elements, &element))
}
