//! The days of one time zone, as a table of the spans in which its clocks have one offset.
//!
//! SPEC T2 defines a day by its first instant. A day begins when the zone's clocks first show its date or a later one;
//! the day of an instant is then the latest date shown up to that instant. Usually that is the date shown *at* it; it is
//! not in the hour after clocks went back over midnight, which still belongs to the day that had begun. The same
//! definition covers a midnight that does not exist (the day begins at the first instant that shows its date) and a
//! skipped date (its start is that of the next, so it has no instants).

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use rapport_zones::Tz;
pub use rapport_zones::UnknownZone;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A stretch of time in which the zone's clocks have one offset from UTC.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// The first instant.
    start: i64,
    /// The first instant of the next span.
    end: i64,
    /// What local clocks are ahead of UTC, in microseconds.
    offset: i64,
    /// The latest day shown before the span began.
    begun: i64,
    /// The latest day shown up to its end.
    reached: i64,
}

/// The days of a time zone.
#[derive(Debug)]
pub struct Zone {
    /// In order, from the first instant that there is to the last.
    spans: Vec<Span>,
}

/// The zones that were asked for, which stay.
static ZONES: LazyLock<RwLock<HashMap<&'static str, &'static Zone>>> =
    LazyLock::new(Default::default);

impl Zone {
    /// The zone with an IANA name, built when it is first asked for.
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
        // The first span begins at the first instant that there is.
        self.spans[self.spans.partition_point(|span| span.start <= instant) - 1]
    }

    /// The day of an instant: days since 1970-01-01 of microseconds since then.
    pub fn date(&self, instant: i64) -> i32 {
        self.cursor().date(instant)
    }

    /// The first instant of a day; of a date that the zone skips, that of the next day. None where it is beyond what a
    /// timestamp can hold.
    pub fn start(&self, day: i32) -> Option<i64> {
        let day = i64::from(day);
        let span = self.spans.partition_point(|span| span.reached < day);
        let span = self.spans.get(span)?;
        let shown = day.checked_mul(DAY)?.checked_sub(span.offset)?;
        Some(shown.max(span.start))
    }

    /// A reader for many instants, fast where neighbours are near in time.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor {
            zone: self,
            span: self.spans[self.spans.len() - 1],
        }
    }
}

/// Reads days, keeping the span of the last instant.
pub(crate) struct Cursor<'a> {
    zone: &'a Zone,
    span: Span,
}

impl Cursor<'_> {
    /// The day of an instant.
    #[inline]
    pub(crate) fn date(&mut self, instant: i64) -> i32 {
        if instant < self.span.start || instant >= self.span.end {
            self.span = self.zone.span(instant);
        }
        // Every i64 of microseconds is within ± 107 million days.
        date_shown(instant, self.span.offset).max(self.span.begun) as i32
    }
}

#[inline]
fn date_shown(instant: i64, offset: i64) -> i64 {
    instant.saturating_add(offset).div_euclid(DAY)
}

/// The spans of a zone, reaching to the ends of time.
fn spans(zone: Tz) -> Vec<Span> {
    let periods = zone.periods();
    let start = |second: i64| second.saturating_mul(SECOND);
    let mut begun = i64::MIN;
    let ends = periods[1..]
        .iter()
        .map(|next| start(next.start))
        .chain([i64::MAX]);
    periods
        .iter()
        .zip(ends)
        .map(|(period, end)| {
            let offset = i64::from(period.offset) * SECOND;
            let reached = begun.max(date_shown(end - 1, offset));
            let span = Span {
                start: start(period.start),
                end,
                offset,
                begun,
                reached,
            };
            begun = reached;
            span
        })
        .collect()
}

#[cfg(test)]
mod tests;
