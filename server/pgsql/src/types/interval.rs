//! Reads intervals as PostgreSQL does: `1 year 2 mons 3 days 04:05:06.7`, `P1Y2M3DT4H5M6.7S`, `@ 5 minutes ago`.

use datafusion::arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, DurationMicrosecondType, IntervalMonthDayNano, TimeUnit,
};
use datafusion::arrow::error::ArrowError;

/// The parts of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Microseconds.
    pub microseconds: i64,
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Converts differences of two times to intervals of days and a time, as PostgreSQL has them.
///
/// # Errors
/// If an array is none of durations, or they do not fit microseconds.
pub fn from_durations(array: &ArrayRef) -> Result<IntervalMonthDayNanoArray, ArrowError> {
    let array = cast(array, &DataType::Duration(TimeUnit::Microsecond))?;
    let micros = array.as_primitive::<DurationMicrosecondType>();
    Ok(micros
        .unary(|micros| IntervalMonthDayNano::new(0, (micros / DAY) as i32, micros % DAY * 1000)))
}

/// Reads an interval; none where the text is no interval, or out of range.
pub fn parse(text: &str) -> Option<Parts> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('P') {
        return parse_iso(rest);
    }
    let lower = text.to_ascii_lowercase();
    let mut rest = lower.strip_prefix('@').unwrap_or(&lower).trim();
    let ago = rest
        .strip_suffix("ago")
        .inspect(|before| rest = before.trim())
        .is_some();
    let mut parts = Parts::default();
    let mut any = false;
    let words = split(rest);
    let mut words = words.iter().map(String::as_str).peekable();
    let mut minus = false;
    while let Some(word) = words.next() {
        // A sign may stand by itself before a number.
        if matches!(word, "-" | "+") {
            minus = word == "-";
            continue;
        }
        any = true;
        if word.contains(':') {
            parts.microseconds = parts.microseconds.checked_add(clock(word)?)?;
            continue;
        }
        let number: f64 = word.parse().ok()?;
        let number = if std::mem::take(&mut minus) {
            -number
        } else {
            number
        };
        match words.peek() {
            Some(unit) if !unit.contains(':') && unit.parse::<f64>().is_err() => {
                let unit = words.next()?;
                parts.add(number, unit)?;
            }
            // A number before a time is days, and one alone is seconds.
            Some(_) => parts.add(number, "days")?,
            None => parts.add(number, "seconds")?,
        }
    }
    if !any {
        return None;
    }
    if ago {
        parts = Parts {
            months: parts.months.checked_neg()?,
            days: parts.days.checked_neg()?,
            microseconds: parts.microseconds.checked_neg()?,
        };
    }
    Some(parts)
}

/// Whether a text has a minus before its first field and no other sign: the SQL standard's style takes it for all fields.
pub fn has_one_sign(text: &str) -> bool {
    let signs = text.split_whitespace();
    let mut signed = signs.map(|field| field.starts_with(['-', '+']));
    text.trim().starts_with('-') && signed.by_ref().skip(1).all(|is_signed| !is_signed)
}

/// Splits numbers from units, also where nothing is between them: `3days`.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let end = word
            .find(|c: char| c.is_ascii_alphabetic())
            .filter(|at| *at > 0);
        match end {
            Some(at) => words.extend([word[..at].to_owned(), word[at..].to_owned()]),
            None => words.push(word.to_owned()),
        }
    }
    words
}

/// Reads `[-]hh:mm[:ss[.ffffff]]` as microseconds.
fn clock(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut fields = digits.split(':');
    let hours: i64 = fields.next()?.parse().ok()?;
    let minutes: i64 = fields
        .next()?
        .parse()
        .ok()
        .filter(|minutes| (0..60).contains(minutes))?;
    let seconds: f64 = match fields.next() {
        Some(seconds) => seconds
            .parse()
            .ok()
            .filter(|seconds| (0.0..60.0).contains(seconds))?,
        None => 0.0,
    };
    if fields.next().is_some() {
        return None;
    }
    let whole = hours
        .checked_mul(3600)?
        .checked_add(minutes * 60)?
        .checked_mul(SECOND)?;
    Some(sign * whole.checked_add((seconds * SECOND as f64).round() as i64)?)
}

impl Parts {
    /// Returns it as Arrow's interval, which counts nanoseconds; none where it has no room for them.
    pub fn to_arrow(self) -> Option<IntervalMonthDayNano> {
        let nanoseconds = self.microseconds.checked_mul(1000)?;
        Some(IntervalMonthDayNano::new(
            self.months,
            self.days,
            nanoseconds,
        ))
    }

    /// Makes each part negative, whatever sign it has.
    pub fn negative(self) -> Parts {
        Parts {
            months: -self.months.saturating_abs(),
            days: -self.days.saturating_abs(),
            microseconds: -self.microseconds.saturating_abs(),
        }
    }

