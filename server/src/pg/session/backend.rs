//! What the endpoint asks of the engine: a session for a user, and a state for a statement.
//!
//! It is a trait so that the connection layer can be tested over tables in memory, with queries that run for ever or
//! that fail half way, which no lake gives on demand.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionContext;
use rapport_engine::session::SavedQuery;

/// Makes sessions. All that see an account hold the same relations and functions, by name and type, and so do all that
/// see all accounts.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// A session for a user, who sees that account, or as an operator all of them.
    async fn open(&self, user: &str, account: Option<&str>) -> Result<Arc<dyn BackendSession>>;
}

/// The session of one connection.
#[async_trait]
pub trait BackendSession: Send + Sync + 'static {
    /// The connection's own context, in which its functions and settings live.
    fn context(&self) -> &SessionContext;

    /// A state in which one statement is planned and run: the lake and the time stand still in it.
    async fn statement_state(&self) -> Result<SessionState>;

    /// The zone in which the session shows instants unless it says otherwise.
    fn time_zone(&self) -> Option<String> {
        None
    }

    /// The saved queries that its user can call, by name.
    fn saved_queries(&self) -> Vec<SavedQuery> {
        Vec::new()
    }

    /// The table functions that a user may care for, so that tools can list them.
    fn table_functions(&self) -> Vec<TableFunction> {
        Vec::new()
    }
}

/// A table function as tools list it; types are named as SQL names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFunction {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// Names and types of its arguments; each has a default.
    pub arguments: Vec<(String, String)>,
    /// Names and types of its columns.
    pub columns: Vec<(String, String)>,
}

impl TableFunction {
    /// Its arguments as `\df` lists them.
    pub(super) fn signature(&self, with_defaults: bool) -> String {
        let default = if with_defaults { " DEFAULT NULL" } else { "" };
        let arguments: Vec<String> = self
            .arguments
            .iter()
            .map(|(name, kind)| format!("{name} {kind}{default}"))
            .collect();
        arguments.join(", ")
    }

    /// What it returns, likewise.
    pub(super) fn result(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(name, kind)| format!("{name} {kind}"))
            .collect();
        format!("TABLE({})", columns.join(", "))
    }
}
