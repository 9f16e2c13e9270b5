//! The days of one time zone, as a table of the spans in which its clocks have one offset from UTC.
//!
//! SPEC T2 defines a day by its first instant. A day begins when the zone's clocks first show its date or a later one, and
//! the day of an instant is the latest date shown up to that instant. Usually that is the date shown *at* the instant. The
//! exception is the hour after clocks went back over midnight, which still belongs to the day that had begun. The same
//! definition covers a midnight that does not exist (the day begins at the first instant that shows its date) and a
//! skipped date (its start is that of the next date, so it has no instants).

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use rapport_zones::Tz;
pub use rapport_zones::UnknownZone;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Describes a span of time in which the zone's clocks have one offset from UTC. Instants are microseconds since 1970,
/// days are days since 1970-01-01.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// The first instant.
    start: i64,
    /// The first instant of the next span.
    end: i64,
    /// How far local clocks are ahead of UTC, in microseconds.
    offset: i64,
    /// The latest day that clocks showed before the span.
    day_before_start: i64,
    /// The latest day that clocks showed up to the end of the span.
    day_at_end: i64,
}

/// Converts between the days and the instants of a time zone.
#[derive(Debug)]
pub struct Zone {
    /// In order and without gaps, from the first `i64` of microseconds to the last.
    spans: Vec<Span>,
}

/// Caches the zones that were asked for, until the process ends.
static ZONES: LazyLock<RwLock<HashMap<&'static str, &'static Zone>>> =
    LazyLock::new(Default::default);

impl Zone {
    /// Returns the zone with an IANA name, building its table on the first call.
    pub fn named(name: &str) -> Result<&'static Zone, UnknownZone> {
        if let Some(zone) = ZONES
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
        {
            return Ok(zone);
        }
        let zone = Tz::named(name)?;
        let mut known = ZONES.write().unwrap_or_else(PoisonError::into_inner);
        Ok(known
            .entry(zone.name())
            .or_insert_with(|| Box::leak(Box::new(Zone { spans: spans(zone) }))))
    }

    fn span(&self, instant: i64) -> Span {
        // The first span begins at `i64::MIN`, so at least one starts at or before any instant.
        self.spans[self.spans.partition_point(|span| span.start <= instant) - 1]
    }

    /// Returns the day of an instant: microseconds since 1970 to days since 1970-01-01.
    pub fn date(&self, instant: i64) -> i32 {
        self.cursor().date(instant)
    }

    /// Returns the first instant of a day, or of the next day where the zone skips the date. None where a timestamp cannot
    /// hold it.
    pub fn start(&self, day: i32) -> Option<i64> {
        let day = i64::from(day);
        let span = self.spans.partition_point(|span| span.day_at_end < day);
        let span = self.spans.get(span)?;
        let shown = day.checked_mul(DAY)?.checked_sub(span.offset)?;
        Some(shown.max(span.start))
    }

    /// Returns a reader for many instants, which is fast where neighbouring instants are near in time.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor {
            zone: self,
            span: self.spans[self.spans.len() - 1],
        }
    }
}

/// Reads the days of many instants, caching the span of the last one.
pub(crate) struct Cursor<'a> {
    zone: &'a Zone,
    span: Span,
}

impl Cursor<'_> {
    /// Returns the day of an instant, as [`Zone::date`] does.
    #[inline]
    pub(crate) fn date(&mut self, instant: i64) -> i32 {
        if instant < self.span.start || instant >= self.span.end {
            self.span = self.zone.span(instant);
        }
        // Every i64 of microseconds is within ± 107 million days.
        date_shown(instant, self.span.offset).max(self.span.day_before_start) as i32
    }
}

#[inline]
fn date_shown(instant: i64, offset: i64) -> i64 {
    instant.saturating_add(offset).div_euclid(DAY)
}

/// Builds the spans of a zone, covering all of `i64`.
fn spans(zone: Tz) -> Vec<Span> {
    let periods = zone.periods();
    let start = |second: i64| second.saturating_mul(SECOND);
    let mut day_before_start = i64::MIN;
    let ends = periods[1..]
        .iter()
        .map(|next| start(next.start))
        .chain([i64::MAX]);
    periods
        .iter()
        .zip(ends)
        .map(|(period, end)| {
            let offset = i64::from(period.offset) * SECOND;
            let day_at_end = day_before_start.max(date_shown(end - 1, offset));
            let span = Span {
                start: start(period.start),
                end,
                offset,
                day_before_start,
                day_at_end,
            };
            day_before_start = day_at_end;
            span
        })
        .collect()
}

#[cfg(test)]
mod tests;
