//! The report of a derive.

use std::collections::BTreeSet;

use serde::Serialize;

use super::account::Rewritten;
use crate::lake::Partition;

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

impl TableReport {
    /// Adds accounts' rewritten parts of the table.
    pub(super) fn count<'a>(&mut self, parts: impl Iterator<Item = &'a Rewritten>) {
        for part in parts {
            let added = part.adds.iter().map(|file| &file.partition);
            let removed = part.removes.iter().map(|file| &file.partition);
            let partitions: BTreeSet<&Partition> = added.chain(removed).collect();
            self.accounts += usize::from(!partitions.is_empty());
            self.partitions += partitions.len();
            self.files += part.adds.len();
            self.rows += part
                .adds
                .iter()
                .map(|file| file.statistics.rows)
                .sum::<u64>();
        }
    }

    fn add(&mut self, other: &TableReport) {
        self.table = other.table;
        self.accounts += other.accounts;
        self.partitions += other.partitions;
        self.files += other.files;
        self.rows += other.rows;
    }
}

/// An account that could not be derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountFailure {
    /// The account.
    pub account: String,
    /// The table in which it failed. The account's rows stay as they were in all tables.
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
    /// How many accounts a backfill has left out, because it was interrupted after them and has gone on from there.
    pub done_before: usize,
}

impl DeriveReport {
    /// Adds what a later run of the same derive did.
    pub(super) fn add(&mut self, later: DeriveReport) {
        self.tables
            .resize_with(later.tables.len(), TableReport::default);
        for (table, later) in self.tables.iter_mut().zip(&later.tables) {
            table.add(later);
        }
        self.orphans = later.orphans;
        self.failed.extend(later.failed);
        self.done_before += later.done_before;
    }

    /// Returns whether nothing was dirty.
    pub fn is_clean(&self) -> bool {
        self.tables.iter().all(|table| table.partitions == 0)
    }
}
