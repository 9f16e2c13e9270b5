//! Formats numbers, money, rates, durations and dates for the page; no other module does.
//!
//! What always holds: a null is never written as 0, and a shortened number is also in the HTML exactly, in `<data value>`.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use rapport_zones::Tz;

/// Represents an exact amount of money, in units of 0.0001 (SPEC E5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(pub i128);

/// How many units of [`Money`] are one of a currency.
const STEPS: i128 = 10_000;

impl Money {
    /// Writes all four decimals, as SQL does.
    pub fn exact(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let steps = self.0.unsigned_abs();
        let unit = STEPS.unsigned_abs();
        format!("{sign}{}.{:04}", steps / unit, steps % unit)
    }

    /// Converts to a float, for the geometry of a chart alone.
    pub fn approximate(self) -> f64 {
        self.0 as f64 / STEPS as f64
    }

    /// Rounds the absolute amount half up to `decimals` (at most 4); returns the whole part and the fraction's digits.
    fn round(self, decimals: u32) -> (u128, u128) {
        let step = 10_u128.pow(4 - decimals.min(4));
        let rounded = (self.0.unsigned_abs() + step / 2) / step;
        let unit = 10_u128.pow(decimals.min(4));
        (rounded / unit, rounded % unit)
    }
}

/// Formats amounts of a currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Currency {
    code: String,
    sign: String,
    decimals: u32,
}

impl Currency {
    /// Finds the sign and decimals of an ISO 4217 code; a currency without a known sign is written with its code.
    pub fn of(code: &str) -> Currency {
        let (sign, decimals) = match code {
            "USD" => ("$", 2),
            "EUR" => ("€", 2),
            "GBP" => ("£", 2),
            "JPY" => ("¥", 0),
            "CNY" => ("CN¥", 2),
            "INR" => ("₹", 2),
            "KRW" => ("₩", 0),
            "AUD" => ("A$", 2),
            "CAD" => ("CA$", 2),
            "NZD" => ("NZ$", 2),
            "BRL" => ("R$", 2),
            "MXN" => ("MX$", 2),
            "ILS" => ("₪", 2),
            "VND" => ("₫", 0),
            "CLP" | "ISK" | "PYG" | "UGX" | "XAF" | "XOF" | "XPF" => ("", 0),
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => ("", 3),
            _ => ("", 2),
        };
        let sign = match sign {
            "" => format!("{code}\u{a0}"),
            sign => sign.to_owned(),
        };
        Currency {
            code: code.to_owned(),
            sign,
            decimals,
        }
    }

    /// Returns the ISO 4217 code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Writes an amount with its cents, for tables and averages.
    pub fn cents(&self, amount: Money) -> String {
        self.write(amount, self.decimals)
    }

    /// Writes an amount for a headline: no cents from 1,000 on, millions from 10 million on.
    pub fn headline(&self, amount: Money) -> String {
        let whole = amount.0.unsigned_abs() / STEPS.unsigned_abs();
        match whole {
            0 if amount == Money(0) => self.write(amount, 0),
            0..1_000 => self.cents(amount),
            1_000..10_000_000 => self.write(amount, 0),
            _ => {
                let tenths = (whole + 50_000) / 100_000;
                let sign = minus(amount.0 < 0);
                format!("{sign}{}{}.{}M", self.sign, count(tenths / 10), tenths % 10)
            }
        }
    }

    /// Writes a round amount on an axis: `$2.5k`.
    pub fn axis(&self, amount: f64) -> String {
        format!("{}{}", self.sign, short(amount))
    }

    fn write(&self, amount: Money, decimals: u32) -> String {
        let (whole, fraction) = amount.round(decimals);
        let sign = minus(amount.0 < 0 && (whole, fraction) != (0, 0));
        let whole = count(whole);
        match decimals {
            0 => format!("{sign}{}{whole}", self.sign),
            _ => format!(
                "{sign}{}{whole}.{fraction:0width$}",
                self.sign,
                width = decimals as usize
            ),
        }
    }
}

fn minus(negative: bool) -> &'static str {
    if negative { "−" } else { "" }
}