    /// Adds a number of a unit; a fraction of it goes to the smaller units, as in PostgreSQL.
    fn add(&mut self, number: f64, unit: &str) -> Option<()> {
        let months = match unit {
            "millennium" | "millennia" | "mil" | "mils" => 12_000.0,
            "century" | "centuries" | "c" | "cent" => 1200.0,
            "decade" | "decades" | "dec" | "decs" => 120.0,
            "year" | "years" | "y" | "yr" | "yrs" => 12.0,
            "quarter" | "quarters" | "qtr" => 3.0,
            "month" | "months" | "mon" | "mons" => 1.0,
            _ => 0.0,
        };
        if months > 0.0 {
            let all = number * months;
            self.months = self.months.checked_add(whole(all)?)?;
            return self.add_days(all.fract() * 30.0);
        }
        let seconds = match unit {
            "week" | "weeks" | "w" => return self.add_days(number * 7.0),
            "day" | "days" | "d" => return self.add_days(number),
            "hour" | "hours" | "h" | "hr" | "hrs" => 3600.0,
            "minute" | "minutes" | "m" | "min" | "mins" => 60.0,
            "second" | "seconds" | "s" | "sec" | "secs" => 1.0,
            "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" => 0.001,
            "microsecond" | "microseconds" | "us" | "usec" | "usecs" => 0.000_001,
            _ => return None,
        };
        self.add_microseconds(number * seconds * SECOND as f64)
    }

    fn add_days(&mut self, days: f64) -> Option<()> {
        self.days = self.days.checked_add(whole(days)?)?;
        self.add_microseconds(days.fract() * DAY as f64)
    }

    fn add_microseconds(&mut self, microseconds: f64) -> Option<()> {
        if microseconds.abs() > i64::MAX as f64 / 2.0 {
            return None;
        }
        self.microseconds = self.microseconds.checked_add(microseconds.round() as i64)?;
        Some(())
    }
}

fn whole(number: f64) -> Option<i32> {
    (number.abs() <= f64::from(i32::MAX)).then_some(number.trunc() as i32)
}

/// Reads ISO 8601's form, after its `P`.
fn parse_iso(text: &str) -> Option<Parts> {
    let mut parts = Parts::default();
    let mut time = false;
    let mut number = String::new();
    for c in text.chars() {
        match c {
            'T' => time = true,
            '0'..='9' | '.' | '-' | '+' => number.push(c),
            unit => {
                let unit = match (unit, time) {
                    ('Y', false) => "years",
                    ('M', false) => "months",
                    ('W', false) => "weeks",
                    ('D', false) => "days",
                    ('H', true) => "hours",
                    ('M', true) => "minutes",
                    ('S', true) => "seconds",
                    _ => return None,
                };
                parts.add(number.parse().ok()?, unit)?;
                number.clear();
            }
        }
    }
    (number.is_empty() && !text.is_empty()).then_some(parts)
}

/// Writes an interval as DataFusion's parser reads it.
pub fn plain(parts: Parts) -> String {
    format!(
        "{} months {} days {} microseconds",
        parts.months, parts.days, parts.microseconds
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1 day", (0, 1, 0))]
    #[case("1 year 2 mons 3 days 04:05:06.7", (14, 3, 14_706_700_000))]
    #[case("-1 day +02:03", (0, -1, 7_380_000_000))]
    #[case("1.5 months", (1, 15, 0))]
    #[case("3days", (0, 3, 0))]
    #[case("1 month - 1 day", (1, -1, 0))]
    #[case("1 12:00", (0, 1, 43_200_000_000))]
    #[case("90", (0, 0, 90_000_000))]
    #[case("@ 5 minutes ago", (0, 0, -300_000_000))]
    #[case("P1Y2M3DT4H5M6.7S", (14, 3, 14_706_700_000))]
    #[case("2 weeks", (0, 14, 0))]
    fn intervals_are_read_as_postgresql_reads_them(
        #[case] text: &str,
        #[case] expected: (i32, i32, i64),
    ) {
        let (months, days, microseconds) = expected;
        assert_eq!(
            parse(text),
            Some(Parts {
                months,
                days,
                microseconds
            })
        );
    }

    #[rstest]
    #[case("")]
    #[case("tomorrow")]
    #[case("1 fortnight")]
    #[case("1:2:3:4")]
    #[case("P")]
    #[case("99999999999 years")]
    fn a_text_that_is_no_interval_is_refused(#[case] text: &str) {
        assert_eq!(parse(text), None);
    }

    #[rstest]
    #[case("-1 day 02:03", true)]
    #[case("-1 day +02:03", false)]
    #[case("1 day -02:03", false)]
    #[case(" -5 mons", true)]
    fn a_sign_before_the_first_field_alone_is_found(#[case] text: &str, #[case] one: bool) {
        assert_eq!(has_one_sign(text), one);
    }
}
