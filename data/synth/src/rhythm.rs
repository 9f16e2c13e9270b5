//! When things happen: the weight of an hour in a shop's local time, and shares handed out by weight.
//!
//! Integers throughout, so that every share is exact and the total of a run is what was asked for.

use chrono::{DateTime, Datelike, Offset, TimeZone, Timelike};
use rapport_zones::Tz;

use super::dice::hash;

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

const BY_HOUR: [u64; 24] = [
    14, 8, 5, 4, 4, 7, 15, 27, 42, 56, 64, 68, 70, 66, 63, 62, 64, 68, 76, 86, 92, 84, 58, 32,
];
/// Monday first.
const BY_WEEKDAY: [u64; 7] = [108, 102, 99, 98, 101, 88, 94];

/// Where an instant stands in a shop's local time.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalHour {
    pub(super) hour: u32,
    /// 0 is Monday.
    pub(super) weekday: u32,
    /// Days since 1970-01-01.
    pub(super) day: i64,
}

impl LocalHour {
    /// The local hour of `micros` (since the epoch, UTC) in `zone`.
    pub(super) fn of(micros: i64, zone: Tz) -> Self {
        let utc = DateTime::from_timestamp_micros(micros)
            .unwrap_or_default()
            .naive_utc();
        let offset = zone.offset_from_utc_datetime(&utc).fix().local_minus_utc();
        let local = utc + chrono::Duration::seconds(i64::from(offset));
        let day = (micros + i64::from(offset) * SECOND).div_euclid(DAY);
        Self {
            hour: local.hour(),
            weekday: local.weekday().num_days_from_monday(),
            day,
        }
    }

    /// How much happens in this hour: the daily and weekly rhythm, a busy day now and then, some noise, and a shop
    /// that grows: `done` of `whole` of its time have passed.
    pub(super) fn weight(self, seed: u64, done: u64, whole: u64) -> u64 {
        let noise = 850 + hash(seed, done, 1) % 300;
        let busy = if hash(seed, self.day as u64, 2).is_multiple_of(28) {
            17
        } else {
            10
        };
        let growth = 90 + 20 * done / whole.max(1);
        BY_HOUR[self.hour as usize] * BY_WEEKDAY[self.weekday as usize] * noise * busy * growth
            / 10_000
    }
}

/// A number of things handed out in proportion to weight passed, none lost to rounding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    total: u64,
    given: u64,
}

impl Quota {
    pub(super) const fn new(total: u64) -> Self {
        Self { total, given: 0 }
    }

    /// What is due, beyond what was given before, once `passed` of `whole` has passed.
    pub(super) fn take(&mut self, passed: u64, whole: u64) -> u64 {
        let due = share(self.total, passed, whole);
        let taken = due.saturating_sub(self.given);
        self.given += taken;
        taken
    }
}

/// `total * part / whole`, cut off, without overflow.
pub(super) fn share(total: u64, part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    (u128::from(total) * u128::from(part) / u128::from(whole)) as u64
}
