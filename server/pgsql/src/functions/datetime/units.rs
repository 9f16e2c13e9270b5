//! The units of `extract`, `date_part` and `date_trunc`, in all spellings that PostgreSQL reads.

use datafusion::arrow::array::StringArray;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use crate::encode::type_name;
use crate::error::{PgError, code};
use crate::functions::call::{Call, sql_error};
use crate::functions::rows;

/// A unit of time, or another field of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    IsoYear,
    Julian,
    Epoch,
    Zone,
    ZoneHour,
    ZoneMinute,
}

impl Unit {
    /// Reads a name, which may stand in quotes.
    pub fn read(written: &str) -> Option<Unit> {
        let name = written.trim().trim_matches(['\'', '"']);
        let name = name.to_ascii_lowercase();
        Some(match name.as_str() {
            "us" | "usec" | "usecs" | "usecond" | "useconds" | "microsecond" | "microseconds" => {
                Unit::Microsecond
            }
            "ms" | "msec" | "msecs" | "msecond" | "mseconds" | "millisecond" | "milliseconds" => {
                Unit::Millisecond
            }
            "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
            "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
            "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
            "d" | "day" | "days" => Unit::Day,
            "w" | "week" | "weeks" => Unit::Week,
            "mon" | "mons" | "month" | "months" => Unit::Month,
            "qtr" | "quarter" => Unit::Quarter,
            "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
            "dec" | "decs" | "decade" | "decades" => Unit::Decade,
            "c" | "cent" | "century" | "centuries" => Unit::Century,
            "mil" | "mils" | "millennium" | "millennia" => Unit::Millennium,
            "dow" => Unit::DayOfWeek,
            "isodow" => Unit::IsoDayOfWeek,
            "doy" => Unit::DayOfYear,
            "isoyear" => Unit::IsoYear,
            "j" | "jd" | "julian" => Unit::Julian,
            "epoch" => Unit::Epoch,
            "timezone" => Unit::Zone,
            "timezone_h" | "timezone_hour" => Unit::ZoneHour,
            "timezone_m" | "timezone_minute" => Unit::ZoneMinute,
            _ => return None,
        })
    }

    /// Whether it is shorter than a day: a `date` has no such field.
    pub fn is_within_day(self) -> bool {
        matches!(
            self,
            Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour
        )
    }

    /// Whether it is a field of the zone, which only instants have.
    pub fn is_of_zone(self) -> bool {
        matches!(self, Unit::Zone | Unit::ZoneHour | Unit::ZoneMinute)
    }

    /// Whether it only grows with time, so that it is infinite for `infinity`.
    pub fn grows(self) -> bool {
        matches!(
            self,
            Unit::Year
                | Unit::Decade
                | Unit::Century
                | Unit::Millennium
                | Unit::IsoYear
                | Unit::Julian
                | Unit::Epoch
        )
    }
}

/// The units that the first argument of a call names, mostly one and the same word in all rows.
pub struct Units {
    names: StringArray,
    of: DataType,
}

impl Units {
    /// Reads the units of a call, for values of a type.
    pub fn new(call: &Call, of: &DataType) -> Result<Units> {
        Ok(Units {
            names: call.texts(0)?,
            of: of.clone(),
        })
    }

    /// Applies a function to each unit and value of which neither is null.
    pub fn zip<T, U>(
        &self,
        values: impl IntoIterator<Item = Option<T>>,
        mut each: impl FnMut(NamedUnit<'_>, T) -> Result<U>,
    ) -> impl Iterator<Item = Result<Option<U>>> {
        let mut last: Option<NamedUnit<'_>> = None;
        rows::zip(self.names.iter(), values, move |name, value| {
            let unit = match last {
                Some(last) if last.name == name => last,
                _ => NamedUnit::read(name, &self.of)?,
            };
            last = Some(unit);
            each(unit, value)
        })
    }
}

/// A unit as a statement names it, for values of a type.
#[derive(Clone, Copy)]
pub struct NamedUnit<'a> {
    pub unit: Unit,
    name: &'a str,
    of: &'a DataType,
}

impl<'a> NamedUnit<'a> {
    fn read(name: &'a str, of: &'a DataType) -> Result<NamedUnit<'a>> {
        let unit = Unit::read(name);
        let named = |unit| NamedUnit { unit, name, of };
        // The error does not tell the unit.
        unit.map(named)
            .ok_or_else(|| named(Unit::Day).unrecognized())
    }

    /// Makes the error of a name that is no unit.
    pub fn unrecognized(self) -> DataFusionError {
        let (name, of) = (self.name, type_name(self.of));
        sql_error(
            code::INVALID_PARAMETER,
            format!("unit \"{name}\" not recognized for type {of}"),
        )
    }

    /// Makes the error of a unit that values of the type do not have.
    pub fn unsupported(self) -> PgError {
        let (name, of) = (self.name.trim_matches(['\'', '"']), type_name(self.of));
        PgError::unsupported(format!("unit \"{name}\" not supported for type {of}"))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("mon", Some(Unit::Month))]
    #[case("MONS", Some(Unit::Month))]
    #[case("m", Some(Unit::Minute))]
    #[case("'year'", Some(Unit::Year))]
    #[case("\"secs\"", Some(Unit::Second))]
    #[case("fortnight", None)]
    #[case("", None)]
    fn units_have_many_names(#[case] name: &str, #[case] expected: Option<Unit>) {
        assert_eq!(Unit::read(name), expected);
    }
}
