//! The report of a derive.

use serde::Serialize;

/// What a derive rewrote in one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// The table.
    pub table: &'static str,
    /// Number of accounts with rewritten files.
    pub accounts: usize,
    /// Number of rewritten partitions.
    pub partitions: usize,
    /// Number of written files.
    pub files: usize,
    /// Number of rows in those files.
    pub rows: u64,
}

/// An account that could not be derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountFailure {
    /// The account.
    pub account: String,
    /// The table in which it failed. The account's rows stay as they were in this table and in those that rest on it.
    pub table: &'static str,
    /// Why.
    pub error: String,
}

/// What a derive did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeriveReport {
    /// One entry per derived table, in the order of deriving.
    pub tables: Vec<TableReport>,
    /// Number of landed events of conversations without a `conversation_started` (SPEC C1), after this derive.
    pub orphans: u64,
    /// The accounts that could not be derived. The next derive tries them again.
    pub failed: Vec<AccountFailure>,
}

impl DeriveReport {
    /// Returns whether nothing was dirty.
    pub fn is_clean(&self) -> bool {
        self.tables.iter().all(|table| table.partitions == 0)
    }
}
