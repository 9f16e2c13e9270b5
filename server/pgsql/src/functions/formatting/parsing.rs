//! `to_date`, `to_timestamp` and `to_number`: reads texts by PostgreSQL's patterns.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use datafusion::arrow::array::{ArrayRef, Date32Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use super::patterns::{self, Part};
use super::to_char::{DAYS, MONTHS};
use crate::error::PgError;
use crate::functions::call::{Call, raise, sql_error};
use crate::functions::casts::invalid_text;
use crate::functions::datetime::instants::{
    in_range, instant_array, invalid_time, naive, out_of_range, timestamptz, to_instant,
};
use crate::functions::function::Function;
use crate::functions::rows;
use crate::params::{InvalidTime, parse_numeric};
use crate::types::zone::Zone;

/// Returns how many digits after the point a pattern of numbers has.
fn digits_after_point(pattern: &str) -> i8 {
    let after = pattern
        .split_once(['.', 'D', 'd'])
        .map_or("", |(_, after)| after);
    let digits = after.chars().filter(|c| matches!(c, '9' | '0')).count();
    i8::try_from(digits.min(38)).unwrap_or(0)
}

/// `to_number(text, pattern)`: the digits, point and sign of a text, whatever else stands between them.
fn to_numbers(call: &Call) -> Result<ArrayRef> {
    let DataType::Decimal128(_, scale) = call.returns else {
        return Err(raise(PgError::internal("to_number of another type")));
    };
    let (texts, patterns) = (call.texts(0)?, call.texts(1)?);
    let values = rows::zip(texts.iter(), patterns.iter(), |text, _| {
        let digits: String = text
            .chars()
            .filter(|c| c.is_ascii_digit() || *c == '.')
            .collect();
        let negative = text.contains('-') || text.contains('<');
        if !digits.bytes().any(|byte| byte.is_ascii_digit()) {
            return Err(invalid_text("numeric", text));
        }
        let value = parse_numeric(&digits, scale).map_err(raise)?;
        Ok(if negative { -value } else { value })
    });
    rows::decimals(values, &call.returns)
}

/// The fields that a text has by a pattern.
#[derive(Default)]
struct Fields {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    ordinal: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
    afternoon: Option<bool>,
    offset: Option<i32>,
    iso_year: Option<i32>,
    iso_week: Option<u32>,
    iso_day: Option<u32>,
    julian: Option<i32>,
}

/// Reads a text by a pattern; none where it does not match.
fn read(parts: &[Part], text: &str) -> Option<Fields> {
    let mut fields = Fields::default();
    let mut rest = text.trim_start();
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Text(literal) => {
                // Any separator stands for any other, as in PostgreSQL.
                for _ in literal.chars() {
                    let next = rest.chars().next();
                    if next.is_some_and(|c| !c.is_ascii_alphanumeric() || literal.contains(c)) {
                        rest = &rest[next.map_or(0, char::len_utf8)..];
                    }
                }
            }
            Part::Field { name, .. } => {
                rest = rest.trim_start();
                let next_is_number = matches!(parts.get(at + 1), Some(Part::Field { .. }));
                rest = fields.field(name, rest, next_is_number)?;
            }
        }
    }
    Some(fields)
}

