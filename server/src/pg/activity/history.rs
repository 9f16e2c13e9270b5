//! The statements that run, all of them, and those that ended of late, within bounds.
//!
//! What runs is no history yet: it has to be seen, and to be found where memory must be freed, however much its account
//! has asked since. It takes no room of its own, for its connection holds it anyway.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::mem::size_of;
use std::sync::Arc;

use super::statement::Statement;

/// So many that have ended are kept of one account.
pub(super) const OF_ACCOUNT: usize = 2_000;
/// So many bytes of such are kept of all.
const BYTES: usize = 32 * 1024 * 1024;

/// Statements by account.
#[derive(Debug)]
pub(super) struct History {
    of_account: usize,
    bytes_at_most: usize,
    /// Those that run, by their numbers.
    running: HashMap<Option<String>, BTreeMap<u64, Arc<Statement>>>,
    /// Those that have ended, in the order of their ends.
    ended: HashMap<Option<String>, Line>,
    /// What those that have ended take.
    bytes: usize,
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
            running: HashMap::new(),
            ended: HashMap::new(),
            bytes: 0,
            numbers: HashMap::new(),
        }
    }

    /// A number for an account's next statement.
    pub fn number(&mut self, account: Option<&str>) -> u64 {
        let number = self.numbers.entry(account.map(str::to_owned)).or_insert(0);
        *number += 1;
        *number
    }

    /// One begins.
    pub fn begin(&mut self, statement: Arc<Statement>) {
        let account = statement.user.info.account.clone();
        let running = self.running.entry(account).or_default();
        running.insert(statement.id, statement);
    }

    /// One of those that run is told of no more.
    pub fn forget(&mut self, statement: &Statement) -> Option<Arc<Statement>> {
        let account = &statement.user.info.account;
        let running = self.running.get_mut(account)?;
        let forgotten = running.remove(&statement.id);
        if running.is_empty() {
            self.running.remove(account);
        }
        forgotten
    }

    /// One has ended: of those that have, the oldest of whoever has most give way to it.
    pub fn end(&mut self, statement: &Statement) {
        let Some(statement) = self.forget(statement) else {
            return;
        };
        let account = statement.user.info.account.clone();
        let size = size_of_statement(&statement);
        let line = self.ended.entry(account.clone()).or_default();
        line.statements.push_back(statement);
        line.bytes += size;
        self.bytes += size;
        if line.statements.len() > self.of_account {
            self.drop_oldest(&account);
        }
        while self.bytes > self.bytes_at_most {
            let largest = self.ended.iter().max_by_key(|(_, line)| line.bytes);
            let Some(largest) = largest.map(|(account, _)| account.clone()) else {
                return;
            };
            self.drop_oldest(&largest);
        }
    }

    fn drop_oldest(&mut self, account: &Option<String>) {
        let Some(line) = self.ended.get_mut(account) else {
            return;
        };
        if let Some(oldest) = line.statements.pop_front() {
            let size = size_of_statement(&oldest);
            line.bytes -= size;
            self.bytes -= size;
        }
        if line.statements.is_empty() {
            self.ended.remove(account);
        }
    }

    /// Those of one account.
    pub fn of(&self, account: &str) -> Vec<Arc<Statement>> {
        let account = Some(account.to_owned());
        let running = self.running.get(&account).into_iter();
        let ended = self.ended.get(&account).into_iter();
        let running = running.flat_map(BTreeMap::values);
        let ended = ended.flat_map(|line| &line.statements);
        running.chain(ended).cloned().collect()
    }

    /// All that are kept.
    pub fn all(&self) -> Vec<Arc<Statement>> {
        self.iter().cloned().collect()
    }

    /// Likewise, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Statement>> {
        let running = self.running.values().flat_map(BTreeMap::values);
        let ended = self.ended.values().flat_map(|line| &line.statements);
        running.chain(ended)
    }
}

fn size_of_statement(statement: &Statement) -> usize {
    size_of::<Statement>() + statement.text.len() + statement.application.len()
}
