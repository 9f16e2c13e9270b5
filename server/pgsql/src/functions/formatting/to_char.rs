//! `to_char`: times, intervals and numbers written by PostgreSQL's patterns.

use chrono::{Datelike, NaiveDateTime, Timelike};
use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, IntervalMonthDayNano};
use datafusion::error::Result;

use super::patterns::{self, Case, Part};
use crate::error::code;
use crate::functions::call::{Call, sql_error};
use crate::functions::datetime::extract::from_one;
use crate::functions::datetime::instants::{
    Kind, instants, is_infinite, kind, locals, naive, unsupported,
};
use crate::functions::datetime::intervals::intervals;
use crate::functions::function::Function;
use crate::functions::limits::Budget;
use crate::functions::rows;

/// English names of the months.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// English names of the days of a week, from Sunday.
pub const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const ROMAN: [&str; 12] = [
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII",
];

/// A time that a pattern writes.
struct Moment {
    local: NaiveDateTime,
    /// For an instant: seconds east of UTC, and the zone's abbreviation.
    offset: Option<(i32, String)>,
}

/// Writes a time by a pattern.
fn time_text(parts: &[Part], moment: &Moment) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Field {
                name,
                case,
                fill,
                ordinal,
            } => {
                let text = field(name, *case, *fill, moment);
                out.push_str(&text);
                if let Some(capital) = ordinal {
                    let suffix = ordinal_of(&text);
                    out.push_str(&if *capital {
                        suffix.to_ascii_uppercase()
                    } else {
                        suffix.to_owned()
                    });
                }
            }
        }
    }
    out
}

/// Returns the English ending of an ordinal number: `st`, `nd`, `rd` or `th`.
pub fn ordinal_of(number: &str) -> &'static str {
    let tens = number.len() > 1 && number.as_bytes()[number.len() - 2] == b'1';
    match number.chars().last() {
        Some('1') if !tens => "st",
        Some('2') if !tens => "nd",
        Some('3') if !tens => "rd",
        _ => "th",
    }
}

