//! Writes values in PostgreSQL's binary formats.

use bytes::{BufMut, BytesMut};

use crate::types::{POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROSECONDS};

/// Writes a date.
pub(super) fn date(out: &mut BytesMut, days: i32) {
    // The ends of the range are infinite.
    out.put_i32(match days {
        i32::MAX | i32::MIN => days,
        days => days.saturating_sub(POSTGRES_EPOCH_DAYS),
    });
}

/// Writes a timestamp, with a zone or without.
pub(super) fn timestamp(out: &mut BytesMut, microseconds: i64) {
    out.put_i64(match microseconds {
        i64::MAX | i64::MIN => microseconds,
        microseconds => microseconds.saturating_sub(POSTGRES_EPOCH_MICROSECONDS),
    });
}

/// Writes a number that is given as text, `-12.3400`, in groups of four digits.
pub(super) fn numeric(out: &mut BytesMut, text: &str) {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.trim_start_matches('0');
    let mut groups: Vec<i16> = Vec::new();
    let first = whole.len() % 4;
    if first > 0 {
        groups.push(group(&whole[..first]));
    }
    let mut rest = &whole[first..];
    while !rest.is_empty() {
        groups.push(group(&rest[..4]));
        rest = &rest[4..];
    }
    let mut weight = groups.len() as i16 - 1;
    let mut rest = fraction;
    while !rest.is_empty() {
        let length = rest.len().min(4);
        // The last group is filled up with zeros.
        let missing = 4 - length as u32;
        groups.push(group(&rest[..length]) * 10_i16.pow(missing));
        rest = &rest[length..];
    }
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight -= leading as i16;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    if groups.is_empty() {
        weight = 0;
    }
    out.put_i16(groups.len() as i16);
    out.put_i16(weight);
    out.put_u16(if negative && !groups.is_empty() {
        0x4000
    } else {
        0
    });
    out.put_i16(fraction.len() as i16);
    for group in groups {
        out.put_i16(group);
    }
}

/// Reads up to four digits.
fn group(digits: &str) -> i16 {
    digits
        .bytes()
        .fold(0, |value, digit| value * 10 + i16::from(digit - b'0'))
}

/// Writes the sixteen bytes of a uuid, from its 32 hexadecimal digits.
pub fn uuid(out: &mut BytesMut, text: &str) {
    let mut digits = text.chars().filter_map(|c| c.to_digit(16));
    while let (Some(high), Some(low)) = (digits.next(), digits.next()) {
        out.put_u8((high * 16 + low) as u8);
    }
}
