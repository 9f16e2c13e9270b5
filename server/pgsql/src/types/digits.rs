//! Decides how many digits after the point a number is shown with.
//!
//! A `numeric` of PostgreSQL has as many as it needs, value by value; a column of Arrow has one scale. So a field's metadata
//! says how its numbers are shown: functions write the mark, encoders read it.

use datafusion::arrow::datatypes::{DataType, Field};

/// The scale of quotients.
pub const QUOTIENT_SCALE: i8 = 20;

/// The mark of a field of quotients: the least number of digits after the point that each is shown with.
pub const QUOTIENT: &str = "rapport.quotient";

/// The mark of a field of numbers that are shown without zeros at their end: the scale of their type.
pub const NEEDED: &str = "rapport.needed_digits";

/// The base of PostgreSQL's numerics: it stores groups of four digits.
pub const GROUP: u128 = 10_000;

/// The least number of significant digits of a quotient.
pub const SIGNIFICANT: i32 = 16;

/// How many digits after the point numbers are shown with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// As many as the type has.
    Scale,
    /// As PostgreSQL gives a quotient, and at least so many.
    Quotient(i8),
    /// As many as each number needs.
    Needed,
}

impl Digits {
    /// Reads the mark of a field.
    pub fn of(field: &Field) -> Digits {
        // A cast keeps the mark, though its result is no longer what was marked.
        let DataType::Decimal128(38, scale) = field.data_type() else {
            return Digits::Scale;
        };
        let mark = |key: &str| field.metadata().get(key)?.parse::<i8>().ok();
        match (mark(QUOTIENT), mark(NEEDED)) {
            (Some(least), _) if *scale == QUOTIENT_SCALE => Digits::Quotient(least),
            (_, Some(needed)) if *scale == needed => Digits::Needed,
            _ => Digits::Scale,
        }
    }
}

/// Returns how many digits after the point a quotient, in steps of [`QUOTIENT_SCALE`], is shown with.
pub fn shown_digits(steps: i128, least: i8) -> i8 {
    let mut groups = 0;
    let mut whole = steps.unsigned_abs() / 10_u128.pow(u32::from(QUOTIENT_SCALE.unsigned_abs()));
    if whole == 0 {
        return QUOTIENT_SCALE;
    }
    while whole >= GROUP {
        whole /= GROUP;
        groups += 1;
    }
    let digits = (SIGNIFICANT - groups * 4).max(0);
    i8::try_from(digits).unwrap_or(QUOTIENT_SCALE).max(least)
}