/// Writes a field of a time.
fn field(name: &str, case: Case, fill: bool, moment: &Moment) -> String {
    let local = moment.local;
    let (year, iso) = (local.year(), local.iso_week());
    // Years before Christ count the other way.
    let shown = |year: i32| if year > 0 { year } else { 1 - year };
    let (shown_year, iso_year) = (shown(year), shown(iso.year()));
    let padded = |value: i64, width: usize| {
        if fill {
            value.to_string()
        } else {
            format!("{value:0width$}")
        }
    };
    let word = |word: &str, width: usize| {
        let word = case.apply(word);
        if fill { word } else { format!("{word:width$}") }
    };
    // Local times have no zone to show.
    let zoned = |text: &dyn Fn(i32, &str) -> String| match &moment.offset {
        Some((offset, name)) => text(*offset, name),
        None => String::new(),
    };
    let hour12 = i64::from((local.hour() + 11) % 12 + 1);
    let micros = local.nanosecond() / 1000;
    match name {
        "yyyy" => padded(shown_year.into(), 4),
        "yyy" => padded((shown_year % 1000).into(), 3),
        "yy" => padded((shown_year % 100).into(), 2),
        "y" => padded((shown_year % 10).into(), 1),
        "y,yyy" => format!("{},{:03}", shown_year / 1000, shown_year % 1000),
        "iyyy" => padded(iso_year.into(), 4),
        "iyy" => padded((iso_year % 1000).into(), 3),
        "iy" => padded((iso_year % 100).into(), 2),
        "i" => padded((iso_year % 10).into(), 1),
        "month" => word(MONTHS[local.month0() as usize], 9),
        "mon" => case.apply(&MONTHS[local.month0() as usize][..3]),
        "mm" => padded(local.month().into(), 2),
        "day" => word(DAYS[local.weekday().num_days_from_sunday() as usize], 9),
        "dy" => case.apply(&DAYS[local.weekday().num_days_from_sunday() as usize][..3]),
        "ddd" => padded(local.ordinal().into(), 3),
        "iddd" => padded(
            i64::from((iso.week() - 1) * 7 + local.weekday().number_from_monday()),
            3,
        ),
        "dd" => padded(local.day().into(), 2),
        "d" => (local.weekday().num_days_from_sunday() + 1).to_string(),
        "id" => local.weekday().number_from_monday().to_string(),
        "hh24" => padded(local.hour().into(), 2),
        "hh" | "hh12" => padded(hour12, 2),
        "mi" => padded(local.minute().into(), 2),
        "ss" => padded(local.second().into(), 2),
        "sssss" | "ssss" => padded(local.num_seconds_from_midnight().into(), 1),
        "ms" => padded((micros / 1000).into(), 3),
        "us" => padded(micros.into(), 6),
        "ff1" => format!("{:01}", micros / 100_000),
        "ff2" => format!("{:02}", micros / 10_000),
        "ff3" => format!("{:03}", micros / 1000),
        "ff4" => format!("{:04}", micros / 100),
        "ff5" => format!("{:05}", micros / 10),
        "ff6" => format!("{micros:06}"),
        "am" | "pm" => case.apply(if local.hour() < 12 { "AM" } else { "PM" }),
        "a.m." | "p.m." => case.apply(if local.hour() < 12 { "A.M." } else { "P.M." }),
        "ad" | "bc" => case.apply(if year > 0 { "AD" } else { "BC" }),
        "a.d." | "b.c." => case.apply(if year > 0 { "A.D." } else { "B.C." }),
        "cc" => {
            let century = from_one(((year - 1).div_euclid(100) + 1).into());
            padded(century as i64, if year > 0 { 2 } else { 3 })
        }
        "j" => (i64::from(local.date().to_epoch_days()) + 2_440_588).to_string(),
        "q" => (local.month0() / 3 + 1).to_string(),
        "ww" => padded(i64::from((local.ordinal() - 1) / 7 + 1), 2),
        "w" => ((local.day() - 1) / 7 + 1).to_string(),
        "iw" => padded(iso.week().into(), 2),
        "rm" => {
            let roman = case.apply(ROMAN[local.month0() as usize]);
            if fill { roman } else { format!("{roman:4}") }
        }
        "tz" => zoned(&|_, name| case.apply(name)),
        "tzh" => zoned(&|offset, _| format!("{:+03}", offset / 3600)),
        "tzm" => zoned(&|offset, _| format!("{:02}", offset.abs() / 60 % 60)),
        "of" => zoned(&|offset, _| offset_text(offset)),
        _ => String::new(),
    }
}

/// Writes an offset in seconds as hours, and minutes where it has some: `+05:30`.
fn offset_text(offset: i32) -> String {
    let minutes = offset.abs() / 60 % 60;
    if minutes == 0 {
        format!("{:+03}", offset / 3600)
    } else {
        format!("{:+03}:{minutes:02}", offset / 3600)
    }
}

/// `to_char(x, pattern)`.
fn to_char(call: &Call) -> Result<ArrayRef> {
    let patterns = call.texts(1)?;
    let data_type = call.array(0).data_type();
    match data_type {
        DataType::Interval(_) | DataType::Duration(_) => {
            let values = intervals(call, 0)?;
            let texts = rows::zip(patterns.iter(), values, |pattern, value| {
                Ok(interval_text(&patterns::parse(pattern), value))
            });
            return rows::collect::<StringArray, _>(texts);
        }
        _ if kind(data_type) == Kind::Other => return numbers(call, &patterns),
        _ => {}
    }
    let instants = match kind(data_type) {
        Kind::Instant => instants(call, 0, call.zone)?,
        _ => vec![None; call.rows],
    };
    let locals = locals(call, 0, call.zone)?.into_iter();
    let values = locals.zip(instants).map(|(local, instant)| {
        let local = local.filter(|local| !is_infinite(*local))?;
        Some((local, instant))
    });
    // A pattern mostly is the same in all rows.
    let mut last: Option<(&str, Vec<Part>)> = None;
    let texts = rows::zip(patterns.iter(), values, |pattern, (local, instant)| {
        let parts = match last.take() {
            Some((seen, parts)) if seen == pattern => parts,
            _ => patterns::parse(pattern),
        };
        let utc = instant.and_then(naive);
        let offset = utc.map(|utc| (call.zone.offset_at(&utc), call.zone.abbreviation_at(&utc)));
        let text = time_text(&parts, &Moment { local, offset });
        last = Some((pattern, parts));
        Ok(text)
    });
    rows::collect::<StringArray, _>(texts)
}

