//! Measures the lag of the derived tables behind the landed events and settings, in versions and in time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rapport_engine::lake::{LakeSnapshot, TableId};

/// How many landings are remembered; beyond that, later ones count as having come with the last remembered.
const MAX_LANDINGS: usize = 256;

/// Represents the version of each table that deriving consumes, in the order of [`TableId::CONSUMED`].
pub(super) type Versions = [i64; TableId::CONSUMED.len()];

/// Whether some derived table has not consumed the newest version of an input.
pub(super) fn has_unconsumed(lake: &LakeSnapshot) -> bool {
    !covers(&consumed_versions(lake), &landed_versions(lake))
}

/// Returns the newest versions of the inputs.
pub(super) fn landed_versions(lake: &LakeSnapshot) -> Versions {
    TableId::CONSUMED.map(|input| lake.get(input).version())
}

/// Returns the versions of the inputs that all derived tables have consumed.
fn consumed_versions(lake: &LakeSnapshot) -> Versions {
    TableId::CONSUMED.map(|input| {
        let by = |derived: TableId| lake.get(derived).transaction(input.name()).unwrap_or(0);
        TableId::DERIVED.into_iter().map(by).min().unwrap_or(0)
    })
}

fn covers(consumed: &Versions, landed: &Versions) -> bool {
    consumed.iter().zip(landed).all(|(c, l)| c >= l)
}

/// Tracks the landings that are not derived yet, and since when this server has seen them.
///
/// Where events land all the time some landing is always pending, so the lag is the age of the oldest pending one,
/// whichever server derives it.
#[derive(Debug, Default)]
pub(super) struct Lag {
    pending: VecDeque<Landing>,
}

#[derive(Debug)]
struct Landing {
    versions: Versions,
    seen: Instant,
}

impl Lag {
    /// Takes in the lake's current versions.
    pub fn observe(&mut self, lake: &LakeSnapshot, now: Instant) {
        self.update(landed_versions(lake), &consumed_versions(lake), now);
    }

    fn update(&mut self, landed: Versions, consumed: &Versions, now: Instant) {
        let newest = self.pending.back().map(|landing| landing.versions);
        if newest != Some(landed) {
            let full = self.pending.len() == MAX_LANDINGS;
            let joined = if full { self.pending.pop_back() } else { None };
            self.pending.push_back(Landing {
                versions: landed,
                seen: joined.map_or(now, |landing| landing.seen),
            });
        }
        let derived = |landing: &Landing| covers(consumed, &landing.versions);
        while self.pending.front().is_some_and(derived) {
            self.pending.pop_front();
        }
    }

    /// Returns the age of the oldest pending landing; zero if there is none.
    pub fn age(&self, now: Instant) -> Duration {
        let oldest = self.pending.front();
        oldest.map_or(Duration::ZERO, |oldest| now.duration_since(oldest.seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lag in seconds after a lake has had these landed and consumed versions, one pair per second.
    fn lag_after(seconds: impl IntoIterator<Item = (i64, i64)>) -> u64 {
        let mut lag = Lag::default();
        let mut now = Instant::now();
        let mut time = Duration::ZERO;
        for (landed, consumed) in seconds {
            lag.update([landed, 0, 0, 0], &[consumed, 0, 0, 0], now);
            time = lag.age(now);
            now += Duration::from_secs(1);
        }
        time.as_secs()
    }

    #[test]
    fn the_lag_is_the_age_of_the_oldest_pending_landing() {
        assert_eq!(lag_after([(0, 0), (0, 0)]), 0);
        assert_eq!(lag_after([(1, 0), (1, 0), (1, 0)]), 2);
        assert_eq!(lag_after([(1, 0), (2, 0), (3, 0)]), 2);
        assert_eq!(lag_after([(1, 0), (1, 0), (1, 1)]), 0);
        assert_eq!(lag_after([(1, 0), (1, 1), (2, 1), (2, 1)]), 1);
        assert_eq!(lag_after([(3, 2), (3, 2), (4, 3), (4, 3)]), 1);
    }

    /// Each landing is derived two seconds after it came, when the next is there already.
    #[test]
    fn the_lag_does_not_grow_while_events_land_all_the_time() {
        assert_eq!(lag_after((2..1000).map(|second| (second, second - 2))), 1);
    }

    #[test]
    fn pending_landings_are_bounded() {
        let mut lag = Lag::default();
        let start = Instant::now();
        let many = 10 * MAX_LANDINGS as i64;
        for second in 1..=many {
            lag.update([second, 0, 0, 0], &[0; 4], start);
        }
        assert_eq!(lag.pending.len(), MAX_LANDINGS);
        lag.update([many, 0, 0, 0], &[many, 0, 0, 0], start);
        assert_eq!(lag.age(start), Duration::ZERO);
    }
}
