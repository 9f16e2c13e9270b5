//! Derives accounts, several concurrently: each all tables that are dirty for it, one after the other.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio::task::JoinSet;

use super::super::account::{Account, Changes, Rewritten};
use super::super::entity::{CONVERSATION, ORDER};
use super::Run;
use crate::lake::TableId;
use crate::{EngineError, Progress};

/// An account, and what has changed of the input of each of its tables that is dirty, in the order of deriving.
pub(super) struct DirtyAccount {
    pub account: Account,
    pub tables: Vec<(TableId, Changes)>,
}

/// The tables of an account that were derived, and the one that could not be. The tables after it are not derived.
pub(super) struct DerivedAccount {
    pub name: Arc<str>,
    pub tables: BTreeMap<TableId, Rewritten>,
    pub failed: Option<(TableId, EngineError)>,
}

impl Run<'_> {
    /// Derives accounts. A failing account does not affect the others.
    pub(super) async fn derive_accounts(
        &self,
        accounts: Vec<DirtyAccount>,
        progress: &dyn Progress,
    ) -> Vec<DerivedAccount> {
        let concurrent = self.engine.options().threads.max(1);
        let mut derived = Vec::with_capacity(accounts.len());
        let mut accounts = accounts.into_iter();
        let mut running = JoinSet::new();
        loop {
            while running.len() < concurrent
                && let Some(account) = accounts.next()
            {
                running.spawn(derive_account(account));
            }
            match running.join_next().await {
                None => return derived,
                Some(Ok(account)) => {
                    progress.advance(1);
                    derived.push(account);
                }
                // A task is cancelled only when its runtime ends, which ends this run too.
                Some(Err(error)) => tracing::error!(%error, "deriving stopped"),
            }
        }
    }
}

async fn derive_account(dirty: DirtyAccount) -> DerivedAccount {
    let DirtyAccount {
        mut account,
        tables,
    } = dirty;
    let mut derived = DerivedAccount {
        name: Arc::clone(&account.name),
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