/// Writes an interval by a pattern.
fn interval_text(parts: &[Part], value: IntervalMonthDayNano) -> String {
    let micros = value.nanoseconds / 1000;
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Field { name, fill, .. } => {
                let padded = |value: i64, width: usize| {
                    // A sign takes a place of its own, but for days.
                    let width = width + usize::from(value < 0 && *name != "dd");
                    if *fill {
                        value.to_string()
                    } else {
                        format!("{value:0width$}")
                    }
                };
                out.push_str(&match *name {
                    "yyyy" | "yyy" | "yy" | "y" => padded(i64::from(value.months / 12), name.len()),
                    "mm" => padded(i64::from(value.months % 12), 2),
                    "dd" => padded(i64::from(value.days), 2),
                    "hh24" => padded(micros / 3_600_000_000, 2),
                    "hh" | "hh12" => padded((micros / 3_600_000_000 + 11) % 12 + 1, 2),
                    "mi" => padded(micros / 60_000_000 % 60, 2),
                    "ss" => padded(micros / 1_000_000 % 60, 2),
                    "ms" => padded(micros / 1000 % 1000, 3),
                    "us" => padded(micros % 1_000_000, 6),
                    _ => String::new(),
                });
            }
        }
    }
    out
}

/// Writes numbers by patterns of `9` and `0`.
fn numbers(call: &Call, patterns: &StringArray) -> Result<ArrayRef> {
    let written = |pattern: &str, negative, digits: &dyn Fn(usize) -> (String, String)| {
        patterns::number(pattern, negative, digits).ok_or_else(|| {
            sql_error(
                code::NOT_SUPPORTED,
                format!("the pattern \"{pattern}\" for numbers is not supported"),
            )
        })
    };
    let mut budget = Budget::of("to_char");
    let data_type = call.array(0).data_type();
    if data_type.is_floating() {
        let floats = call.floats(0)?;
        let texts = rows::zip(patterns.iter(), floats.iter(), |pattern, value| {
            budget.text(pattern.len())?;
            written(pattern, value < 0.0, &|scale| {
                // No float has more digits than that, and no width may be much larger.
                let (whole, fraction) = halves(&format!("{:.*}", scale.min(1100), value.abs()));
                (whole, pad_zeros(fraction, scale))
            })
        });
        return rows::collect::<StringArray, _>(texts);
    }
    if !data_type.is_numeric() {
        return Err(unsupported(call, 0));
    }
    let scale = match data_type {
        DataType::Decimal128(_, scale) => (*scale).max(0),
        _ => 0,
    };
    let decimals = call.cast(0, &DataType::Decimal128(38, scale))?;
    let decimals = decimals.as_primitive::<Decimal128Type>().iter();
    let texts = rows::zip(patterns.iter(), decimals, |pattern, value| {
        budget.text(pattern.len())?;
        written(pattern, value < 0, &|digits| {
            round_digits(value.unsigned_abs(), scale as usize, digits)
        })
    });
    rows::collect::<StringArray, _>(texts)
}

/// Splits a number at its point.
fn halves(text: &str) -> (String, String) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    (whole.to_owned(), fraction.to_owned())
}

/// Rounds a number of `scale` digits after the point to `digits` of them, half away from zero; returns the digits before and
/// after the point.
fn round_digits(value: u128, scale: usize, digits: usize) -> (String, String) {
    let value = if digits < scale {
        let unit = 10_u128.pow((scale - digits) as u32);
        (value + unit / 2) / unit
    } else {
        value
    };
    let kept = scale.min(digits);
    let text = format!("{value:0width$}", width = kept + 1);
    let (whole, fraction) = text.split_at(text.len() - kept);
    (whole.to_owned(), pad_zeros(fraction.to_owned(), digits))
}

/// Appends zeros up to a length. (Rust's own widths end at 65,535.)
fn pad_zeros(mut digits: String, length: usize) -> String {
    let missing = length.saturating_sub(digits.len());
    digits.extend(std::iter::repeat_n('0', missing));
    digits
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT to_char(date '2026-01-31', 'Mon DD, YYYY'); → Jan 31, 2026
        // SELECT to_char(1234.5, 'FM9,999.00'); → 1,234.50
        Function::new("pg_to_char", 2..=2, DataType::Utf8, to_char).stable(),
    ]
}
