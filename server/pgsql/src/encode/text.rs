//! Writes values as text, to the letter as PostgreSQL does.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use datafusion::arrow::datatypes::i256;

use crate::types::digits::{QUOTIENT_SCALE, shown_digits};
use crate::types::zone::Zone;

/// Writes a number of so many digits after the point.
pub(super) fn decimal(out: &mut String, value: i128, scale: i8) {
    digits(out, value < 0, &value.unsigned_abs().to_string(), scale);
}

/// Writes a quotient, with the digits that PostgreSQL gives it.
pub(super) fn quotient(out: &mut String, steps: i128, least: i8) {
    let digits = shown_digits(steps, least);
    let more = u32::from((QUOTIENT_SCALE - digits).unsigned_abs());
    decimal(out, steps / 10_i128.pow(more), digits);
}

/// Writes a number without zeros at its end.
pub(super) fn trimmed_decimal(out: &mut String, mut steps: i128, mut scale: i8) {
    while scale > 0 && steps % 10 == 0 {
        steps /= 10;
        scale -= 1;
    }
    decimal(out, steps, scale);
}

/// Writes a number of more than 38 digits.
pub(super) fn large_decimal(out: &mut String, value: i256, scale: i8) {
    let text = value.to_string();
    match text.strip_prefix('-') {
        Some(digits_only) => digits(out, true, digits_only, scale),
        None => digits(out, false, &text, scale),
    }
}

fn digits(out: &mut String, negative: bool, digits: &str, scale: i8) {
    if negative {
        out.push('-');
    }
    match usize::try_from(scale) {
        Ok(0) => out.push_str(digits),
        Ok(scale) if digits.len() > scale => {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
        Ok(scale) => {
            out.push_str("0.");
            for _ in digits.len()..scale {
                out.push('0');
            }
            out.push_str(digits);
        }
        Err(_) => {
            out.push_str(digits);
            if digits != "0" {
                for _ in 0..scale.unsigned_abs() {
                    out.push('0');
                }
            }
        }
    }
}

/// Writes a float8: exactly and as short as possible, or rounded to `15 + extra` digits.
pub(super) fn float8(out: &mut String, value: f64, extra: i32) {
    let scientific = if extra > 0 {
        format!("{value:e}")
    } else {
        round_float(value, 15 + extra)
    };
    float(out, value, &scientific, 15, extra);
}

/// Writes a float4, exactly or rounded to `6 + extra` digits.
pub(super) fn float4(out: &mut String, value: f32, extra: i32) {
    let scientific = if extra > 0 {
        format!("{value:e}")
    } else {
        round_float(f64::from(value), 6 + extra)
    };
    float(out, f64::from(value), &scientific, 6, extra);
}

fn round_float(value: f64, digits: i32) -> String {
    let after_point = usize::try_from(digits - 1).unwrap_or(0);
    let text = format!("{value:.after_point$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => {
            format!(
                "{}e{exponent}",
                mantissa.trim_end_matches('0').trim_end_matches('.')
            )
        }
        _ => text,
    }
}

fn float(out: &mut String, value: f64, scientific: &str, precision: i32, extra: i32) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    out.push_str(sign);
    let highest = if extra > 0 {
        precision
    } else {
        precision + extra
    };
    if exponent < -4 || exponent >= highest {
        out.push_str(mantissa);
        let sign = if exponent < 0 { '-' } else { '+' };
        // Writing to a String cannot fail.
        let _ = write!(out, "e{sign}{:02}", exponent.abs());
    } else if exponent < 0 {
        out.push_str("0.");
        for _ in exponent..-1 {
            out.push('0');
        }
        out.push_str(&digits);
    } else {
        let point = exponent as usize + 1;
        if digits.len() <= point {
            out.push_str(&digits);
            for _ in digits.len()..point {
                out.push('0');
            }
        } else {
            out.push_str(&digits[..point]);
            out.push('.');
            out.push_str(&digits[point..]);
        }
    }
}

/// Writes a date, given as days since 1970.
pub(super) fn date(out: &mut String, days: i32) {
    let date = NaiveDate::from_epoch_days(days);
    match date {
        Some(date) => {
            year_month_day(out, date);
            era(out, date.year());
        }
        None => infinity(out, days > 0),
    }
}

