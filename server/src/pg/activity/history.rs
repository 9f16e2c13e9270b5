//! Keeps all running statements, and a limited number of those that ended recently.
//!
//! Running statements have no limit, however many their account has run since: they must stay listed, and be found when
//! memory must be freed. They cost no extra memory, since their connections hold them anyway.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::mem::size_of;
use std::sync::Arc;

use super::statement::Statement;

/// The most ended statements that are kept per account.
pub(super) const OF_ACCOUNT: usize = 2_000;
/// The most bytes that the ended statements of all accounts may take.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Running and ended statements by account; operators' statements have no account.
#[derive(Debug)]
pub(super) struct History {
    max_per_account: usize,
    max_bytes: usize,
    /// The running statements, by number.
    running: HashMap<Option<String>, BTreeMap<u64, Arc<Statement>>>,
    /// The ended statements, in the order in which they ended.
    ended: HashMap<Option<String>, AccountHistory>,
    /// The bytes that all ended statements take.
    bytes: usize,
    /// Each account's last number. One sequence for all accounts would let an account count the others' statements.
    numbers: HashMap<Option<String>, u64>,
}

/// The ended statements of one account, and the bytes that they take.
#[derive(Debug, Default)]
struct AccountHistory {
    statements: VecDeque<Arc<Statement>>,
    bytes: usize,
}

impl Default for History {
    fn default() -> History {
        History::within(OF_ACCOUNT, MAX_BYTES)
    }
}

impl History {
    /// Creates an empty history with these limits.
    pub fn within(max_per_account: usize, max_bytes: usize) -> History {
        History {
            max_per_account,
            max_bytes,
            running: HashMap::new(),
            ended: HashMap::new(),
            bytes: 0,
            numbers: HashMap::new(),
        }
    }

    /// Returns a number for an account's next statement.
    pub fn number(&mut self, account: Option<&str>) -> u64 {
        let number = self.numbers.entry(account.map(str::to_owned)).or_insert(0);
        *number += 1;
        *number
    }

    /// Adds a running statement.
    pub fn begin(&mut self, statement: Arc<Statement>) {
        let account = statement.user.info.account.clone();
        let running = self.running.entry(account).or_default();
        running.insert(statement.id, statement);
    }

    /// Removes and returns a running statement.
    pub fn forget(&mut self, statement: &Statement) -> Option<Arc<Statement>> {
        let account = &statement.user.info.account;
        let running = self.running.get_mut(account)?;
        let forgotten = running.remove(&statement.id);
        if running.is_empty() {
            self.running.remove(account);
        }
        forgotten
    }

    /// Moves a running statement to the ended ones. Drops the account's oldest if it has too many, and then, while all
    /// take too many bytes, the oldest of the account whose statements take most.
    pub fn end(&mut self, statement: &Statement) {
        let Some(statement) = self.forget(statement) else {
            return;
        };
        let account = statement.user.info.account.clone();
        let size = size_of_statement(&statement);
        let account_history = self.ended.entry(account.clone()).or_default();
        account_history.statements.push_back(statement);
        account_history.bytes += size;
        self.bytes += size;
        if account_history.statements.len() > self.max_per_account {
            self.drop_oldest(&account);
        }
        while self.bytes > self.max_bytes {
            let largest = self
                .ended
                .iter()
                .max_by_key(|(_, account_history)| account_history.bytes);
            let Some(largest) = largest.map(|(account, _)| account.clone()) else {
                return;
            };
            self.drop_oldest(&largest);
        }
    }

    fn drop_oldest(&mut self, account: &Option<String>) {
        let Some(account_history) = self.ended.get_mut(account) else {
            return;
        };
        if let Some(oldest) = account_history.statements.pop_front() {
            let size = size_of_statement(&oldest);
            account_history.bytes -= size;
            self.bytes -= size;
        }
        if account_history.statements.is_empty() {
            self.ended.remove(account);
        }
    }

    /// Returns the statements of one account.
    pub fn of(&self, account: &str) -> Vec<Arc<Statement>> {
        let account = Some(account.to_owned());
        let running = self.running.get(&account).into_iter();
        let ended = self.ended.get(&account).into_iter();
        let running = running.flat_map(BTreeMap::values);
        let ended = ended.flat_map(|account_history| &account_history.statements);
        running.chain(ended).cloned().collect()
    }

    /// Returns the statements of all accounts and of operators.
    pub fn all(&self) -> Vec<Arc<Statement>> {
        self.iter().cloned().collect()
    }

    /// Iterates over the statements of all accounts and of operators.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Statement>> {
        let running = self.running.values().flat_map(BTreeMap::values);
        let ended = self
            .ended
            .values()
            .flat_map(|account_history| &account_history.statements);
        running.chain(ended)
    }
}

fn size_of_statement(statement: &Statement) -> usize {
    size_of::<Statement>() + statement.text.len() + statement.application.len()
}
