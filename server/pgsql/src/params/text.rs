//! Reads values in PostgreSQL's text formats.

use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use pgwire::api::Type;

use super::times::{self, InvalidTime};
use super::{element_type, hyphenate, invalid_text, is_object_id, list, out_of_range};
use crate::error::{PgError, code};
use crate::types::interval;
use crate::types::zone::Zone;

/// Reads a value of a type; an instant without an offset is in the given zone.
pub(super) fn parse(pg: &Type, text: &str, zone: Zone) -> Result<ScalarValue, PgError> {
    let trimmed = text.trim();
    let invalid = || invalid_text(pg, text);
    let invalid_time = |why| invalid_time(pg, text, why);
    Ok(match *pg {
        Type::BOOL => ScalarValue::Boolean(Some(boolean(trimmed).ok_or_else(invalid)?)),
        Type::INT2 => ScalarValue::Int16(Some(integer(pg, trimmed)?)),
        Type::INT4 => ScalarValue::Int32(Some(integer(pg, trimmed)?)),
        Type::INT8 => ScalarValue::Int64(Some(integer(pg, trimmed)?)),
        _ if is_object_id(pg) => ScalarValue::Int64(Some(integer(pg, trimmed)?)),
        Type::FLOAT4 => ScalarValue::Float32(Some(trimmed.parse().map_err(|_| invalid())?)),
        Type::FLOAT8 => ScalarValue::Float64(Some(trimmed.parse().map_err(|_| invalid())?)),
        Type::NUMERIC | Type::MONEY => numeric(pg, trimmed)?,
        Type::BYTEA => ScalarValue::Binary(Some(bytea(text).ok_or_else(invalid)?)),
        Type::DATE => {
            let days = times::date(trimmed, zone).map_err(invalid_time)?;
            ScalarValue::Date32(Some(days))
        }
        Type::TIME => {
            let micros = times::time(trimmed).map_err(invalid_time)?;
            ScalarValue::Time64Microsecond(Some(micros))
        }
        Type::TIMESTAMP => {
            let local = times::local(trimmed, zone).map_err(invalid_time)?;
            ScalarValue::TimestampMicrosecond(Some(local), None)
        }
        Type::TIMESTAMPTZ => {
            let instant = times::instant(trimmed, zone).map_err(invalid_time)?;
            ScalarValue::TimestampMicrosecond(Some(instant), Some("UTC".into()))
        }
        Type::INTERVAL => {
            let parts = interval::parse(trimmed);
            let parts = parts.ok_or_else(|| invalid_time(InvalidTime::Syntax))?;
            let interval = parts.to_arrow().ok_or_else(|| out_of_range(pg, text))?;
            ScalarValue::IntervalMonthDayNano(Some(interval))
        }
        Type::UUID => ScalarValue::Utf8(Some(uuid(trimmed).ok_or_else(invalid)?)),
        _ => match element_type(pg) {
            Some(element) => array(&element, text, zone)?,
            None => ScalarValue::Utf8(Some(text.to_owned())),
        },
    })
}

fn invalid_time(pg: &Type, text: &str, why: InvalidTime) -> PgError {
    match why {
        InvalidTime::Syntax => PgError {
            code: "22007",
            ..invalid_text(pg, text)
        },
        InvalidTime::Range => PgError::new(
            "22008",
            format!("date/time field value out of range: \"{text}\""),
        ),
    }
}

/// Reads a boolean as PostgreSQL writes and takes it: `t`, `true`, `on`, `1`, and so on.
pub fn boolean(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let begins = |word: &str, at_least: usize| text.len() >= at_least && word.starts_with(&text);
    if begins("true", 1) || begins("yes", 1) || begins("on", 2) || text == "1" {
        Some(true)
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0" {
        Some(false)
    } else {
        None
    }
}

fn integer<T: TryFrom<i128>>(pg: &Type, text: &str) -> Result<T, PgError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid_text(pg, text));
    }
    let value: i128 = text.parse().map_err(|_| out_of_range(pg, text))?;
    T::try_from(value).map_err(|_| out_of_range(pg, text))
}

/// Reads a `bigint`.
///
/// # Errors
/// If the text is no integer, or out of range.
pub fn bigint(text: &str) -> Result<i64, PgError> {
    integer(&Type::INT8, text.trim())
}