/// Writes a count with commas between thousands.
pub fn count(value: impl TryInto<i128>) -> String {
    let value: i128 = value.try_into().unwrap_or(i128::MAX);
    let digits = value.unsigned_abs().to_string();
    let mut text = minus(value < 0).to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a number on an axis: `7.5k`, `30`, `1.2M`.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{}M", trimmed(value / 1e6, 2)),
        size if size >= 1e3 => format!("{}k", trimmed(value / 1e3, 2)),
        _ => trimmed(value, 2),
    }
}

/// Writes a number with at most so many decimals (at least one), without trailing zeros.
pub fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Writes a sum of credits: as a whole number if it is one, else with two decimals.
pub fn credits(value: f64) -> String {
    let hundredths = (value * 100.0).round() as i64;
    match hundredths % 100 {
        0 => count(hundredths / 100),
        rest => format!("{}.{:02}", count(hundredths / 100), rest.abs()),
    }
}

/// Writes a rate of 0 to 1 as a percentage with one decimal.
pub fn percent(rate: f64) -> String {
    format!("{}{:.1}%", minus(rate < -0.0005), (rate * 100.0).abs())
}

/// Writes a rate as a percentage with one decimal, or with none if that is 0.
pub fn short_percent(rate: f64) -> String {
    percent(rate).replace(".0%", "%")
}

/// Writes a fraction of a width as a percentage for SVG, without the sign.
pub fn length(fraction: f64) -> String {
    trimmed(fraction * 100.0, 2)
}

/// Writes a duration in its two largest units: `22 h 49 min`.
pub fn duration(seconds: i64) -> String {
    units(seconds, 2)
}

/// Writes a duration to the second: `22 h 49 min 49 s`.
pub fn whole_duration(seconds: i64) -> String {
    units(seconds, 4)
}

fn units(seconds: i64, most: usize) -> String {
    let size = seconds.unsigned_abs();
    let all = [
        (
            size / 86_400,
            if size / 86_400 == 1 { "day" } else { "days" },
        ),
        (size / 3_600 % 24, "h"),
        (size / 60 % 60, "min"),
        (size % 60, "s"),
    ];
    let first = all.iter().position(|(n, _)| *n > 0).unwrap_or(3);
    let shown = all.iter().skip(first).take(most);
    let words: Vec<String> = shown
        .enumerate()
        .filter(|(at, (n, _))| *at == 0 || *n > 0)
        .map(|(_, (n, unit))| format!("{n} {unit}"))
        .collect();
    format!("{}{}", minus(seconds < 0), words.join(" "))
}

/// Writes a day without its year: `27 Nov`.
pub fn day(date: NaiveDate) -> String {
    date.format("%-d %b").to_string()
}

/// Writes a day with its weekday: `Fri 27 Nov`.
pub fn weekday(date: NaiveDate) -> String {
    date.format("%a %-d %b").to_string()
}

/// Writes a range of days, with a common year or month written once: `29 Oct – 27 Nov 2026`, `1 – 27 Nov 2026`.
pub fn range(from: NaiveDate, to: NaiveDate) -> String {
    if from.year() == to.year() {
        format!("{} {}", range_in_year(from, to), to.year())
    } else {
        format!("{} – {}", from.format("%-d %b %Y"), to.format("%-d %b %Y"))
    }
}

fn range_in_year(from: NaiveDate, to: NaiveDate) -> String {
    if from == to {
        day(to)
    } else if from.month() == to.month() {
        format!("{} – {}", from.day(), day(to))
    } else {
        format!("{} – {}", day(from), day(to))
    }
}

/// Writes a range of days, without the year if it is that of `other`.
pub fn range_next_to(from: NaiveDate, to: NaiveDate, other: NaiveDate) -> String {
    if from.year() != other.year() || to.year() != other.year() {
        range(from, to)
    } else {
        range_in_year(from, to)
    }
}

/// Represents an instant in an account's time zone.
#[derive(Debug, Clone, Copy)]
pub struct Local(DateTime<Tz>);

impl Local {
    /// Converts an instant to a time zone.
    pub fn of(instant: DateTime<Utc>, zone: Tz) -> Local {
        Local(instant.with_timezone(&zone))
    }