impl Fields {
    /// Reads a field, and returns the rest of the text; none where the text has no such field. `tight` is whether another field
    /// follows at once.
    fn field<'a>(&mut self, name: &str, text: &'a str, tight: bool) -> Option<&'a str> {
        let number = |most: usize| -> Option<(u32, &'a str)> {
            let most = if tight || name != "yyyy" { most } else { 9 };
            let end = text
                .bytes()
                .take(most)
                .take_while(u8::is_ascii_digit)
                .count();
            Some((text.get(..end)?.parse().ok()?, &text[end..]))
        };
        let named = |names: &[&str], length: Option<usize>| -> Option<(u32, &'a str)> {
            names.iter().enumerate().find_map(|(at, name)| {
                let name = length.map_or(*name, |length| &name[..length]);
                let start = text.get(..name.len())?;
                start
                    .eq_ignore_ascii_case(name)
                    .then(|| (at as u32, &text[name.len()..]))
            })
        };
        let (value, rest) = match name {
            "yyyy" => {
                let (year, rest) = number(4)?;
                self.year = i32::try_from(year).ok();
                return Some(rest);
            }
            "iyyy" => {
                let (year, rest) = number(4)?;
                self.iso_year = i32::try_from(year).ok();
                return Some(rest);
            }
            "j" => {
                let (day, rest) = number(9)?;
                self.julian = i32::try_from(day).ok();
                return Some(rest);
            }
            "yy" => {
                let (year, rest) = number(2)?;
                self.year = Some(year as i32 + if year < 70 { 2000 } else { 1900 });
                return Some(rest);
            }
            "month" => named(&MONTHS, None)?,
            "mon" => named(&MONTHS, Some(3))?,
            "day" => return Some(named(&DAYS, None)?.1),
            "dy" => return Some(named(&DAYS, Some(3))?.1),
            "am" | "pm" => named(&["AM", "PM"], None)?,
            "a.m." | "p.m." => named(&["A.M.", "P.M."], None)?,
            "ms" | "us" | "ff1" | "ff2" | "ff3" | "ff4" | "ff5" | "ff6" => {
                let end = text.bytes().take(6).take_while(u8::is_ascii_digit).count();
                let digits = text.get(..end).filter(|digits| !digits.is_empty())?;
                self.micros = format!("{digits:0<6}").parse().ok()?;
                return Some(&text[end..]);
            }
            "tzh" | "of" | "tz" => {
                let end = text.find(|c: char| c.is_whitespace()).unwrap_or(text.len());
                let zone = Zone::parse(&text[..end])?;
                self.offset = Some(zone.offset_at(&NaiveDateTime::default()));
                return Some(&text[end..]);
            }
            "ddd" => number(3)?,
            "sssss" | "ssss" => number(5)?,
            "id" => number(1)?,
            "cc" | "q" | "ww" | "w" | "rm" | "bc" | "ad" | "iddd" | "tzm" => {
                return None;
            }
            _ => number(2)?,
        };
        match name {
            "month" | "mon" => self.month = Some(value + 1),
            "mm" => self.month = Some(value),
            "dd" => self.day = Some(value),
            "ddd" => self.ordinal = Some(value),
            "iw" => self.iso_week = Some(value),
            "id" => self.iso_day = Some(value),
            "hh24" | "hh" | "hh12" => self.hour = value,
            "mi" => self.minute = value,
            "ss" => self.second = value,
            "sssss" | "ssss" => {
                (self.hour, self.minute, self.second) = (value / 3600, value / 60 % 60, value % 60)
            }
            "am" | "pm" | "a.m." | "p.m." => self.afternoon = Some(value == 1),
            _ => {}
        }
        Some(rest)
    }

    /// Returns the local time of the fields; none where there is no such time.
    fn local(&self) -> Option<NaiveDateTime> {
        let year = self.year.unwrap_or(1);
        let date = match self.ordinal {
            _ if self.julian.is_some() => NaiveDate::from_epoch_days(self.julian? - 2_440_588)?,
            _ if self.iso_year.is_some() => {
                let day = Weekday::try_from(
                    u8::try_from(self.iso_day.unwrap_or(1).checked_sub(1)?).ok()?,
                )
                .ok()?;
                NaiveDate::from_isoywd_opt(self.iso_year?, self.iso_week.unwrap_or(1), day)?
            }
            Some(ordinal) => NaiveDate::from_yo_opt(year, ordinal)?,
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let hour = match self.afternoon {
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        in_range(date.and_time(NaiveTime::from_hms_micro_opt(
            hour,
            self.minute,
            self.second,
            self.micros,
        )?))
    }
}

/// Reads each text by its pattern, as the fields and the local time that they are.
fn read_rows(call: &Call) -> Result<Vec<Option<(Fields, NaiveDateTime)>>> {
    let (texts, patterns) = (call.texts(0)?, call.texts(1)?);
    rows::zip(texts.iter(), patterns.iter(), |text, pattern| {
        let fields = read(&patterns::parse(pattern), text).ok_or_else(|| {
            sql_error(
                "22007",
                format!("invalid value \"{text}\" for the pattern \"{pattern}\""),
            )
        })?;
        let local = fields.local();
        let local = local.ok_or_else(|| invalid_time(InvalidTime::Range, "", text))?;
        Ok((fields, local))
    })
    .collect()
}

/// Converts seconds since 1970 to an instant; infinite seconds are infinite instants.
fn instant_of(seconds: f64) -> Result<i64> {
    if seconds.is_nan() {
        return Err(sql_error("22008", "timestamp cannot be NaN"));
    }
    // A float that is too large for an integer becomes the largest one, which is infinity.
    let micros = (seconds * 1e6).round() as i64;
    let is_infinite = micros == i64::MAX || micros == i64::MIN;
    match naive(micros) {
        Some(_) if is_infinite == seconds.is_infinite() => Ok(micros),
        _ => Err(out_of_range()),
    }
}

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT to_timestamp('31.01.2026 12:30', 'DD.MM.YYYY HH24:MI'); → 2026-01-31 12:30:00+00
        Function::new("pg_to_timestamp_by", 2..=2, timestamptz(), |call| {
            instant_array(rows::map(read_rows(call)?, |(fields, local)| {
                let zone = fields.offset.map_or(call.zone, Zone::Fixed);
                Ok(to_instant(local, zone))
            }))
        })
        .stable(),
        // SELECT to_date('31.01.2026', 'DD.MM.YYYY'); → 2026-01-31
        Function::new("pg_to_date", 2..=2, DataType::Date32, |call| {
            let days = rows::map(read_rows(call)?, |(_, local)| {
                Ok(local.date().to_epoch_days())
            });
            rows::collect::<Date32Array, _>(days)
        })
        .stable(),
        // SELECT to_number('1,234.50-', '9G999D99S'); → -1234.50
        Function::new("to_number", 2..=2, DataType::Decimal128(38, 0), to_numbers).returning(
            |_, constants| {
                let pattern = constants.get(1).copied().flatten();
                let pattern = pattern.and_then(|pattern| pattern.try_as_str().flatten());
                let scale = digits_after_point(pattern.unwrap_or_default());
                Ok(DataType::Decimal128(38, scale))
            },
        ),
        // SELECT to_timestamp(1769862600.5); → 2026-01-31 12:30:00.5+00
        Function::new("pg_to_timestamp", 1..=1, timestamptz(), |call| {
            instant_array(rows::map(call.floats(0)?.iter(), instant_of))
        }),
    ]
}