/// Reads a number with the digits that it has, also `1.5e3`.
fn numeric(pg: &Type, text: &str) -> Result<ScalarValue, PgError> {
    let invalid = || invalid_text(pg, text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| invalid())?),
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let named = ["nan", "infinity", "-infinity", "inf", "-inf"];
        if named.contains(&text.to_ascii_lowercase().as_str()) {
            return Err(PgError::unsupported(format!(
                "numeric value \"{text}\" is not supported"
            )));
        }
        return Err(invalid());
    }
    let mut scale = i32::try_from(fraction.len()).map_err(|_| out_of_range(pg, text))? - exponent;
    let mut value: i128 = digits
        .trim_start_matches('0')
        .parse()
        .or_else(|error| {
            if digits.bytes().all(|byte| byte == b'0') {
                Ok(0)
            } else {
                Err(error)
            }
        })
        .map_err(|_| out_of_range(pg, text))?;
    while scale < 0 {
        value = value
            .checked_mul(10)
            .ok_or_else(|| out_of_range(pg, text))?;
        scale += 1;
    }
    // Zeros at the end that do not fit mean nothing.
    while scale > 38 && value % 10 == 0 {
        value /= 10;
        scale -= 1;
    }
    if scale > 38 || value > 99_999_999_999_999_999_999_999_999_999_999_999_999 {
        return Err(out_of_range(pg, text));
    }
    let value = if negative { -value } else { value };
    Ok(ScalarValue::Decimal128(Some(value), 38, scale as i8))
}

/// Reads a number as steps of so many digits after the point, rounded half away from zero.
pub fn numeric_steps(text: &str, scale: i8) -> Result<i128, PgError> {
    match numeric(&Type::NUMERIC, text)?.cast_to(&DataType::Decimal128(38, scale))? {
        ScalarValue::Decimal128(Some(steps), ..) => Ok(steps),
        _ => Err(out_of_range(&Type::NUMERIC, text)),
    }
}

/// Reads bytes as `bytea` is written: `\x00ff`, or with escapes. None where the text is neither.
pub fn bytea(text: &str) -> Option<Vec<u8>> {
    if let Some(digits) = text.strip_prefix("\\x") {
        let digits: Vec<u8> = digits
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        return digits
            .chunks(2)
            .map(|pair| {
                let pair = std::str::from_utf8(pair)
                    .ok()
                    .filter(|pair| pair.len() == 2)?;
                u8::from_str_radix(pair, 16).ok()
            })
            .collect();
    }
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'\\' {
            bytes.push(byte);
            rest = after;
        } else if after.first() == Some(&b'\\') {
            bytes.push(b'\\');
            rest = &after[1..];
        } else {
            let octal = std::str::from_utf8(after.get(..3)?).ok()?;
            bytes.push(u8::from_str_radix(octal, 8).ok()?);
            rest = &after[3..];
        }
    }
    Some(bytes)
}

/// Reads a uuid in PostgreSQL's spellings, and writes it as PostgreSQL does. None where the text is none.
pub fn uuid(text: &str) -> Option<String> {
    let digits: String = text
        .trim_start_matches('{')
        .trim_end_matches('}')
        .chars()
        .filter(|c| *c != '-')
        .collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(hyphenate(&digits.to_ascii_lowercase()))
}

/// Reads an array literal, `{…}`, of elements of a type.
///
/// # Errors
/// If the text is no array literal, or an element is no value of the type.
pub fn array(element: &Type, text: &str, zone: Zone) -> Result<ScalarValue, PgError> {
    let elements = elements(text)
        .ok_or_else(|| {
            PgError::new(
                code::INVALID_TEXT,
                format!("malformed array literal: \"{text}\""),
            )
            .detail("expected {value,value,…} of one dimension")
        })?
        .into_iter()
        .map(|item| match item {
            Some(item) => parse(element, &item, zone),
            None => ScalarValue::try_from(&super::arrow_type(element)).map_err(PgError::from),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(list(elements, element))
}

/// Splits an array literal, `{…}`, into its unquoted elements; none where the text is no such literal of one dimension.
pub fn elements(text: &str) -> Option<Vec<Option<String>>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inside.trim().is_empty() {
        return Some(Vec::new());
    }
    let mut elements = Vec::new();
    let mut chars = inside.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        let mut item = String::new();
        if chars.next_if_eq(&'"').is_some() {
            loop {
                match chars.next()? {
                    '"' => break,
                    '\\' => item.push(chars.next()?),
                    c => item.push(c),
                }
            }
            while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
            elements.push(Some(item));
        } else {
            while let Some(c) = chars.next_if(|c| *c != ',') {
                match c {
                    '{' | '}' | '"' => return None,
                    '\\' => item.push(chars.next()?),
                    c => item.push(c),
                }
            }
            let item = item.trim_end();
            match item {
                "" => return None,
                null if null.eq_ignore_ascii_case("null") => elements.push(None),
                item => elements.push(Some(item.to_owned())),
            }
        }
        match chars.next() {
            None => return Some(elements),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}
