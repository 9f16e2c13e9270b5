//! How far the derived tables are behind what has landed, in versions and in time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rapport_engine::lake::{LakeSnapshot, TableId};

/// Landings that are told apart; of more, the later ones count as if they had come together.
const LANDINGS: usize = 256;

/// Versions of the tables that deriving consumes.
pub(super) type Versions = [i64; TableId::CONSUMED.len()];

/// Whether some derived table has not consumed the newest version of an input.
pub(super) fn is_behind(lake: &LakeSnapshot) -> bool {
    !covers(&consumed(lake), &landed(lake))
}

/// What has landed.
pub(super) fn landed(lake: &LakeSnapshot) -> Versions {
    TableId::CONSUMED.map(|input| lake.get(input).version())
}

/// What all derived tables have consumed.
fn consumed(lake: &LakeSnapshot) -> Versions {
    TableId::CONSUMED.map(|input| {
        let by = |derived: TableId| lake.get(derived).transaction(input.name()).unwrap_or(0);
        TableId::DERIVED.into_iter().map(by).min().unwrap_or(0)
    })
}

fn covers(consumed: &Versions, landed: &Versions) -> bool {
    consumed.iter().zip(landed).all(|(c, l)| c >= l)
}

/// What has landed and waits to be derived.
///
/// Where events come all the time there is always something that waits, so the time counts from when the oldest of it was
/// first seen, whichever server derives it.
#[derive(Debug, Default)]
pub(super) struct Lag {
    waiting: VecDeque<Landing>,
}

#[derive(Debug)]
struct Landing {
    versions: Versions,
    seen: Instant,
}

impl Lag {
    /// Takes in how the lake is now.
    pub fn look(&mut self, lake: &LakeSnapshot, now: Instant) {
        self.update(landed(lake), &consumed(lake), now);
    }

    fn update(&mut self, landed: Versions, consumed: &Versions, now: Instant) {
        let newest = self.waiting.back().map(|landing| landing.versions);
        if newest != Some(landed) {
            let full = self.waiting.len() == LANDINGS;
            let joined = if full { self.waiting.pop_back() } else { None };
            self.waiting.push_back(Landing {
                versions: landed,
                seen: joined.map_or(now, |landing| landing.seen),
            });
        }
        let derived = |landing: &Landing| covers(consumed, &landing.versions);
        while self.waiting.front().is_some_and(derived) {
            self.waiting.pop_front();
        }
    }

    /// For how long something has waited; zero if nothing does.
    pub fn time(&self, now: Instant) -> Duration {
        let oldest = self.waiting.front();
        oldest.map_or(Duration::ZERO, |oldest| now.duration_since(oldest.seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lag that is told how the lake was in each second from 0 on: what had landed, and what was consumed of it.
    fn after(seconds: impl IntoIterator<Item = (i64, i64)>) -> u64 {
        let mut lag = Lag::default();
        let mut now = Instant::now();
        let mut time = Duration::ZERO;
        for (landed, consumed) in seconds {
            lag.update([landed, 0, 0, 0], &[consumed, 0, 0, 0], now);
            time = lag.time(now);
            now += Duration::from_secs(1);
        }
        time.as_secs()
    }

    #[test]
    fn the_oldest_that_waits_counts() {
        assert_eq!(after([(0, 0), (0, 0)]), 0);
        assert_eq!(after([(1, 0), (1, 0), (1, 0)]), 2);
        assert_eq!(after([(1, 0), (2, 0), (3, 0)]), 2);
        assert_eq!(after([(1, 0), (1, 0), (1, 1)]), 0);
        assert_eq!(after([(1, 0), (1, 1), (2, 1), (2, 1)]), 1);
        assert_eq!(after([(3, 2), (3, 2), (4, 3), (4, 3)]), 1);
    }

    /// Each is derived two seconds after it came, and the next is there already.
    #[test]
    fn a_lake_that_never_rests_is_not_ever_further_behind() {
        assert_eq!(after((2..1000).map(|second| (second, second - 2))), 1);
    }

    #[test]
    fn what_waits_for_long_takes_no_more_room() {
        let mut lag = Lag::default();
        let start = Instant::now();
        let many = 10 * LANDINGS as i64;
        for second in 1..=many {
            lag.update([second, 0, 0, 0], &[0; 4], start);
        }
        assert_eq!(lag.waiting.len(), LANDINGS);
        lag.update([many, 0, 0, 0], &[many, 0, 0, 0], start);
        assert_eq!(lag.time(start), Duration::ZERO);
    }
}
