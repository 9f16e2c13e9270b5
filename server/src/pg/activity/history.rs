//! The statements of late, within bounds.

use std::collections::{HashMap, VecDeque};
use std::mem::size_of;
use std::sync::Arc;

use super::statement::Statement;

/// So many are kept of one account.
const OF_ACCOUNT: usize = 2_000;
/// So many bytes are kept of all.
const BYTES: usize = 32 * 1024 * 1024;

/// Statements by account, in the order of their beginnings.
#[derive(Debug)]
pub(super) struct History {
    of_account: usize,
    bytes_at_most: usize,
    bytes: usize,
    by_account: HashMap<Option<String>, Line>,
    /// The number that each account's next statement has: one count for all would tell an account what others do.
    numbers: HashMap<Option<String>, u64>,
}

#[derive(Debug, Default)]
struct Line {
    statements: VecDeque<Arc<Statement>>,
    bytes: usize,
}

impl Default for History {
    fn default() -> History {
        History::within(OF_ACCOUNT, BYTES)
    }
}

impl History {
    /// Within other bounds.
    pub fn within(of_account: usize, bytes_at_most: usize) -> History {
        History {
            of_account,
            bytes_at_most,
            bytes: 0,
            by_account: HashMap::new(),
            numbers: HashMap::new(),
        }
    }

    /// A number for an account's next statement.
    pub fn number(&mut self, account: Option<&str>) -> u64 {
        let number = self.numbers.entry(account.map(str::to_owned)).or_insert(0);
        *number += 1;
        *number
    }

    /// Takes one more; the oldest of whoever has most give way.
    pub fn push(&mut self, statement: Arc<Statement>) {
        let account = statement.user.info.account.clone();
        let size = size_of_statement(&statement);
        let line = self.by_account.entry(account.clone()).or_default();
        line.statements.push_back(statement);
        line.bytes += size;
        self.bytes += size;
        if line.statements.len() > self.of_account {
            self.drop_oldest(&account);
        }
        while self.bytes > self.bytes_at_most {
            let largest = self.by_account.iter().max_by_key(|(_, line)| line.bytes);
            let Some(largest) = largest.map(|(account, _)| account.clone()) else {
                return;
            };
            self.drop_oldest(&largest);
        }
    }

    fn drop_oldest(&mut self, account: &Option<String>) {
        let Some(line) = self.by_account.get_mut(account) else {
            return;
        };
        if let Some(oldest) = line.statements.pop_front() {
            let size = size_of_statement(&oldest);
            line.bytes -= size;
            self.bytes -= size;
        }
        if line.statements.is_empty() {
            self.by_account.remove(account);
        }
    }

    /// Forgets one; those that began last are found soonest.
    pub fn remove(&mut self, statement: &Arc<Statement>) {
        let account = &statement.user.info.account;
        let Some(line) = self.by_account.get_mut(account) else {
            return;
        };
        let found = line
            .statements
            .iter()
            .rposition(|kept| Arc::ptr_eq(kept, statement));
        if found.and_then(|at| line.statements.remove(at)).is_some() {
            let size = size_of_statement(statement);
            line.bytes -= size;
            self.bytes -= size;
        }
    }

    /// Those of one account.
    pub fn of(&self, account: &str) -> Vec<Arc<Statement>> {
        let line = self.by_account.get(&Some(account.to_owned()));
        line.into_iter()
            .flat_map(|line| line.statements.iter().cloned())
            .collect()
    }

    /// All that are kept.
    pub fn all(&self) -> Vec<Arc<Statement>> {
        self.iter().cloned().collect()
    }

    /// Likewise, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Statement>> {
        let lines = self.by_account.values();
        lines.flat_map(|line| line.statements.iter())
    }
}

fn size_of_statement(statement: &Statement) -> usize {
    size_of::<Statement>() + statement.text.len() + statement.application.len()
}
