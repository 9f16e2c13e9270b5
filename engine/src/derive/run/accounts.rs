//! Derives accounts, several concurrently: each all tables that are dirty for it, one after the other.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio::task::JoinSet;

use super::super::account::{Account, Changes, Rewritten};
use super::super::entity::{CONVERSATION, ORDER};
use crate::EngineError;
use crate::lake::TableId;

/// An account, and what has changed of the input of each of its tables that is dirty, in the order of deriving.
pub(super) struct DirtyAccount {
    pub account: Account,
    /// The number of its events.
    pub events: u64,
    pub tables: Vec<(TableId, Changes)>,
}

/// The tables of an account that were derived, and the one that could not be. The tables after it are not derived.
pub(super) struct DerivedAccount {
    pub name: Arc<str>,
    pub events: u64,
    pub tables: BTreeMap<TableId, Rewritten>,
    pub failed: Option<(TableId, EngineError)>,
}

/// Accounts that are being derived, several concurrently. A failing account does not affect the others.
pub(super) struct Deriving {
    concurrent: usize,
    left: std::vec::IntoIter<DirtyAccount>,
    running: JoinSet<DerivedAccount>,
}

impl Deriving {
    /// Derives up to `concurrent` accounts at once, in this order.
    pub fn new(accounts: Vec<DirtyAccount>, concurrent: usize) -> Self {
        let mut deriving = Self {
            concurrent: concurrent.max(1),
            left: accounts.into_iter(),
            running: JoinSet::new(),
        };
        deriving.start();
        deriving
    }

    fn start(&mut self) {
        while self.running.len() < self.concurrent
            && let Some(account) = self.left.next()
        {
            self.running.spawn(derive_account(account));
        }
    }

    /// Returns whether all accounts were returned.
    pub fn is_done(&self) -> bool {
        self.running.is_empty()
    }

    /// Returns the next account that is derived; `None` after the last.
    pub async fn next(&mut self) -> Option<DerivedAccount> {
        loop {
            let derived = self.running.join_next().await?;
            self.start();
            match derived {
                Ok(account) => return Some(account),
                // A task is cancelled only when its runtime ends, which ends this run too.
                Err(error) => tracing::error!(%error, "deriving stopped"),
            }
        }
    }
}

async fn derive_account(dirty: DirtyAccount) -> DerivedAccount {
    let DirtyAccount {
        mut account,
        events,
        tables,
    } = dirty;
    let mut derived = DerivedAccount {
        name: Arc::clone(&account.name),
        events,
        tables: BTreeMap::new(),
        failed: None,
    };
    for (table, changes) in tables {
        account.changes = changes;
        let work = AssertUnwindSafe(derive_table(&mut account, table));
        let panicked = || EngineError::Request("deriving panicked".to_owned());
        let outcome = work.catch_unwind().await;
        match outcome.unwrap_or_else(|_| Err(panicked())) {
            Ok(part) => {
                account.replace(table, &part);
                derived.tables.insert(table, part);
            }
            Err(error) => {
                derived.failed = Some((table, error));
                break;
            }
        }
    }
    derived
}

async fn derive_table(account: &mut Account, table: TableId) -> Result<Rewritten, EngineError> {
    let derived = match table {
        TableId::Conversations => account.derive_entities(CONVERSATION).await,
        TableId::Orders => account.derive_entities(ORDER).await,
        TableId::Orphans => account.derive_orphans().await,
        TableId::AttributedOrders => account.derive_attributed().await,
        _ => account.derive_daily().await,
    };
    derived.map_err(|source| EngineError::Account {
        account: account.name.to_string(),
        table: table.name(),
        source: Box::new(source),
    })
}