/// Writes a timestamp without a zone, given as microseconds since 1970.
pub(super) fn timestamp(out: &mut String, microseconds: i64) {
    match DateTime::from_timestamp_micros(microseconds) {
        Some(instant) => {
            let local = instant.naive_utc();
            date_and_time(out, local);
            era(out, local.year());
        }
        None => infinity(out, microseconds > 0),
    }
}

fn infinity(out: &mut String, positive: bool) {
    out.push_str(if positive { "infinity" } else { "-infinity" });
}

/// Writes a timestamp in a zone, given as microseconds since 1970 UTC.
pub(super) fn timestamptz(out: &mut String, microseconds: i64, zone: Zone) {
    let Some(instant) = DateTime::from_timestamp_micros(microseconds) else {
        return infinity(out, microseconds > 0);
    };
    let utc = instant.naive_utc();
    let offset = zone.offset_at(&utc);
    // chrono's last hours have no local time east of UTC.
    let local = utc.checked_add_signed(TimeDelta::seconds(i64::from(offset)));
    let (local, offset) = local.map_or((utc, 0), |local| (local, offset));
    date_and_time(out, local);
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes, seconds) = (
        offset.abs() / 3600,
        offset.abs() / 60 % 60,
        offset.abs() % 60,
    );
    two(out, sign, hours.unsigned_abs());
    if minutes != 0 || seconds != 0 {
        two(out, ':', minutes.unsigned_abs());
    }
    if seconds != 0 {
        two(out, ':', seconds.unsigned_abs());
    }
    era(out, local.year());
}

fn date_and_time(out: &mut String, local: NaiveDateTime) {
    year_month_day(out, local.date());
    two(out, ' ', local.hour());
    two(out, ':', local.minute());
    two(out, ':', local.second());
    fraction(out, local.nanosecond() / 1000);
}

fn year_month_day(out: &mut String, date: NaiveDate) {
    let year = if date.year() > 0 {
        date.year()
    } else {
        1 - date.year()
    };
    let _ = write!(out, "{year:04}");
    two(out, '-', date.month());
    two(out, '-', date.day());
}

fn era(out: &mut String, year: i32) {
    if year <= 0 {
        out.push_str(" BC");
    }
}

fn two(out: &mut String, before: char, number: u32) {
    out.push(before);
    out.push(char::from(b'0' + (number / 10 % 10) as u8));
    out.push(char::from(b'0' + (number % 10) as u8));
}

/// Writes microseconds as a fraction, without zeros at the end.
fn fraction(out: &mut String, microseconds: u32) {
    if microseconds != 0 {
        let text = format!(".{microseconds:06}");
        out.push_str(text.trim_end_matches('0'));
    }
}

/// Writes a time of day, given as microseconds since midnight.
pub(super) fn time(out: &mut String, microseconds: i64) {
    let seconds = (microseconds / 1_000_000) as u32;
    let _ = write!(out, "{:02}", seconds / 3600);
    two(out, ':', seconds / 60 % 60);
    two(out, ':', seconds % 60);
    fraction(out, (microseconds % 1_000_000) as u32);
}

/// Writes bytes as `\x` and hexadecimal digits.
pub(super) fn bytea(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push_str("\\x");
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// Writes an element inside `{…}`, quoted where it must be.
pub(super) fn array_element(out: &mut String, text: &str) {
    let plain = !text.eq_ignore_ascii_case("null") && is_plain(text, "{},\"\\");
    quote(out, text, plain, |_| '\\');
}

/// Writes a field inside `(…)`, quoted where it must be.
pub(super) fn record_field(out: &mut String, text: &str) {
    // A quote or backslash is escaped by itself.
    quote(out, text, is_plain(text, "(),\"\\"), |c| c);
}

/// Whether a text can stand without quotes between some special characters.
fn is_plain(text: &str, special: &str) -> bool {
    let is_special = |c: char| special.contains(c) || c.is_ascii_whitespace() || c == '\u{b}';
    !text.is_empty() && !text.contains(is_special)
}

fn quote(out: &mut String, text: &str, plain: bool, escape: fn(char) -> char) {
    if plain {
        return out.push_str(text);
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push(escape(c));
        }
        out.push(c);
    }
    out.push('"');
}
