//! What a derive did, for people and for programs.

use serde::Serialize;

/// What was rewritten of one derived table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// The table.
    pub table: &'static str,
    /// Accounts of which files were rewritten.
    pub accounts: usize,
    /// Partitions that were rewritten.
    pub partitions: usize,
    /// Files that were written.
    pub files: usize,
    /// Rows that those files hold.
    pub rows: u64,
}

/// An account that could not be derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountFailure {
    /// The account.
    pub account: String,
    /// The table in which it failed. It stays as it was in this one, and in those that rest on it.
    pub table: &'static str,
    /// Why.
    pub error: String,
}

/// What a derive did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeriveReport {
    /// Each derived table, in the order in which they were derived.
    pub tables: Vec<TableReport>,
    /// Landed events of conversations that have no `conversation_started` (SPEC C1), after this derive.
    pub orphans: u64,
    /// The accounts that could not be derived. The next derive tries them again.
    pub failed: Vec<AccountFailure>,
}

impl DeriveReport {
    /// Whether nothing was dirty.
    pub fn is_clean(&self) -> bool {
        self.tables.iter().all(|table| table.partitions == 0)
    }
}
