//! Time zones by the names that PostgreSQL understands.

use std::fmt;
use std::str::FromStr;

use chrono::{FixedOffset, NaiveDateTime, TimeDelta};
use rapport_zones::Tz;

/// A time zone: one of the IANA database, or a fixed offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// A zone of the IANA database.
    Named(Tz),
    /// Seconds east of UTC.
    Fixed(i32),
}

/// Abbreviations that PostgreSQL knows by default and the IANA database has no zone for, in hours east of UTC.
const ABBREVIATIONS: &[(&str, i32)] = &[
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("AKST", -9),
    ("AKDT", -8),
    ("BST", 1),
    ("CEST", 2),
    ("EEST", 3),
    ("MSK", 3),
    ("JST", 9),
    ("KST", 9),
    ("AEST", 10),
    ("AEDT", 11),
    ("NZST", 12),
    ("NZDT", 13),
];

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone::Named(Tz::UTC);

    /// Reads the name of a zone (`Europe/Berlin`, in any case), or hours east of UTC (`-7`, `5.5`, `+05:30`).
    pub fn parse(text: &str) -> Option<Zone> {
        // As `Display` writes it: `<+05:30>-05:30`.
        let text = text.trim();
        let text = match text.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            Some((distance, _)) => distance,
            None => text,
        };
        if text.eq_ignore_ascii_case("utc")
            || text.eq_ignore_ascii_case("gmt")
            || text.eq_ignore_ascii_case("z")
        {
            return Some(Zone::UTC);
        }
        if let Some(zone) = Tz::find_ignoring_case(text) {
            return Some(Zone::Named(zone));
        }
        if let Some((_, hours)) = ABBREVIATIONS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
        {
            return Some(Zone::Fixed(hours * 3600));
        }
        let (sign, digits) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let seconds = if let Some((hours, minutes)) = digits.split_once(':') {
            let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
            if minutes > 59 {
                return None;
            }
            i32::from(hours) * 3600 + i32::from(minutes) * 60
        } else {
            let hours = f64::from_str(digits)
                .ok()
                .filter(|hours| (0.0..=16.0).contains(hours))?;
            (hours * 3600.0).round() as i32
        };
        (seconds <= 16 * 3600).then_some(Zone::Fixed(sign * seconds))
    }

    /// Returns the offset at an instant, given in UTC, in seconds east of UTC.
    pub fn offset_at(self, utc: &NaiveDateTime) -> i32 {
        match self {
            Zone::Named(zone) => zone.period_at(utc.and_utc().timestamp()).offset,
            Zone::Fixed(seconds) => seconds,
        }
    }

    /// Returns the instant of a local time, in microseconds since 1970 UTC. As in PostgreSQL, a skipped time counts by the clock
    /// before, and a time that comes twice by the clock after.
    pub fn instant_of(self, local: NaiveDateTime) -> i64 {
        let offset = match self {
            Zone::Fixed(seconds) => seconds,
            Zone::Named(named) => match named.periods_showing(local.and_utc().timestamp()).last() {
                Some(after) => after.offset,
                None => self.offset_at(&(local - TimeDelta::days(1))),
            },
        };
        (local - TimeDelta::seconds(i64::from(offset)))
            .and_utc()
            .timestamp_micros()
    }

    /// Reads a zone as `AT TIME ZONE` does: a bare offset is POSIX's there, west of UTC.
    pub fn parse_posix(text: &str) -> Option<Zone> {
        let zone = Zone::parse(text)?;
        Some(match zone {
            Zone::Fixed(seconds)
                if text
                    .trim()
                    .starts_with(['-', '+', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) =>
            {
                Zone::Fixed(-seconds)
            }
            zone => zone,
        })
    }

    /// Returns the zone's abbreviation at an instant, given in UTC.
    pub fn abbreviation_at(self, utc: &NaiveDateTime) -> String {
        match self {
            Zone::Named(zone) => {
                let period = zone.period_at(utc.and_utc().timestamp());
                period.abbreviation.to_owned()
            }
            Zone::Fixed(_) => self.arrow_name(),
        }
    }

    /// Returns the name of the zone in Arrow and DataFusion.
    pub fn arrow_name(self) -> String {
        match self {
            Zone::Named(zone) => zone.name().to_owned(),
            Zone::Fixed(seconds) => FixedOffset::east_opt(seconds / 60 * 60)
                .map_or_else(|| "UTC".to_owned(), |o| o.to_string()),
        }
    }
}

impl fmt::Display for Zone {
    /// Writes the zone as SHOW prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Named(zone) => f.write_str(zone.name()),
            // PostgreSQL names fixed offsets in the POSIX manner, with the sign turned around.
            Zone::Fixed(seconds) => {
                let (sign, posix) = if *seconds < 0 { ('-', '+') } else { ('+', '-') };
                let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
                if minutes == 0 {
                    write!(f, "<{sign}{hours:02}>{posix}{hours:02}")
                } else {
                    write!(
                        f,
                        "<{sign}{hours:02}:{minutes:02}>{posix}{hours:02}:{minutes:02}"
                    )
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Europe/Berlin", Some("Europe/Berlin"))]
    #[case("europe/berlin", Some("Europe/Berlin"))]
    #[case("utc", Some("UTC"))]
    #[case("-7", Some("<-07>+07"))]
    #[case("5.5", Some("<+05:30>-05:30"))]
    #[case("+05:30", Some("<+05:30>-05:30"))]
    #[case("Mars/Olympus", None)]
    #[case("", None)]
    #[case("<+05:30>-05:30", Some("<+05:30>-05:30"))]
    #[case("99", None)]
    fn names_and_distances(#[case] text: &str, #[case] shown: Option<&str>) {
        assert_eq!(
            Zone::parse(text).map(|zone| zone.to_string()).as_deref(),
            shown
        );
    }
}
