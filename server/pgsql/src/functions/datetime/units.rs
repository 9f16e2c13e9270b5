//! The units that `extract`, `date_part` and `date_trunc` know, in all the spellings that PostgreSQL reads.

/// A unit of time, or what else a time has.
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
    /// By its name, which may stand in quotes.
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

    /// It is less than a day, which days have nothing of.
    pub fn is_within_day(self) -> bool {
        matches!(
            self,
            Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour
        )
    }

    /// It is about a zone.
    pub fn is_of_zone(self) -> bool {
        matches!(self, Unit::Zone | Unit::ZoneHour | Unit::ZoneMinute)
    }

    /// It only grows with time, so that there is one of what never ends.
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
