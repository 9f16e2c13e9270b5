//! How many digits after the point a number is shown with.
//!
//! A `numeric` of PostgreSQL has as many as it needs, value by value; a column of Arrow has one number of them. So a field
//! says in its metadata how its numbers are shown: functions mark it, encodings read the mark.

use datafusion::arrow::datatypes::{DataType, Field};

/// Digits after the point of a quotient.
pub const QUOTIENT_SCALE: i8 = 20;

/// On a field that holds quotients: the least number of digits after the point that they are shown with.
pub const QUOTIENT: &str = "rapport.quotient";

/// On a field that holds numbers of which each is shown with the digits that it has: the scale of their type.
pub const NEEDED: &str = "rapport.needed_digits";

/// PostgreSQL's groups of digits.
pub const GROUP: u128 = 10_000;

/// Digits that count which a quotient has at least.
pub const SIGNIFICANT: i32 = 16;

/// How many digits after the point numbers are shown with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// As many as their type has.
    Scale,
    /// As PostgreSQL gives quotients, and at least so many.
    Quotient(i8),
    /// As many as each has.
    Needed,
}

impl Digits {
    /// Those of a field's numbers.
    pub fn of(field: &Field) -> Digits {
        // A cast keeps the mark, though what it makes is not what was marked any more.
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

/// How many digits after the point a quotient is shown with, by its value.
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
