//! Implements chrono's `TimeZone`, so that chrono computes and formats local times from the rules of this crate.

use std::fmt;

use chrono::{FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};

use crate::zone::{Period, Tz};

/// Holds the offset of a zone from UTC at some time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TzOffset {
    zone: Tz,
    period: &'static Period,
}

impl TzOffset {
    /// Returns the period that has this offset.
    pub fn period(&self) -> &'static Period {
        self.period
    }
}

impl Offset for TzOffset {
    fn fix(&self) -> FixedOffset {
        // No zone is a day or more from UTC, so the fallback is never used.
        FixedOffset::east_opt(self.period.offset).unwrap_or_else(|| chrono::Utc.fix())
    }
}

impl fmt::Display for TzOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.period.abbreviation)
    }
}

impl fmt::Debug for TzOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TimeZone for Tz {
    type Offset = TzOffset;

    fn from_offset(offset: &TzOffset) -> Tz {
        offset.zone
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<TzOffset> {
        self.offset_from_local_datetime(&local.and_time(NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<TzOffset> {
        let offset = |period| TzOffset {
            zone: *self,
            period,
        };
        let mut showing = self.periods_showing(local.and_utc().timestamp());
        match (showing.next(), showing.last()) {
            (None, _) => MappedLocalTime::None,
            (Some(period), None) => MappedLocalTime::Single(offset(period)),
            (Some(first), Some(last)) => MappedLocalTime::Ambiguous(offset(first), offset(last)),
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> TzOffset {
        self.offset_from_utc_datetime(&utc.and_time(NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> TzOffset {
        TzOffset {
            zone: *self,
            period: self.period_at(utc.and_utc().timestamp()),
        }
    }
}
