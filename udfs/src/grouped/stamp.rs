//! The order of events (SPEC E2).

use std::cmp::Ordering;

use super::{Decoder, Encoder, Pool, Text};
use datafusion::common::Result;

/// Identifies an event by its instant and id, or stands for no event.
///
/// Events are ordered by instant, then by id, bytewise (SPEC E2); no event comes before any event. The id lies in the pool.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stamp {
    at: i64,
    id: Text,
}

impl Stamp {
    /// Returns whether there is an event.
    #[inline]
    pub(crate) fn is_some(self) -> bool {
        self.id.is_some()
    }

    /// Returns the instant of the event.
    pub(crate) fn at(self) -> Option<i64> {
        self.is_some().then_some(self.at)
    }

    /// Returns the id of the event.
    pub(crate) fn id(self, pool: &Pool) -> Option<&[u8]> {
        pool.get(self.id)
    }

    /// Replaces the kept event by a later one. Returns whether it was replaced.
    #[inline]
    pub(crate) fn keep_later(&mut self, at: i64, id: &[u8], pool: &mut Pool) -> bool {
        self.replace(at, id, pool, Ordering::Greater)
    }

    /// Replaces the kept event by an earlier one. Returns whether it was replaced.
    #[inline]
    pub(crate) fn keep_earlier(&mut self, at: i64, id: &[u8], pool: &mut Pool) -> bool {
        self.replace(at, id, pool, Ordering::Less)
    }

    #[inline]
    fn replace(&mut self, at: i64, id: &[u8], pool: &mut Pool, wanted: Ordering) -> bool {
        if let Some(kept) = pool.get(self.id) {
            let order = at.cmp(&self.at).then_with(|| id.cmp(kept));
            if order != wanted {
                return false;
            }
        }
        self.at = at;
        pool.set(&mut self.id, Some(id));
        true
    }

    /// Returns whether this event is later than another. Any event is later than no event.
    pub(crate) fn is_later_than(self, other: Stamp, pool: &Pool) -> bool {
        self.compare(other, pool) == Ordering::Greater
    }

    /// Compares two events; no event comes first.
    pub(crate) fn compare(self, other: Stamp, pool: &Pool) -> Ordering {
        match (pool.get(self.id), pool.get(other.id)) {
            (Some(id), Some(other_id)) => self.at.cmp(&other.at).then_with(|| id.cmp(other_id)),
            (id, other_id) => id.is_some().cmp(&other_id.is_some()),
        }
    }

    /// Visits the handle of the id, as [`Fold::visit`](super::Fold::visit) does.
    pub(crate) fn visit(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        visit(&mut self.id);
    }

    /// Writes the id, and the instant if there is an event.
    pub(crate) fn encode(self, pool: &Pool, out: &mut Encoder) {
        out.text(pool.get(self.id));
        if self.is_some() {
            out.instant(self.at);
        }
    }

    /// Reads what [`Stamp::encode`] wrote.
    pub(crate) fn decode<'a>(state: &mut Decoder<'a>) -> Result<Option<(i64, &'a [u8])>> {
        let Some(id) = state.text()? else {
            return Ok(None);
        };
        Ok(Some((state.instant()?, id)))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[(1, "b"), (1, "a"), (0, "z")], (1, "b"), (0, "z"))]
    // Bytewise: digits before capitals before small letters, a prefix before a longer text.
    #[case(&[(5, "a"), (5, "Z"), (5, "9"), (5, "10"), (5, "a0")], (5, "a0"), (5, "10"))]
    #[case(&[(-1, "é"), (-1, "z")], (-1, "é"), (-1, "z"))]
    fn e2_keeps_the_latest_and_the_earliest_in_any_order(
        #[case] events: &[(i64, &str)],
        #[case] latest: (i64, &str),
        #[case] earliest: (i64, &str),
    ) {
        for rotation in 0..events.len() {
            let (mut pool, mut high, mut low) =
                (Pool::default(), Stamp::default(), Stamp::default());
            for i in 0..events.len() {
                let (at, id) = events[(i + rotation) % events.len()];
                high.keep_later(at, id.as_bytes(), &mut pool);
                low.keep_earlier(at, id.as_bytes(), &mut pool);
            }
            let read = |stamp: Stamp| {
                (
                    stamp.at,
                    std::str::from_utf8(pool.get(stamp.id).unwrap()).unwrap(),
                )
            };
            assert_eq!((read(high), read(low)), (latest, earliest));
            assert!(high.is_later_than(low, &pool) && !low.is_later_than(high, &pool));
            assert!(low.is_later_than(Stamp::default(), &pool));
            assert!(!Stamp::default().is_later_than(low, &pool));
        }
    }
}
