//! `to_char` with PostgreSQL's patterns.

use std::sync::Arc;

use chrono::{Datelike, NaiveDateTime, Timelike};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type};
use datafusion::error::Result;

use super::patterns::{self, Case, Part};
use crate::error::{PgError, code};
use crate::functions::call::{Call, Function, raise};
use crate::functions::datetime::extract::from_one;
use crate::functions::datetime::instants::{Kind, instants, is_infinite, kind, locals, naive};
use crate::functions::datetime::intervals::intervals;
use crate::functions::limits::Budget;

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

/// A time as patterns see it.
struct Moment {
    local: NaiveDateTime,
    /// Seconds east of UTC, and the zone's abbreviation, of an instant.
    offset: Option<(i32, String)>,
}

fn shown(parts: &[Part], moment: &Moment) -> String {
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

pub fn ordinal_of(number: &str) -> &'static str {
    let tens = number.len() > 1 && number.as_bytes()[number.len() - 2] == b'1';
    match number.chars().last() {
        Some('1') if !tens => "st",
        Some('2') if !tens => "nd",
        Some('3') if !tens => "rd",
        _ => "th",
    }
}

fn field(name: &str, case: Case, fill: bool, moment: &Moment) -> String {
    let local = moment.local;
    let (year, iso) = (local.year(), local.iso_week());
    // Before Christ they count the other way.
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
        "tz" => moment
            .offset
            .as_ref()
            .map(|(_, name)| case.apply(name))
            .unwrap_or_default(),
        "tzh" => moment
            .offset
            .as_ref()
            .map(|(offset, _)| format!("{:+03}", offset / 3600))
            .unwrap_or_default(),
        "tzm" => moment
            .offset
            .as_ref()
            .map(|(offset, _)| format!("{:02}", offset.abs() / 60 % 60))
            .unwrap_or_default(),
        "of" => moment
            .offset
            .as_ref()
            .map(|(offset, _)| offset_text(*offset))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

fn offset_text(offset: i32) -> String {
    let minutes = offset.abs() / 60 % 60;
    if minutes == 0 {
        format!("{:+03}", offset / 3600)
    } else {
        format!("{:+03}:{minutes:02}", offset / 3600)
    }
}

fn to_char(call: &Call) -> Result<ArrayRef> {
    let patterns = call.texts(1)?;
    let data_type = call.array(0).data_type().clone();
    let pattern = |row: usize| (!patterns.is_null(row)).then(|| patterns.value(row));
    let texts: StringArray = match &data_type {
        DataType::Interval(_) | DataType::Duration(_) => {
            let values = intervals(call, 0)?.into_iter().enumerate();
            values
                .map(|(row, value)| Some(interval_text(&patterns::parse(pattern(row)?), value?)))
                .collect()
        }
        _ if kind(&data_type) != Kind::Other => {
            let is_instant = kind(&data_type) == Kind::Instant;
            let mut known: Option<(String, Vec<Part>)> = None;
            let instants = match is_instant {
                true => instants(call, 0, call.zone)?,
                false => Vec::new(),
            };
            let locals = locals(call, 0, call.zone)?;
            let mut texts = Vec::with_capacity(call.rows);
            for (row, local) in locals.into_iter().enumerate() {
                let local = local.filter(|local| !is_infinite(*local));
                let (Some(pattern), Some(local)) = (pattern(row), local) else {
                    texts.push(None);
                    continue;
                };
                if known.as_ref().is_none_or(|(seen, _)| seen != pattern) {
                    known = Some((pattern.to_owned(), patterns::parse(pattern)));
                }
                let parts = known
                    .as_ref()
                    .map(|(_, parts)| parts.as_slice())
                    .unwrap_or_default();
                let utc = instants.get(row).copied().flatten().and_then(naive);
                let offset =
                    utc.map(|utc| (call.zone.offset_at(&utc), call.zone.abbreviation_at(&utc)));
                texts.push(Some(shown(parts, &Moment { local, offset })));
            }
            texts.into_iter().collect()
        }
        _ => return numbers(call, &pattern),
    };
    Ok(Arc::new(texts))
}

fn interval_text(
    parts: &[Part],
    value: datafusion::arrow::datatypes::IntervalMonthDayNano,
) -> String {
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

fn numbers<'a>(call: &Call, pattern: &dyn Fn(usize) -> Option<&'a str>) -> Result<ArrayRef> {
    let unsupported = |pattern: &str| {
        raise(PgError::new(
            code::NOT_SUPPORTED,
            format!("the pattern \"{pattern}\" for numbers is not supported"),
        ))
    };
    let data_type = call.array(0).data_type().clone();
    let mut texts = Vec::with_capacity(call.rows);
    let mut budget = Budget::of("to_char");
    if data_type.is_floating() {
        let floats = call.cast(0, &DataType::Float64)?;
        let floats = floats.as_primitive::<Float64Type>();
        for row in 0..call.rows {
            let (Some(pattern), false) = (pattern(row), floats.is_null(row)) else {
                texts.push(None);
                continue;
            };
            budget.text(pattern.len())?;
            let value = floats.value(row);
            let text = patterns::number(pattern, value < 0.0, |scale| {
                // No float has more digits than that, and no width may be much larger.
                let (whole, fraction) = halves(&format!("{:.*}", scale.min(1100), value.abs()));
                (whole, filled(fraction, scale))
            });
            texts.push(Some(text.ok_or_else(|| unsupported(pattern))?));
        }
    } else if data_type.is_numeric() {
        let scale = match data_type {
            DataType::Decimal128(_, scale) => scale.max(0),
            _ => 0,
        };
        let decimals = call.cast(0, &DataType::Decimal128(38, scale))?;
        let decimals = decimals.as_primitive::<Decimal128Type>();
        for row in 0..call.rows {
            let (Some(pattern), false) = (pattern(row), decimals.is_null(row)) else {
                texts.push(None);
                continue;
            };
            budget.text(pattern.len())?;
            let value = decimals.value(row);
            let text = patterns::number(pattern, value < 0, |digits| {
                rounded(value.unsigned_abs(), scale as usize, digits)
            });
            texts.push(Some(text.ok_or_else(|| unsupported(pattern))?));
        }
    } else {
        return Err(raise(crate::functions::datetime::instants::unsupported(
            call, 0,
        )));
    }
    Ok(Arc::new(texts.into_iter().collect::<StringArray>()))
}

fn halves(text: &str) -> (String, String) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    (whole.to_owned(), fraction.to_owned())
}

/// A number of `scale` digits after the point with `digits` of them, rounded half away from zero.
fn rounded(value: u128, scale: usize, digits: usize) -> (String, String) {
    let value = if digits < scale {
        let unit = 10_u128.pow((scale - digits) as u32);
        (value + unit / 2) / unit
    } else {
        value
    };
    let kept = scale.min(digits);
    let text = format!("{value:0width$}", width = kept + 1);
    let (whole, fraction) = text.split_at(text.len() - kept);
    (whole.to_owned(), filled(fraction.to_owned(), digits))
}

/// Digits with zeros after them, up to so many. (Rust's own widths end at 65,535.)
fn filled(mut digits: String, length: usize) -> String {
    let missing = length.saturating_sub(digits.len());
    digits.extend(std::iter::repeat_n('0', missing));
    digits
}

pub fn functions() -> Vec<Function> {
    vec![Function::new("pg_to_char", 2..=2, DataType::Utf8, to_char).stable()]
}
