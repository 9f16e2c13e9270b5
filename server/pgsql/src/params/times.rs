//! Reads days, times and instants in the spellings that PostgreSQL reads: `2026-01-31 12:30+02`, `Jan 31, 2026`, `20260131`,
//! `31 January 2026 11:30 PM America/New_York`, `epoch`, `infinity`.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use crate::types::zone::Zone;

/// Why a text is no value of a time type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidTime {
    /// It is not written as one.
    Syntax,
    /// It is written as one, with a day or hour that does not exist.
    Range,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// The fields of a time as it was written.
#[derive(Debug, Default)]
struct Written {
    date: Option<NaiveDate>,
    /// Microseconds since midnight, up to those of a whole day.
    time: Option<i64>,
    zone: Option<Zone>,
    afternoon: Option<bool>,
    before_christ: bool,
    month: Option<u32>,
    numbers: Vec<(u32, usize)>,
}

const SECOND: i64 = 1_000_000;

/// Returns the place of a name that begins with a word of three letters or more.
fn find_name(names: &[&str], word: &str) -> Option<u32> {
    let word = word.trim_end_matches('.');
    let at = names
        .iter()
        .position(|name| word.len() >= 3 && name.starts_with(word))?;
    u32::try_from(at).ok()
}

fn number(text: &str) -> Result<u32, InvalidTime> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidTime::Syntax);
    }
    text.parse().map_err(|_| InvalidTime::Range)
}

/// Completes a year of two digits: 1970 to 2069.
fn full_year(year: u32, digits: usize) -> u32 {
    match (digits, year) {
        (0..=2, 0..70) => 2000 + year,
        (0..=2, _) => 1900 + year,
        _ => year,
    }
}

/// The first year of which times are read: PostgreSQL's.
pub const FIRST_YEAR: i32 = -4713;
/// The last year of which times are read: a year before chrono's last, so that a time has a local time in every zone.
pub const LAST_YEAR: i32 = 262_141;

fn day(year: u32, month: u32, day: u32) -> Result<NaiveDate, InvalidTime> {
    let year = i32::try_from(year).ok().filter(|year| *year <= LAST_YEAR);
    NaiveDate::from_ymd_opt(year.ok_or(InvalidTime::Range)?, month, day).ok_or(InvalidTime::Range)
}

impl Written {
    fn read(text: &str) -> Result<Written, InvalidTime> {
        let mut written = Written::default();
        for word in text.split_whitespace() {
            written.word(word.trim_end_matches(','))?;
        }
        written.combine()?;
        Ok(written)
    }

    fn word(&mut self, word: &str) -> Result<(), InvalidTime> {
        let first = word.bytes().next().ok_or(InvalidTime::Syntax)?;
        // `2026-01-31T12:00`
        if let Some((date, time)) = word.split_once('t')
            && first.is_ascii_digit()
            && !date.is_empty()
            && date
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
        {
            self.word(date)?;
            return self.word(time);
        }
        if word.contains(':') && !matches!(first, b'+' | b'-') {
            return self.clock(word);
        }
        match first {
            // After a day alone as well: so JDBC's driver writes a date.
            b'+' | b'-' if self.time.is_some() || self.date.is_some() => self.set_zone(word),
            b'0'..=b'9' => self.digits(word),
            b'a'..=b'z' => self.letters(word),
            _ => Err(InvalidTime::Syntax),
        }
    }

