//! Groups the rows of a batch by partition (account and UTC date).
//!
//! Grouping while the columns are built costs nothing, and landing then copies whole runs of rows instead of single rows.

use crate::check::Checked;
use crate::instant;
use ahash::RandomState;
use std::borrow::Cow;
use std::collections::HashMap;

/// Numbers the accounts of one table in a batch.
#[derive(Default)]
pub(super) struct Partitions<'a> {
    accounts: HashMap<Cow<'a, str>, u32, RandomState>,
    /// The account of the last event, cached since neighbouring rows often share it.
    latest: Option<(Cow<'a, str>, u32)>,
}

impl<'a> Partitions<'a> {
    /// Returns the sort key of an event's partition: the account's number in order of arrival, then the UTC date. A stable
    /// sort by it groups the events, and keeps the events of a partition in order of arrival.
    pub(super) fn sort_key(&mut self, event: &Checked<'a>) -> (u32, i32) {
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