    /// Writes the instant for machines: RFC 3339 with its offset.
    pub fn machine(&self) -> String {
        self.0.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    /// Writes day and minute, with the year if it is not that of `today`: `27 Nov, 23:46`.
    pub fn minute(&self, today: NaiveDate) -> String {
        self.shown("%H:%M", today)
    }

    /// Writes day and second: `22 Nov 2026, 13:36:42`.
    pub fn second(&self) -> String {
        self.0.format("%-d %b %Y, %H:%M:%S").to_string()
    }

    /// Writes day and second, with the year if it is not that of `today`.
    pub fn second_of(&self, today: NaiveDate) -> String {
        self.shown("%H:%M:%S", today)
    }

    /// Writes the time of day to the minute.
    pub fn clock(&self) -> String {
        self.0.format("%H:%M").to_string()
    }

    /// Writes the time of day to the second.
    pub fn clock_second(&self) -> String {
        self.0.format("%H:%M:%S").to_string()
    }

    /// Returns the calendar day of the time zone.
    pub fn date(&self) -> NaiveDate {
        self.0.date_naive()
    }

    fn shown(&self, clock: &str, today: NaiveDate) -> String {
        let date = if self.0.year() == today.year() {
            "%-d %b"
        } else {
            "%-d %b %Y"
        };
        self.0.format(&format!("{date}, {clock}")).to_string()
    }
}

/// Names a time zone as people do: `New York time`, `UTC`.
pub fn zone(zone: Tz) -> String {
    match zone.name() {
        "UTC" | "Etc/UTC" | "GMT" => "UTC".to_owned(),
        name => {
            let city = name.rsplit('/').next().unwrap_or(name);
            format!("{} time", city.replace('_', " "))
        }
    }
}

/// Returns the date so many days before another, or the first date that can be represented.
pub fn days_before(date: NaiveDate, days: i64) -> NaiveDate {
    date.checked_add_signed(TimeDelta::days(-days))
        .unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_half_away_from_zero_and_never_negative_zero() {
        let usd = Currency::of("USD");
        let cases = [
            (1_236_888_200, "$123,688.82", "$123,689"),
            (3_445_371, "$344.54", "$344.54"),
            (0, "$0.00", "$0"),
            (-10, "$0.00", "$0.00"),
            (-50, "−$0.01", "−$0.01"),
            (123_000_000_000_000, "$12,300,000,000.00", "$12,300.0M"),
            (123_456_780_000, "$12,345,678.00", "$12.3M"),
            (9_999_950, "$1,000.00", "$1,000.00"),
        ];
        for (steps, cents, headline) in cases {
            assert_eq!(usd.cents(Money(steps)), cents, "{steps}");
            assert_eq!(usd.headline(Money(steps)), headline, "{steps}");
        }
        assert_eq!(Money(-5).exact(), "-0.0005");
        assert_eq!(Currency::of("JPY").cents(Money(12_345_000)), "¥1,235");
        assert_eq!(
            Currency::of("CHF").cents(Money(12_345_000)),
            "CHF\u{a0}1,234.50"
        );
        assert_eq!(Currency::of("KWD").cents(Money(10_005)), "KWD\u{a0}1.001");
    }

    #[test]
    fn counts_rates_and_durations_are_written_as_people_do() {
        assert_eq!(count(1_496), "1,496");
        assert_eq!(count(-1_234_567), "−1,234,567");
        assert_eq!(credits(359.0), "359");
        assert_eq!(credits(0.333_333_333), "0.33");
        assert_eq!(percent(0.645_053), "64.5%");
        assert_eq!(percent(-0.000_1), "0.0%");
        assert_eq!(short(7_500.0), "7.5k");
        assert_eq!(short(90.0), "90");
        assert_eq!(duration(82_189), "22 h 49 min");
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(86_400 * 2 + 60), "2 days");
        assert_eq!(whole_duration(82_189), "22 h 49 min 49 s");
    }

    #[test]
    fn ranges_name_a_year_once_where_they_can() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let (a, b) = (date("2026-10-29"), date("2026-11-27"));
        assert_eq!(range(a, b), "29 Oct – 27 Nov 2026");
        assert_eq!(range(date("2025-12-31"), b), "31 Dec 2025 – 27 Nov 2026");
        assert_eq!(range(b, b), "27 Nov 2026");
        assert_eq!(range_next_to(a, b, b), "29 Oct – 27 Nov");
        assert_eq!(
            zone(Tz::named("America/New_York").unwrap()),
            "New York time"
        );
    }
}
