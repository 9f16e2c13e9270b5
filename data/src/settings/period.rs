//! Parses and formats durations of settings: `N days`, `N hours`, `N minutes` or `N seconds`.

use std::fmt;
use std::str::FromStr;

/// The accepted forms, as error messages state them.
pub(super) const ACCEPTED: &str = "N days, N hours, N minutes or N seconds (of at most 36500 days)";

/// The units, longest first: the singular name, and its seconds.
const UNITS: [(&str, u64); 4] = [
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
];

/// Holds an elapsed time in whole seconds. A day always has 86,400 seconds, whatever the clocks do (SPEC section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    seconds: u64,
}

/// Reports a text that is no duration; its message states the accepted forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("accepted: {ACCEPTED}")]
pub struct InvalidPeriod;

impl Period {
    /// Zero seconds.
    pub const ZERO: Period = Period { seconds: 0 };
    /// The longest accepted duration, a hundred years: a longer one is a mistake.
    const LONGEST: Period = Period::days(36_500);

    pub(super) const fn days(days: u64) -> Period {
        Period {
            seconds: days * 86_400,
        }
    }

    pub(super) const fn hours(hours: u64) -> Period {
        Period {
            seconds: hours * 3_600,
        }
    }

    /// Returns the duration in seconds.
    pub const fn seconds(self) -> u64 {
        self.seconds
    }

    /// Returns the duration in microseconds, the unit of instants.
    pub const fn micros(self) -> i64 {
        // The longest duration has 3.2e15 microseconds, so this cannot overflow.
        self.seconds as i64 * 1_000_000
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Period, InvalidPeriod> {
        let (count, unit) = text.split_once(' ').ok_or(InvalidPeriod)?;
        let singular = unit.strip_suffix('s').unwrap_or(unit);
        let (_, seconds) = UNITS
            .iter()
            .find(|(name, _)| *name == singular)
            .ok_or(InvalidPeriod)?;
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidPeriod);
        }
        let seconds = count
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(*seconds))
            .ok_or(InvalidPeriod)?;
        Some(Period { seconds })
            .filter(|period| *period <= Period::LONGEST)
            .ok_or(InvalidPeriod)
    }
}

impl fmt::Display for Period {
    /// Formats the duration in the longest unit that divides it, such as `36 hours` or `1 day`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, seconds): &&(&str, u64)| {
            self.seconds.is_multiple_of(*seconds) && self.seconds >= *seconds
        };
        let (name, seconds) = UNITS.iter().find(whole).unwrap_or(&UNITS[3]);
        let count = self.seconds / seconds;
        write!(f, "{count} {name}{}", if count == 1 { "" } else { "s" })
    }
}
