//! Accounts that are behind: a derived table has not consumed their newest events, though it has those of other accounts.
//!
//! An account that cannot be derived must not block the others. Its rows stay as they are, and the commit that consumes the
//! others' events marks it as behind. From then on the consumed versions no longer say which of its events are missing, so
//! the next derive of it derives all of it. A mark is an application transaction named after the account. One more
//! transaction counts the marks.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::snapshot::TableSnapshot;
use super::{Lake, TableId};

/// Name of the transaction in which a derived table records how many accounts are behind.
pub(super) const BEHIND: &str = "behind";

fn name_of(account: &str) -> String {
    format!("{BEHIND}/{account}")
}

/// Returns the transactions of a commit after which the accounts in `now` are behind, where those in `before` were.
pub(crate) fn mark_behind(
    before: &BTreeSet<Arc<str>>,
    now: &BTreeSet<Arc<str>>,
) -> Vec<(String, i64)> {
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
    /// Returns whether any account is behind.
    pub fn is_behind(&self) -> bool {
        self.transaction(BEHIND).is_some_and(|count| count > 0)
    }

    /// Returns whether an account is behind.
    pub(crate) fn is_account_behind(&self, account: &str) -> bool {
        self.is_behind() && self.transaction(&name_of(account)) == Some(1)
    }
}

impl Lake {
    /// Returns whether any account is behind in any derived table, by the newest known versions. Does no I/O.
    pub fn has_accounts_behind(&self) -> bool {
        let lake = self.current();
        TableId::DERIVED.iter().any(|id| lake.get(*id).is_behind())
    }
}