    /// Reads `hh:mm[:ss[.ffffff]]`, and a zone right after it.
    fn clock(&mut self, word: &str) -> Result<(), InvalidTime> {
        let end = word
            .find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.'))
            .unwrap_or(word.len());
        let (clock, rest) = word.split_at(end);
        let mut fields = clock.split(':');
        let hours = number(fields.next().unwrap_or_default())?;
        let minutes = number(fields.next().unwrap_or_default())?;
        let (seconds, fraction) = match fields.next() {
            Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "")),
            None => ("0", ""),
        };
        if fields.next().is_some() {
            return Err(InvalidTime::Syntax);
        }
        let seconds = number(seconds)?;
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidTime::Syntax);
        }
        let micros = format!("0.{fraction}0")
            .parse::<f64>()
            .map_err(|_| InvalidTime::Syntax)?;
        let total = i64::from(hours * 3600 + minutes * 60 + seconds) * SECOND
            + (micros * SECOND as f64).round() as i64;
        if hours > 24 || minutes > 59 || seconds > 60 || total > 86_400 * SECOND {
            return Err(InvalidTime::Range);
        }
        self.time = Some(total);
        match rest {
            "" => Ok(()),
            "am" | "pm" => self.letters(rest),
            zone => self.set_zone(zone),
        }
    }

    fn set_zone(&mut self, word: &str) -> Result<(), InvalidTime> {
        self.zone = Some(Zone::parse(word).ok_or(InvalidTime::Syntax)?);
        Ok(())
    }

    fn letters(&mut self, word: &str) -> Result<(), InvalidTime> {
        match word {
            "am" => self.afternoon = Some(false),
            "pm" => self.afternoon = Some(true),
            "bc" => self.before_christ = true,
            "ad" => {}
            _ => {
                if word.contains('-') && self.date.is_none() && !word.contains('/') {
                    return self.read_dashed(word);
                }
                if let Some(month) = find_name(&MONTHS, word) {
                    self.month = Some(month + 1);
                } else if find_name(&DAYS, word).is_none() {
                    return self.set_zone(word);
                }
            }
        }
        Ok(())
    }

    fn digits(&mut self, word: &str) -> Result<(), InvalidTime> {
        if word.contains(['-', '/']) {
            return self.read_dashed(word);
        }
        if let Some((year, rest)) = word.split_once('.') {
            // A year and the day of the year.
            let year = i32::try_from(number(year)?).map_err(|_| InvalidTime::Range)?;
            let date = NaiveDate::from_yo_opt(year, number(rest)?).ok_or(InvalidTime::Range)?;
            self.date = Some(date);
            return Ok(());
        }
        let digits = word.trim_end_matches(['s', 't', 'n', 'd', 'r', 'h']);
        match digits.len() {
            8 => {
                self.date = Some(day(
                    number(&digits[..4])?,
                    number(&digits[4..6])?,
                    number(&digits[6..])?,
                )?);
            }
            6 if self.date.is_some() && self.time.is_none() => {
                let clock = format!("{}:{}:{}", &digits[..2], &digits[2..4], &digits[4..]);
                return self.clock(&clock);
            }
            length => self.numbers.push((number(digits)?, length)),
        }
        Ok(())
    }

    /// Reads `2026-01-31`, `1/31/2026`, `31-Jan-2026`, `Jan-31-2026`.
    fn read_dashed(&mut self, word: &str) -> Result<(), InvalidTime> {
        let parts: Vec<&str> = word.split(['-', '/']).collect();
        let [a, b, c] = parts.as_slice() else {
            return Err(InvalidTime::Syntax);
        };
        let date = if let Some(month) = find_name(&MONTHS, a) {
            day(full_year(number(c)?, c.len()), month + 1, number(b)?)?
        } else if let Some(month) = find_name(&MONTHS, b) {
            let (year, of_month) = if a.len() > 2 { (a, c) } else { (c, a) };
            day(
                full_year(number(year)?, year.len()),
                month + 1,
                number(of_month)?,
            )?
        } else if a.len() > 2 {
            day(number(a)?, number(b)?, number(c)?)?
        } else {
            // Month, day, year: DateStyle is MDY.
            day(full_year(number(c)?, c.len()), number(a)?, number(b)?)?
        };
        self.date = Some(date);
        Ok(())
    }

    fn combine(&mut self) -> Result<(), InvalidTime> {
        if let Some(month) = self.month {
            // `Jan 31 2026`, `31 Jan 2026`, `2026 Jan 31`
            let [(first, first_length), (second, second_length)] = self.numbers.as_slice() else {
                return Err(InvalidTime::Syntax);
            };
            let (of_month, year, length) = if *first_length > 2 {
                (*second, *first, *first_length)
            } else {
                (*first, *second, *second_length)
            };
            self.date = Some(day(full_year(year, length), month, of_month)?);
        } else if !self.numbers.is_empty() {
            return Err(InvalidTime::Syntax);
        }
        if let (Some(afternoon), Some(time)) = (self.afternoon, self.time) {
            const HALF: i64 = 12 * 3600 * SECOND;
            if time >= HALF + 3600 * SECOND {
                return Err(InvalidTime::Range);
            }
            self.time = Some(time % HALF + if afternoon { HALF } else { 0 });
        }
        if self.before_christ
            && let Some(date) = self.date
        {
            let date = date.with_year(1 - date.year());
            let date = date.filter(|date| date.year() >= FIRST_YEAR);
            self.date = Some(date.ok_or(InvalidTime::Range)?);
        }
        Ok(())
    }

    fn local(&self) -> Result<NaiveDateTime, InvalidTime> {
        let date = self.date.ok_or(InvalidTime::Syntax)?;
        date.and_time(NaiveTime::MIN)
            .checked_add_signed(TimeDelta::microseconds(self.time.unwrap_or(0)))
            .ok_or(InvalidTime::Range)
    }
}

/// Returns the instant that a word stands for, in microseconds since 1970: `now`, `today`, `epoch`, `infinity`.
fn special_word(text: &str, zone: Zone) -> Option<i64> {
    let now = chrono::Utc::now();
    let midnight = |days: i64| {
        let local =
            now.naive_utc() + TimeDelta::seconds(i64::from(zone.offset_at(&now.naive_utc())));
        let day = local.date() + TimeDelta::days(days);
        zone.instant_of(day.and_time(NaiveTime::MIN))
    };
    Some(match text {
        "epoch" => 0,
        "now" => now.timestamp_micros(),
        "today" => midnight(0),
        "tomorrow" => midnight(1),
        "yesterday" => midnight(-1),
        "infinity" | "+infinity" => i64::MAX,
        "-infinity" => i64::MIN,
        _ => return None,
    })
}

