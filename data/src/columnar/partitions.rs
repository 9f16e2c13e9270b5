//! Rows of one partition put next to each other while their columns are built, which costs nothing then: whoever lands them
//! moves whole stretches of rows, not one row after the other.

use crate::check::Checked;
use crate::instant;
use ahash::RandomState;
use std::borrow::Cow;
use std::collections::HashMap;

/// The partitions of one table in a batch.
#[derive(Default)]
pub(super) struct Partitions<'a> {
    accounts: HashMap<Cow<'a, str>, u32, RandomState>,
    /// Neighbours often share their account.
    latest: Option<(Cow<'a, str>, u32)>,
}

impl<'a> Partitions<'a> {
    /// The place of an event's partition among the others: by account in the order of arrival, then by UTC date. A stable
    /// sort by it groups events and keeps those of a partition in the order of arrival.
    pub(super) fn place(&mut self, event: &Checked<'a>) -> (u32, i32) {
        let number = match &self.latest {
            Some((latest, number)) if *latest == event.account => *number,
            _ => {
                let next = self.accounts.len() as u32;
                let number = match self.accounts.get(event.account.as_ref()) {
                    Some(number) => *number,
                    None => *self.accounts.entry(event.account.clone()).or_insert(next),
                };
                self.latest = Some((event.account.clone(), number));
                number
            }
        };
        (number, instant::date(event.occurred_at))
    }
}
