//! Accounts of which a derived table has not consumed what it has consumed of all others.
//!
//! One account that cannot be derived must not keep the others from being. Its part of the table then stays as it is, and
//! the commit that consumes the others' events marks it: what it lacks is no longer told by the versions that the table has
//! consumed, so all of its part is derived again. Each mark is an application transaction, as what is consumed is, and one
//! more counts them, because a log is asked for a transaction by its name.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::LakeError;
use super::snapshot::TableSnapshot;
use super::{Lake, TableId};

/// The name under which a derived table records how many accounts are behind.
pub(super) const BEHIND: &str = "behind";

fn name_of(account: &str) -> String {
    format!("{BEHIND}/{account}")
}

/// What a commit records so that `now` are behind, where `before` were.
pub(crate) fn mark(before: &BTreeSet<Arc<str>>, now: &BTreeSet<Arc<str>>) -> Vec<(String, i64)> {
    let changed = before.symmetric_difference(now);
    let mut marks: Vec<(String, i64)> = changed
        .map(|account| (name_of(account), i64::from(now.contains(account))))
        .collect();
    if !marks.is_empty() {
        let count = i64::try_from(now.len()).unwrap_or(i64::MAX);
        marks.push((BEHIND.to_owned(), count));
    }
    marks
}

impl TableSnapshot {
    /// Whether some account is behind.
    pub fn is_behind(&self) -> bool {
        self.transaction(BEHIND).is_some_and(|count| count > 0)
    }
}

impl Lake {
    /// Which of `accounts` are behind in a version of a derived table.
    pub(crate) async fn behind(
        &self,
        table: &TableSnapshot,
        accounts: BTreeSet<Arc<str>>,
    ) -> Result<BTreeSet<Arc<str>>, LakeError> {
        if !table.is_behind() {
            return Ok(BTreeSet::new());
        }
        let names: Vec<String> = accounts.iter().map(|account| name_of(account)).collect();
        let log = &self.0.logs[table.id() as usize];
        let marks = log.transactions(table.version(), &names).await?;
        let marked = accounts.into_iter().zip(marks);
        Ok(marked
            .filter_map(|(account, mark)| (mark == Some(1)).then_some(account))
            .collect())
    }

    /// Whether some account is behind in some derived table, as far as is known here. No I/O.
    pub fn has_accounts_behind(&self) -> bool {
        let lake = self.current();
        TableId::DERIVED.iter().any(|id| lake.get(*id).is_behind())
    }
}