/// Reads a date, as days since 1970.
pub fn date(text: &str, zone: Zone) -> Result<i32, InvalidTime> {
    let text = text.trim().to_ascii_lowercase();
    match special_word(&text, zone) {
        Some(i64::MAX) => return Ok(i32::MAX),
        Some(i64::MIN) => return Ok(i32::MIN),
        Some(micros) => {
            let utc = DateTime::from_timestamp_micros(micros)
                .ok_or(InvalidTime::Range)?
                .naive_utc();
            let local = utc + TimeDelta::seconds(i64::from(zone.offset_at(&utc)));
            // The epoch is a day of UTC.
            let local = if micros == 0 { utc } else { local };
            return Ok(local.date().to_epoch_days());
        }
        None => {}
    }
    // Of a date and a time the date counts, whatever the zone.
    Ok(Written::read(&text)?
        .date
        .ok_or(InvalidTime::Syntax)?
        .to_epoch_days())
}

/// Reads a local time, as microseconds since 1970. A zone in the text has no effect; words such as `now` are of the given zone.
pub fn local(text: &str, zone: Zone) -> Result<i64, InvalidTime> {
    let text = text.trim().to_ascii_lowercase();
    if let Some(micros) = special_word(&text, zone) {
        let Some(utc) = DateTime::from_timestamp_micros(micros).filter(|_| micros != 0) else {
            return Ok(micros);
        };
        return Ok(micros + i64::from(zone.offset_at(&utc.naive_utc())) * SECOND);
    }
    within(Written::read(&text)?.local()?.and_utc().timestamp_micros())
}

/// Refuses a time before PostgreSQL's first one, the beginning of the Julian period.
fn within(micros: i64) -> Result<i64, InvalidTime> {
    /// 4714-11-24 BC.
    const FIRST: i64 = -210_866_803_200_000_000;
    if micros < FIRST {
        return Err(InvalidTime::Range);
    }
    Ok(micros)
}

/// Reads an instant, as microseconds since 1970 UTC; one without a zone is in the given zone.
pub fn instant(text: &str, zone: Zone) -> Result<i64, InvalidTime> {
    let text = text.trim().to_ascii_lowercase();
    if let Some(micros) = special_word(&text, zone) {
        return Ok(micros);
    }
    let written = Written::read(&text)?;
    within(written.zone.unwrap_or(zone).instant_of(written.local()?))
}

/// Reads a time of day, as microseconds since midnight.
pub fn time(text: &str) -> Result<i64, InvalidTime> {
    let written = Written::read(&text.trim().to_ascii_lowercase())?;
    written.time.ok_or(InvalidTime::Syntax)
}

/// Returns the microseconds since midnight of a time.
pub fn micros_of_day(time: NaiveTime) -> i64 {
    i64::from(time.num_seconds_from_midnight()) * SECOND + i64::from(time.nanosecond() / 1000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-01-31", "2026-01-31")]
    #[case("20260131", "2026-01-31")]
    #[case("January 31, 2026", "2026-01-31")]
    #[case("31 Jan 2026", "2026-01-31")]
    #[case("Jan-31-2026", "2026-01-31")]
    #[case("1/31/2026", "2026-01-31")]
    #[case("2026.031", "2026-01-31")]
    #[case("Sat 31 Jan 2026 10:00", "2026-01-31")]
    fn days_are_read(#[case] text: &str, #[case] expected: &str) {
        let days = date(text, Zone::UTC).unwrap();
        assert_eq!(
            NaiveDate::from_epoch_days(days).unwrap().to_string(),
            expected
        );
    }

    #[rstest]
    #[case("2026-01-31 12:30+02", "2026-01-31T10:30:00+00:00")]
    #[case("2026-01-31T12:30:15.5Z", "2026-01-31T12:30:15.500+00:00")]
    #[case("2026-01-31 12:30", "2026-01-31T17:30:00+00:00")]
    #[case("2026-01-31 11:30 PM UTC", "2026-01-31T23:30:00+00:00")]
    #[case("2026-01-31 12:30 Europe/Berlin", "2026-01-31T11:30:00+00:00")]
    #[case("2026-01-31 12:30 -05:30", "2026-01-31T18:00:00+00:00")]
    #[case("2026-01-31 24:00", "2026-02-01T05:00:00+00:00")]
    fn instants_are_read(#[case] text: &str, #[case] expected: &str) {
        let zone = Zone::parse("America/New_York").unwrap();
        let micros = instant(text, zone).unwrap();
        let shown = DateTime::from_timestamp_micros(micros).unwrap();
        assert_eq!(shown.to_rfc3339(), expected);
    }

    #[rstest]
    #[case("soon", InvalidTime::Syntax)]
    #[case("", InvalidTime::Syntax)]
    #[case("12", InvalidTime::Syntax)]
    #[case("2026-02-30", InvalidTime::Range)]
    #[case("2026-13-01", InvalidTime::Range)]
    #[case("2026-01-31 25:00", InvalidTime::Range)]
    #[case("2026-01-31 Mars/Olympus", InvalidTime::Syntax)]
    fn a_text_that_is_no_instant_says_why(#[case] text: &str, #[case] expected: InvalidTime) {
        assert_eq!(instant(text, Zone::UTC), Err(expected));
    }
}
