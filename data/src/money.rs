//! Parses money from decimal text to whole steps of 0.0001 (SPEC E5), without using floats.

use crate::fault::Fault;

/// The greatest amount that DECIMAL(18,4) holds, in steps.
const GREATEST: i128 = 999_999_999_999_999_999;
/// The decimals of an amount.
const SCALE: i64 = 4;

/// Parses a JSON number to steps of 0.0001. Decimals are counted as written: `1.50000` has five, `15e-1` one, `1e2` none.
pub(crate) fn parse(text: &str) -> Result<i64, Fault> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text),
    };
    let (digits, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let (whole, decimals) = match digits.split_once('.') {
        Some((_, "")) => return Err(Fault::NotADecimal),
        Some(parts) => parts,
        None => (digits, ""),
    };
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
        return Err(Fault::NotADecimal);
    }
    let mut number = 0_i128;
    for digit in whole.bytes().chain(decimals.bytes()) {
        if !digit.is_ascii_digit() {
            return Err(Fault::NotADecimal);
        }
        number = number
            .saturating_mul(10)
            .saturating_add(i128::from(digit - b'0'));
    }
    let number = if negative { -number } else { number };
    let scale = i64::try_from(decimals.len())
        .unwrap_or(i64::MAX)
        .saturating_sub(exponent);
    if number < 0 {
        return Err(Fault::Negative);
    }
    if scale > SCALE {
        return Err(Fault::TooManyDecimals);
    }
    to_steps(number, scale)
}

/// Parses the exponent of a JSON number, saturating at the limits of `i64`.
fn parse_exponent(text: &str) -> Result<i64, Fault> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::NotADecimal);
    }
    let size = digits.iter().fold(0_i64, |size, digit| {
        size.saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    Ok(if negative { -size } else { size })
}

/// Converts a decimal, `number / 10^scale`, to steps of 0.0001. Trailing zeros do not count as decimals, because a column
/// has one scale for all its rows.
pub(crate) fn from_decimal(number: i128, scale: i8) -> Result<i64, Fault> {
    let (mut number, mut scale) = (number, i64::from(scale));
    if number < 0 {
        return Err(Fault::Negative);
    }
    while scale > SCALE {
        if number % 10 != 0 {
            return Err(Fault::TooManyDecimals);
        }
        (number, scale) = (number / 10, scale - 1);
    }
    to_steps(number, scale)
}

/// Converts `number / 10^scale` to steps of 0.0001; the scale must be at most 4.
fn to_steps(number: i128, scale: i64) -> Result<i64, Fault> {
    if number == 0 {
        return Ok(0);
    }
    let power = u32::try_from(SCALE.saturating_sub(scale)).map_err(|_| Fault::TooLarge)?;
    let steps = 10_i128
        .checked_pow(power)
        .and_then(|power| number.checked_mul(power))
        .ok_or(Fault::TooLarge)?;
    match i64::try_from(steps) {
        Ok(steps) if i128::from(steps) <= GREATEST => Ok(steps),
        _ => Err(Fault::TooLarge),
    }
}

#[cfg(test)]
mod tests;
