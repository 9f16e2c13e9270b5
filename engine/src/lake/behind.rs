//! Marks of accounts that a derived table has yet to derive, though it has consumed their newest events.
//!
//! A derive commits some accounts while others are still to do, and an account that cannot be derived must not block the
//! others. The rows of such an account stay as they are, and the commit that consumes the others' events marks it. From then
//! on the consumed versions no longer say which of its events are missing: the mark says what to derive. It is an application
//! transaction named after the account, and all derived tables have the same ones.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::snapshot::TableSnapshot;
use super::{Lake, TableId};

/// Prefix of the transactions that mark accounts.
const PREFIX: &str = "behind/";

/// The number of bits of each part of a backfill in a mark.
const BITS: u32 = 20;
const MASK: i64 = (1 << BITS) - 1;
/// Added to a day, so that days from the year 533 on are positive.
const DAY_OFFSET: i32 = 1 << (BITS - 1);

/// Name of the transaction that tells which backfill marked accounts last.
const UNDER_WAY: &str = "backfill";

const FAILED: i64 = 1;
const WHOLE: i64 = 2;
/// The lowest bits of the mark of a backfill.
const BACKFILL: i64 = 3;

/// What is to be derived of an account, and why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// All of it: it could not be derived.
    Failed,
    /// All of it: its turn has not come.
    Whole,
    /// The days of a backfill: its turn has not come, and all else is derived.
    Days(Backfill),
}

/// A backfill, as a mark names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backfill {
    days: RangeInclusive<i32>,
    accounts: i64,
}

impl Backfill {
    /// Names a backfill of a range of UTC days and of these accounts; none: of all.
    pub fn of(days: RangeInclusive<i32>, accounts: &[String]) -> Backfill {
        let within = |day: i32| day.clamp(-DAY_OFFSET, DAY_OFFSET - 1);
        let mut names: Vec<&str> = accounts.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let fingerprint = match names.is_empty() {
            true => 0,
            false => i64::from(crc32(&names.join("\n"))) & MASK,
        };
        Backfill {
            days: within(*days.start())..=within(*days.end()),
            accounts: fingerprint,
        }
    }

    /// Returns the UTC days to derive.
    pub fn days(&self) -> RangeInclusive<i32> {
        self.days.clone()
    }
}

/// Returns a fingerprint that is the same in every process.
fn crc32(text: &str) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(text.as_bytes());
    sum.sum()
}

impl Mark {
    fn encode(&self) -> i64 {
        let day = |day: i32| i64::from(day + DAY_OFFSET);
        match self {
            Mark::Failed => FAILED,
            Mark::Whole => WHOLE,
            Mark::Days(Backfill { days, accounts }) => {
                let days = day(*days.start()) << BITS | day(*days.end());
                (days << BITS | accounts) << 2 | BACKFILL
            }
        }
    }

    /// Decodes a mark; `None` for an account that is not marked. Deriving all of an account is always right.
    fn decode(number: i64) -> Option<Mark> {
        let day = |bits: i64| i32::try_from(bits & MASK).unwrap_or_default() - DAY_OFFSET;
        match number {
            0 => None,
            FAILED => Some(Mark::Failed),
            number if number & 3 == BACKFILL => Some(Mark::Days(Backfill {
                days: day(number >> (2 * BITS + 2))..=day(number >> (BITS + 2)),
                accounts: number >> 2 & MASK,
            })),
            _ => Some(Mark::Whole),
        }
    }

    /// Returns the mark of an account that both this and another apply to.
    pub fn and(self, other: Option<Mark>) -> Mark {
        match other {
            None => self,
            Some(other) if other == self => self,
            Some(_) => Mark::Whole,
        }
    }
}

/// Returns the transaction of a commit after which a backfill is under way, or none is.
pub(crate) fn mark_backfill(under_way: Option<Backfill>) -> (String, i64) {
    let number = under_way.map_or(0, |backfill| Mark::Days(backfill).encode());
    (UNDER_WAY.to_owned(), number)
}

