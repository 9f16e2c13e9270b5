//! The days of one time zone, as a table of the spans in which its clocks have one offset.
//!
//! SPEC T2 defines a day by its first instant. A day begins when the zone's clocks first show its date or a later one;
//! the day of an instant is then the latest date shown up to that instant. Usually that is the date shown *at* it; it is
//! not in the hour after clocks went back over midnight, which still belongs to the day that had begun. The same
//! definition covers a midnight that does not exist (the day begins at the first instant that shows its date) and a
//! skipped date (its start is that of the next, so it has no instants).

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::{LazyLock, OnceLock};

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Seconds from 1840 to 2101: no zone's clocks changed before or will change after, as far as the database says.
const ALL: Range<i64> = -4_102_444_800..4_133_980_800;

/// Seconds from 1999 to 2050, where events lie: their spans are found first, and mostly alone.
const RECENT: Range<i64> = 915_148_800..2_524_608_000;

/// Clocks change at most once within so many seconds; the closest two changes in the database are 7 days apart.
const PROBE: i64 = 4 * 86_400;

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
    zone: Tz,
    recent: Vec<Span>,
    all: OnceLock<Vec<Span>>,
}

/// No time zone has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownZone(String);

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown time zone {:?}; accepted are IANA names such as America/New_York",
            self.0
        )
    }
}

impl std::error::Error for UnknownZone {}

static ZONES: LazyLock<Vec<OnceLock<Zone>>> =
    LazyLock::new(|| TZ_VARIANTS.iter().map(|_| OnceLock::new()).collect());

impl Zone {
    /// The zone with an IANA name, built when it is first asked for.
    pub fn named(name: &str) -> Result<&'static Zone, UnknownZone> {
        let unknown = || UnknownZone(name.to_owned());
        let zone = Tz::from_str(name).map_err(|_| unknown())?;
        let slot = ZONES.get(zone as usize).ok_or_else(unknown)?;
        Ok(slot.get_or_init(|| Zone::build(zone)))
    }

    fn build(zone: Tz) -> Self {
        // Probed from a month before, so that what had begun at the start is known; what lies outside is cut off.
        let month = 30 * 86_400;
        let mut recent = spans(zone, RECENT.start - month..RECENT.end + month);
        recent.retain(|span| span.end > RECENT.start * SECOND && span.start < RECENT.end * SECOND);
        for span in &mut recent {
            span.start = span.start.max(RECENT.start * SECOND);
            span.end = span.end.min(RECENT.end * SECOND);
        }
        Self {
            zone,
            recent,
            all: OnceLock::new(),
        }
    }

    fn all(&self) -> &[Span] {
        self.all.get_or_init(|| spans(self.zone, ALL))
    }

    fn span(&self, instant: i64) -> Span {
        let spans = if (RECENT.start * SECOND..RECENT.end * SECOND).contains(&instant) {
            &self.recent
        } else {
            self.all()
        };
        spans[spans.partition_point(|span| span.start <= instant) - 1]
    }

    /// The day of an instant: days since 1970-01-01 of microseconds since then.
    pub fn date(&self, instant: i64) -> i32 {
        self.cursor().date(instant)
    }

    /// The first instant of a day; of a date that the zone skips, that of the next day. None where it is beyond what a
    /// timestamp can hold.
    pub fn start(&self, day: i32) -> Option<i64> {
        let day = i64::from(day);
        // No clock is as much as two days ahead of another.
        let recent = RECENT.start / 86_400 + 2..RECENT.end / 86_400 - 2;
        let spans = if recent.contains(&day) {
            &self.recent
        } else {
            self.all()
        };
        let span = spans.get(spans.partition_point(|span| span.reached < day))?;
        let shown = day.checked_mul(DAY)?.checked_sub(span.offset)?;
        Some(shown.max(span.start))
    }

    /// A reader for many instants, fast where neighbours are near in time.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor {
            zone: self,
            span: self.recent[self.recent.len() - 1],
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

/// The spans of a zone, probed between two seconds and reaching to the ends of time.
fn spans(zone: Tz, probed: Range<i64>) -> Vec<Span> {
    let mut changes = vec![(i64::MIN, offset(zone, probed.start))];
    let (mut from, mut before) = (probed.start, offset(zone, probed.start));
    while from < probed.end {
        let to = from + PROBE;
        let after = offset(zone, to);
        if before != after {
            changes.push((first_change(zone, from, to) * SECOND, after));
        }
        (from, before) = (to, after);
    }
    let mut begun = i64::MIN;
    changes
        .iter()
        .enumerate()
        .map(|(i, &(start, seconds))| {
            let end = changes.get(i + 1).map_or(i64::MAX, |next| next.0);
            let offset = seconds * SECOND;
            let reached = begun.max(date_shown(end - 1, offset));
            let span = Span {
                start,
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

/// What the zone's clocks are ahead of UTC, in seconds.
fn offset(zone: Tz, second: i64) -> i64 {
    // Every probed second is a date that chrono knows.
    let instant = DateTime::from_timestamp(second, 0).unwrap_or_default();
    i64::from(
        zone.offset_from_utc_datetime(&instant.naive_utc())
            .fix()
            .local_minus_utc(),
    )
}

/// The first second in `(from, to]` with the offset of `to`.
fn first_change(zone: Tz, mut from: i64, mut to: i64) -> i64 {
    let after = offset(zone, to);
    while to - from > 1 {
        let middle = from + (to - from) / 2;
        if offset(zone, middle) == after {
            to = middle;
        } else {
            from = middle;
        }
    }
    to
}

#[cfg(test)]
mod tests;
