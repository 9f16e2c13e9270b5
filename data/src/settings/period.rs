//! Lengths of time as settings write them: `N days`, `N hours`, `N minutes` or `N seconds`.

use std::fmt;
use std::str::FromStr;

/// The accepted forms.
pub(super) const ACCEPTED: &str = "N days, N hours, N minutes or N seconds (of at most 36500 days)";

/// The units, longest first: the name for one, and its seconds.
const UNITS: [(&str, u64); 4] = [
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
];

/// A length of elapsed time in whole seconds; a day is 86,400 of them whatever the clocks do (SPEC section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    seconds: u64,
}

/// A text that is no length of time; says what would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("accepted: {ACCEPTED}")]
pub struct NoPeriod;

impl Period {
    /// No time at all.
    pub const ZERO: Period = Period { seconds: 0 };
    /// A hundred years, beyond which nothing is meant seriously.
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

    /// Its whole seconds.
    pub const fn seconds(self) -> u64 {
        self.seconds
    }

    /// Its microseconds, in which instants are counted.
    pub const fn micros(self) -> i64 {
        // A hundred years are 3.2e15 microseconds.
        self.seconds as i64 * 1_000_000
    }
}

impl FromStr for Period {
    type Err = NoPeriod;

    fn from_str(text: &str) -> Result<Period, NoPeriod> {
        let (count, unit) = text.split_once(' ').ok_or(NoPeriod)?;
        let singular = unit.strip_suffix('s').unwrap_or(unit);
        let (_, seconds) = UNITS
            .iter()
            .find(|(name, _)| *name == singular)
            .ok_or(NoPeriod)?;
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NoPeriod);
        }
        let seconds = count
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(*seconds))
            .ok_or(NoPeriod)?;
        Some(Period { seconds })
            .filter(|period| *period <= Period::LONGEST)
            .ok_or(NoPeriod)
    }
}

impl fmt::Display for Period {
    /// In the longest unit that it is whole in, `24 hours` rather than `1 day`: that is how the presets write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, seconds): &&(&str, u64)| {
            self.seconds.is_multiple_of(*seconds) && self.seconds >= *seconds
        };
        let (name, seconds) = UNITS.iter().find(whole).unwrap_or(&UNITS[3]);
        let count = self.seconds / seconds;
        write!(f, "{count} {name}{}", if count == 1 { "" } else { "s" })
    }
}
