//! Writes intervals as text, in PostgreSQL's four styles.

use std::fmt::{self, Write as _};

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::common::config::ConfigExtension;
use datafusion::common::extensions_options;

/// The setting `IntervalStyle`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IntervalStyle {
    /// `1 day 02:00:00`
    #[default]
    Postgres,
    /// `@ 1 day 2 hours`
    PostgresVerbose,
    /// `1 2:00:00`
    SqlStandard,
    /// `P1DT2H`
    Iso8601,
}

impl IntervalStyle {
    /// All styles, in the order of PostgreSQL's documentation.
    pub const ALL: [IntervalStyle; 4] = [
        IntervalStyle::Postgres,
        IntervalStyle::PostgresVerbose,
        IntervalStyle::SqlStandard,
        IntervalStyle::Iso8601,
    ];

    /// Reads the name of a style.
    pub fn parse(name: &str) -> Option<IntervalStyle> {
        let mut all = IntervalStyle::ALL.into_iter();
        all.find(|style| style.to_string().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for IntervalStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IntervalStyle::Postgres => "postgres",
            IntervalStyle::PostgresVerbose => "postgres_verbose",
            IntervalStyle::SqlStandard => "sql_standard",
            IntervalStyle::Iso8601 => "iso_8601",
        })
    }
}

extensions_options! {
    /// The session's settings that functions read, beside those that DataFusion has itself.
    pub struct SessionStyle {
        /// The name of the style of intervals.
        pub interval_style: String, default = IntervalStyle::default().to_string()
    }
}

impl ConfigExtension for SessionStyle {
    const PREFIX: &'static str = "pg_session";
}

/// The fields of an interval, each with its sign.
struct Fields {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    seconds: i64,
    micros: i64,
}

impl Fields {
    fn of(value: IntervalMonthDayNano) -> Fields {
        let micros = value.nanoseconds / 1000;
        Fields {
            years: i64::from(value.months / 12),
            months: i64::from(value.months % 12),
            days: i64::from(value.days),
            hours: micros / 3_600_000_000,
            minutes: micros / 60_000_000 % 60,
            seconds: micros / 1_000_000 % 60,
            micros: micros % 1_000_000,
        }
    }

    fn all(&self) -> [i64; 7] {
        [
            self.years,
            self.months,
            self.days,
            self.hours,
            self.minutes,
            self.seconds,
            self.micros,
        ]
    }

    fn is_zero(&self) -> bool {
        self.all().iter().all(|field| *field == 0)
    }

    fn time_is_negative(&self) -> bool {
        [self.hours, self.minutes, self.seconds, self.micros]
            .iter()
            .any(|field| *field < 0)
    }

    /// Writes seconds with their fraction, without a sign.
    fn seconds(&self, out: &mut String, width: usize) {
        // Writing to a String cannot fail.
        let _ = write!(out, "{:0width$}", self.seconds.abs());
        if self.micros != 0 {
            let fraction = format!(".{:06}", self.micros.abs());
            out.push_str(fraction.trim_end_matches('0'));
        }
    }

    /// Writes hours, minutes and seconds, without a sign.
    fn clock(&self, out: &mut String, width: usize) {
        let _ = write!(
            out,
            "{:0width$}:{:02}:",
            self.hours.abs(),
            self.minutes.abs()
        );
        self.seconds(out, 2);
    }
}

/// Writes an interval in a style.
pub(super) fn interval(out: &mut String, value: IntervalMonthDayNano, style: IntervalStyle) {
    let fields = Fields::of(value);
    match style {
        IntervalStyle::Postgres => postgres(out, &fields),
        IntervalStyle::PostgresVerbose => verbose(out, &fields),
        IntervalStyle::SqlStandard => standard(out, &fields),
        IntervalStyle::Iso8601 => iso(out, &fields),
    }
}

fn postgres(out: &mut String, fields: &Fields) {
    let start = out.len();
    let mut before_negative = false;
    let units = [
        (fields.years, "year"),
        (fields.months, "mon"),
        (fields.days, "day"),
    ];
    for (number, unit) in units.into_iter().filter(|(number, _)| *number != 0) {
        if out.len() > start {
            out.push(' ');
        }
        let plus = if before_negative && number > 0 {
            "+"
        } else {
            ""
        };
        let plural = if number == 1 { "" } else { "s" };
        let _ = write!(out, "{plus}{number} {unit}{plural}");
        before_negative = number < 0;
    }
    let has_time = fields.all()[3..].iter().any(|field| *field != 0);
    if has_time || out.len() == start {
        if out.len() > start {
            out.push(' ');
        }
        if fields.time_is_negative() {
            out.push('-');
        } else if before_negative {
            out.push('+');
        }
        fields.clock(out, 2);
    }
}