/// Returns the transactions of a commit after which accounts are marked as given, where the table marks them otherwise.
pub(crate) fn mark_accounts(
    base: &TableSnapshot,
    marks: &BTreeMap<Arc<str>, Option<Mark>>,
) -> Vec<(String, i64)> {
    let changed = marks
        .iter()
        .filter(|(account, mark)| base.mark(account) != **mark);
    changed
        .map(|(account, mark)| {
            let number = mark.as_ref().map_or(0, Mark::encode);
            (format!("{PREFIX}{account}"), number)
        })
        .collect()
}

impl TableSnapshot {
    /// Returns the mark of an account; `None` for one that is not marked.
    pub(crate) fn mark(&self, account: &str) -> Option<Mark> {
        Mark::decode(self.transaction(&format!("{PREFIX}{account}"))?)
    }

    /// Returns the backfill that was under way at the last commit of one.
    pub(crate) fn backfill_under_way(&self) -> Option<Backfill> {
        match Mark::decode(self.transaction(UNDER_WAY)?) {
            Some(Mark::Days(backfill)) => Some(backfill),
            _ => None,
        }
    }

    /// Returns whether rows of an account do not rest on all events that the table has consumed.
    pub(crate) fn is_account_behind(&self, account: &str) -> bool {
        matches!(self.mark(account), Some(Mark::Failed | Mark::Whole))
    }

    /// Returns the marks of all accounts.
    fn marks(&self) -> impl Iterator<Item = Mark> {
        let numbers = self.transactions_with(PREFIX);
        numbers.filter_map(Mark::decode)
    }
}

/// How many accounts are marked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marked {
    /// Accounts that could not be derived.
    pub failed: usize,
    /// Accounts whose turn has not come.
    pub pending: usize,
}

impl Lake {
    /// Counts the marked accounts, by the newest known versions. Does no I/O.
    pub fn marked_accounts(&self) -> Marked {
        let lake = self.current();
        let mut most = Marked::default();
        for id in TableId::DERIVED {
            let (failed, pending): (Vec<Mark>, Vec<Mark>) =
                lake.get(id).marks().partition(|mark| *mark == Mark::Failed);
            most.failed = most.failed.max(failed.len());
            most.pending = most.pending.max(pending.len());
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn days(days: RangeInclusive<i32>, accounts: &[&str]) -> Mark {
        let accounts: Vec<String> = accounts.iter().map(ToString::to_string).collect();
        Mark::Days(Backfill::of(days, &accounts))
    }

    #[rstest]
    #[case::failed(Mark::Failed)]
    #[case::whole(Mark::Whole)]
    #[case::days_of_all(days(20_000..=20_090, &[]))]
    #[case::one_day(days(0..=0, &["acme"]))]
    #[case::before_1970(days(-20_000..=-1, &["acme", "beta"]))]
    #[case::widest(days(-DAY_OFFSET..=DAY_OFFSET - 1, &["acme"]))]
    fn a_mark_is_read_as_it_was_written(#[case] mark: Mark) {
        assert!(mark.encode() > 0);
        assert_eq!(Mark::decode(mark.encode()), Some(mark));
    }

    #[test]
    fn a_backfill_is_told_apart_by_its_days_and_accounts() {
        let all = [
            days(1..=9, &[]),
            days(1..=8, &[]),
            days(1..=9, &["acme"]),
            days(1..=9, &["acme", "beta"]),
        ];
        for (i, one) in all.iter().enumerate() {
            for (j, other) in all.iter().enumerate() {
                assert_eq!(one == other, i == j, "{one:?} {other:?}");
            }
        }
        assert_eq!(days(1..=9, &["beta", "acme", "beta"]), all[3]);
        assert_eq!(
            days(i32::MIN..=i32::MAX, &[]),
            days(-DAY_OFFSET..=DAY_OFFSET - 1, &[])
        );
    }

    #[test]
    fn two_marks_that_differ_ask_for_all_of_the_account() {
        let backfill = days(1..=9, &[]);
        assert_eq!(backfill.clone().and(None), backfill);
        assert_eq!(backfill.clone().and(Some(backfill.clone())), backfill);
        assert_eq!(backfill.clone().and(Some(days(1..=8, &[]))), Mark::Whole);
        assert_eq!(Mark::Failed.and(Some(backfill)), Mark::Whole);
    }
}
