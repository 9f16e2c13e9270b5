//! A time zone, as a table of the periods in which its clocks have one offset from UTC.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{LazyLock, PoisonError, RwLock};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::database::Database;
use crate::fingerprint::Fingerprint;

/// 2500-01-01, in seconds since 1970: recurring rules are followed up to here.
const LAST: i64 = 16_725_225_600;

/// Refers to a time zone of the database in use.
#[derive(Clone, Copy)]
pub struct Tz(&'static Rules);

struct Rules {
    name: &'static str,
    /// Sorted by start; the first starts at `i64::MIN`, and the last never ends.
    periods: &'static [Period],
}

/// Describes a span of time in which a zone's clocks have one offset from UTC and one abbreviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first second, since 1970-01-01 UTC; `i64::MIN` for the first period.
    pub start: i64,
    /// Seconds east of UTC.
    pub offset: i32,
    /// The abbreviation (`EDT`), or the offset where there is none (`+0530`).
    pub abbreviation: &'static str,
    /// Whether it is daylight saving time.
    pub is_dst: bool,
}

/// Reports that no time zone has this name.
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

static UTC: Rules = Rules {
    name: "UTC",
    periods: &[Period {
        start: i64::MIN,
        offset: 0,
        abbreviation: "UTC",
        is_dst: false,
    }],
};

/// Caches the zones that were asked for, until the process ends; there are only some hundreds.
static ZONES: LazyLock<RwLock<HashMap<&'static str, Tz>>> =
    LazyLock::new(|| RwLock::new(HashMap::from([(UTC.name, Tz::UTC)])));

/// All names, by their lower-case form.
static NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let names = Database::in_use().names().into_iter();
    names
        .map(|name| (name.to_ascii_lowercase(), intern(&name)))
        .collect()
});

impl Tz {
    /// The zone UTC.
    pub const UTC: Tz = Tz(&UTC);

    /// Finds a zone by its case-sensitive name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<Tz, UnknownZone> {
        let known = ZONES.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(zone) = known.get(name) {
            return Ok(*zone);
        }
        drop(known);
        let rules = Database::in_use().rules(name);
        let rules = rules.ok_or_else(|| UnknownZone(name.to_owned()))?;
        let mut known = ZONES.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(zone) = known.get(name) {
            return Ok(*zone);
        }
        let zone = Tz::from_rules(name, &rules);
        known.insert(zone.name(), zone);
        Ok(zone)
    }

    /// Finds a zone by its name in any letter case, as PostgreSQL does.
    pub fn find_ignoring_case(name: &str) -> Option<Tz> {
        if let Ok(zone) = Tz::named(name) {
            return Some(zone);
        }
        let name = NAMES.get(&name.to_ascii_lowercase())?;
        Tz::named(name).ok()
    }

    /// Lists the names of all zones, sorted.
    pub fn names() -> Vec<&'static str> {
        let mut names: Vec<&'static str> = NAMES.values().copied().collect();
        names.sort_unstable();
        names
    }

    /// Builds the table of a zone, which stays in memory until the process ends.
    pub(crate) fn from_rules(name: &str, rules: &TimeZone) -> Tz {
        let first = rules.to_offset_info(Timestamp::MIN);
        let mut periods = vec![Period {
            start: i64::MIN,
            offset: first.offset().seconds(),
            abbreviation: intern(first.abbreviation()),
            is_dst: first.dst().is_dst(),
        }];
        for change in rules.following(Timestamp::MIN) {
            let start = change.timestamp().as_second();
            if start >= LAST {
                break;
            }
            let period = Period {
                start,
                offset: change.offset().seconds(),
                abbreviation: intern(change.abbreviation()),
                is_dst: change.dst().is_dst(),
            };
            // Some changes alter neither the offset nor the abbreviation.
            let before = periods.last();
            if before.is_none_or(|before| Period { start, ..*before } != period) {
                periods.push(period);
            }
        }
        let rules = Rules {
            name: intern(name),
            periods: Vec::leak(periods),
        };
        Tz(Box::leak(Box::new(rules)))
    }

    /// Returns the name, as the database spells it.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Returns all periods, sorted by start.
    pub fn periods(self) -> &'static [Period] {
        self.0.periods
    }

    /// Returns a number that changes when the zone's offsets change, but not when a database encodes them differently.
    pub fn fingerprint(self) -> i64 {
        let mut hash = Fingerprint::default();
        let mut before = None;
        for Period { start, offset, .. } in self.0.periods {
            if before.replace(*offset) != Some(*offset) {
                hash.add(&start.to_le_bytes());
                hash.add(&offset.to_le_bytes());
            }
        }
        hash.finish()
    }

    /// Returns the period of an instant, given in seconds since 1970-01-01 UTC.
    #[inline]
    pub fn period_at(self, second: i64) -> &'static Period {
        let after = self.0.periods.partition_point(|p| p.start <= second);
        // The first period starts at `i64::MIN`.
        &self.0.periods[after.saturating_sub(1)]
    }

    /// Returns the periods whose clocks show a local second, sorted by start: none where clocks skip it, two where they show
    /// it twice.
    pub fn periods_showing(self, local: i64) -> impl Iterator<Item = &'static Period> {
        /// More seconds than any clock is from UTC.
        const FARTHEST: i64 = 2 * 86_400;
        let periods = self.0.periods;
        let from = periods
            .partition_point(|p| p.start <= local.saturating_sub(FARTHEST))
            .saturating_sub(1);
        let to = periods.partition_point(|p| p.start <= local.saturating_add(FARTHEST));
        (from..to).filter_map(move |at| {
            let period = &periods[at];
            let second = local.saturating_sub(i64::from(period.offset));
            let ended = periods.get(at + 1).is_some_and(|next| next.start <= second);
            (period.start <= second && !ended).then_some(period)
        })
    }
}

/// Returns a text that lives until the process ends, the same for equal texts.
fn intern(text: &str) -> &'static str {
    static TEXTS: LazyLock<RwLock<std::collections::HashSet<&'static str>>> =
        LazyLock::new(Default::default);
    let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = texts.get(text) {
        return known;
    }
    let text: &'static str = Box::leak(text.into());
    texts.insert(text);
    text
}

impl PartialEq for Tz {
    fn eq(&self, other: &Tz) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Tz {}

impl std::hash::Hash for Tz {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl FromStr for Tz {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Tz, UnknownZone> {
        Tz::named(name)
    }
}

impl fmt::Display for Tz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Tz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tz({})", self.name())
    }
}