/// Writes the verbose style. The sign of the first field counts for all, and `ago` stands for minus.
fn verbose(out: &mut String, fields: &Fields) {
    out.push('@');
    if fields.is_zero() {
        return out.push_str(" 0");
    }
    let first = fields.all().into_iter().find(|field| *field != 0);
    let ago = first.is_some_and(|first| first < 0);
    let units = [
        (fields.years, "year"),
        (fields.months, "mon"),
        (fields.days, "day"),
        (fields.hours, "hour"),
        (fields.minutes, "min"),
    ];
    for (number, unit) in units.into_iter().filter(|(number, _)| *number != 0) {
        let number = if ago { -number } else { number };
        let plural = if number == 1 { "" } else { "s" };
        let _ = write!(out, " {number} {unit}{plural}");
    }
    if fields.seconds != 0 || fields.micros != 0 {
        out.push(' ');
        if (fields.seconds < 0 || fields.micros < 0) != ago {
            out.push('-');
        }
        fields.seconds(out, 1);
        let single = fields.seconds.abs() == 1 && fields.micros == 0;
        out.push_str(if single { " sec" } else { " secs" });
    }
    if ago {
        out.push_str(" ago");
    }
}

/// Writes the SQL standard's style. The standard has years and months, or days and time, of one sign; any other interval has
/// a sign before each part.
fn standard(out: &mut String, fields: &Fields) {
    if fields.is_zero() {
        return out.push('0');
    }
    let negative = fields.all().iter().any(|field| *field < 0);
    let positive = fields.all().iter().any(|field| *field > 0);
    let has_months = fields.years != 0 || fields.months != 0;
    let has_time = fields.all()[2..].iter().any(|field| *field != 0);
    if (negative && positive) || (has_months && has_time) {
        let sign = |negative: bool| if negative { '-' } else { '+' };
        let _ = write!(
            out,
            "{}{}-{} {}{} {}",
            sign(fields.years < 0 || fields.months < 0),
            fields.years.abs(),
            fields.months.abs(),
            sign(fields.days < 0),
            fields.days.abs(),
            sign(fields.time_is_negative()),
        );
        return fields.clock(out, 1);
    }
    if negative {
        out.push('-');
    }
    if has_months {
        let _ = write!(out, "{}-{}", fields.years.abs(), fields.months.abs());
        return;
    }
    if fields.days != 0 {
        let _ = write!(out, "{} ", fields.days.abs());
    }
    fields.clock(out, 1);
}

fn iso(out: &mut String, fields: &Fields) {
    if fields.is_zero() {
        return out.push_str("PT0S");
    }
    let part = |out: &mut String, number: i64, unit: char| {
        if number != 0 {
            let _ = write!(out, "{number}{unit}");
        }
    };
    out.push('P');
    part(out, fields.years, 'Y');
    part(out, fields.months, 'M');
    part(out, fields.days, 'D');
    if fields.all()[3..].iter().any(|field| *field != 0) {
        out.push('T');
    }
    part(out, fields.hours, 'H');
    part(out, fields.minutes, 'M');
    if fields.seconds != 0 || fields.micros != 0 {
        if fields.seconds < 0 || fields.micros < 0 {
            out.push('-');
        }
        fields.seconds(out, 1);
        out.push('S');
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    #[rstest]
    #[case((14, 3, 4 * HOUR), ["1 year 2 mons 3 days 04:00:00", "@ 1 year 2 mons 3 days 4 hours", "+1-2 +3 +4:00:00", "P1Y2M3DT4H"])]
    #[case((0, 1, 2 * HOUR), ["1 day 02:00:00", "@ 1 day 2 hours", "1 2:00:00", "P1DT2H"])]
    #[case((0, -1, 2 * HOUR), ["-1 days +02:00:00", "@ 1 day -2 hours ago", "+0-0 -1 +2:00:00", "P-1DT2H"])]
    #[case((0, 0, -1_500_000_000), ["-00:00:01.5", "@ 1.5 secs ago", "-0:00:01.5", "PT-1.5S"])]
    #[case((-15, 0, 0), ["-1 years -3 mons", "@ 1 year 3 mons ago", "-1-3", "P-1Y-3M"])]
    #[case((0, 0, 0), ["00:00:00", "@ 0", "0", "PT0S"])]
    fn an_interval_is_written_in_each_style(
        #[case] (months, days, nanoseconds): (i32, i32, i64),
        #[case] expected: [&str; 4],
    ) {
        let value = IntervalMonthDayNano::new(months, days, nanoseconds);
        let written = IntervalStyle::ALL.map(|style| {
            let mut out = String::new();
            interval(&mut out, value, style);
            out
        });
        assert_eq!(written, expected);
    }
}
