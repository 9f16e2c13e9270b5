//! Parses RFC 3339 instants to microseconds in UTC (SPEC T1).
//!
//! The grammar is exactly that of RFC 3339 section 5.6: `T` and `Z` in either case, any offset (`-00:00` too), a fraction of
//! any length, cut off beyond microseconds (SPEC E3). An instant without an offset is refused. A leap second (`23:59:60` UTC
//! at the end of a month) is read as POSIX does: as the first second of the next day.

use crate::fault::Fault;
use chrono::{DateTime, Utc};

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
/// Microseconds in a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// 2000-01-01T00:00:00Z, the earliest accepted instant (SPEC E3).
pub(crate) const EARLIEST: i64 = 10_957 * DAY;

/// Returns the latest instant that is accepted at `now`: 24 h in the future (SPEC E3).
pub(crate) fn latest(now: DateTime<Utc>) -> i64 {
    now.timestamp_micros().saturating_add(DAY)
}

/// Returns the UTC date of an instant, in days since 1970-01-01.
pub(crate) fn date(micros: i64) -> i32 {
    // An i64 of microseconds spans 213 million days, which an i32 holds.
    micros.div_euclid(DAY) as i32
}

/// Parses an RFC 3339 instant to microseconds since 1970-01-01T00:00:00Z.
pub(crate) fn parse(text: &str) -> Result<i64, Fault> {
    let (civil, rest) = text
        .as_bytes()
        .split_first_chunk::<19>()
        .ok_or(Fault::NotAnInstant)?;
    let digits = |at: usize, count: usize| {
        civil[at..at + count]
            .iter()
            .try_fold(0_i64, |number, byte| match byte {
                b'0'..=b'9' => Ok(number * 10 + i64::from(byte - b'0')),
                _ => Err(Fault::NotAnInstant),
            })
    };
    let marks = [
        civil[4],
        civil[7],
        civil[10].to_ascii_uppercase(),
        civil[13],
        civil[16],
    ];
    if marks != *b"--T::" {
        return Err(Fault::NotAnInstant);
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
    let (fraction, rest) = parse_fraction(rest)?;
    let offset = parse_offset(rest)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return Err(Fault::NoSuchDate);
    }
    if hour > 23 || minute > 59 || second > 60 {
        return Err(Fault::NoSuchTime);
    }
    let seconds =
        days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    if second == 60 && !is_month_start(seconds) {
        return Err(Fault::NoSuchTime);
    }
    Ok(seconds * SECOND + fraction)
}

/// Parses a fraction of a second to microseconds, if `rest` begins with one, and returns what follows.
fn parse_fraction(rest: &[u8]) -> Result<(i64, &[u8]), Fault> {
    let [b'.', digits @ ..] = rest else {
        return Ok((0, rest));
    };
    let length = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if length == 0 {
        return Err(Fault::NotAnInstant);
    }
    let shown = digits[..length]
        .iter()
        .chain(std::iter::repeat(&b'0'))
        .take(6);
    let micros = shown.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'));
    Ok((micros, &digits[length..]))
}

/// Parses an offset from UTC to seconds.
fn parse_offset(rest: &[u8]) -> Result<i64, Fault> {
    let (sign, [h1, h2, b':', m1, m2]) = (match rest {
        [b'Z' | b'z'] => return Ok(0),
        [b'+', offset @ ..] => (1, offset),
        [b'-', offset @ ..] => (-1, offset),
        _ => return Err(Fault::NotAnInstant),
    }) else {
        return Err(Fault::NotAnInstant);
    };
    if ![h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::NotAnInstant);
    }
    let number = |tens: &u8, ones: &u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    let (hours, minutes) = (number(h1, h2), number(m1, m2));
    if hours > 23 || minutes > 59 {
        return Err(Fault::NoSuchTime);
    }
    Ok(sign * (hours * 3_600 + minutes * 60))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days from 1970-01-01 to a date. Years are counted from March, so that the leap day is the last day.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Returns whether `seconds` since 1970 is the start of a month in UTC.
fn is_month_start(seconds: i64) -> bool {
    seconds % 86_400 == 0
        && DateTime::from_timestamp(seconds, 0).is_some_and(|at| chrono::Datelike::day(&at) == 1)
}

#[cfg(test)]
mod tests;
