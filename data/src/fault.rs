//! What can be wrong with one value, whatever form of input it came in, in the words that `rejected_events` has (SPEC E3).

use std::fmt;

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    NotText,
    NotATextList,
    NotAFlag,
    NotWhole,
    NotARating,
    NotADecimal,
    Negative,
    TooManyDecimals,
    TooLarge,
    NotAnInstant,
    NoSuchDate,
    NoSuchTime,
    NoCharacter,
    /// U+0000, which PostgreSQL's text cannot hold (SPEC E7).
    Nul,
    TooLong,
    NotAnAccount,
    NotACurrency,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::NotText => "is not a string",
            Fault::NotATextList => "is not a list of strings",
            Fault::NotAFlag => "is not true or false",
            Fault::NotWhole => "is not a whole number from 0 to 9223372036854775807",
            Fault::NotARating => "is not a whole number from 1 to 5",
            Fault::NotADecimal => "is not a decimal number or a string of one",
            Fault::Negative => "is negative",
            Fault::TooManyDecimals => "has more than 4 decimals",
            Fault::TooLarge => "is too large (at most 99999999999999.9999)",
            Fault::NotAnInstant => {
                "is not an RFC 3339 instant with an offset (2026-01-31T12:00:00Z)"
            }
            Fault::NoSuchDate => "has a date that does not exist",
            Fault::NoSuchTime => "has a time or an offset that does not exist",
            Fault::NoCharacter => "has an escape that stands for no character",
            Fault::Nul => "has U+0000, which no PostgreSQL text can hold",
            Fault::TooLong => "has more than 128 characters",
            Fault::NotAnAccount => "is not of the form [A-Za-z0-9_-]{1,64}",
            Fault::NotACurrency => "is not three capitals (ISO 4217)",
        })
    }
}
