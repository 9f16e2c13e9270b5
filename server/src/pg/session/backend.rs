//! The interface to the engine: a session for a user, and a state for a statement.
//!
//! It is a trait so that the endpoint can be tested over tables in memory, with queries that never end or that fail half
//! way.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionContext;
use rapport_engine::session::SavedQuery;

/// Opens sessions. All sessions of an account have the same relations and functions, by name and type, and so have all
/// sessions of operators.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Opens a session for a user who sees one account, or all of them (`None`, an operator).
    async fn open(&self, user: &str, account: Option<&str>) -> Result<Arc<dyn BackendSession>>;
}

/// The session of one connection.
#[async_trait]
pub trait BackendSession: Send + Sync + 'static {
    /// Returns the context of the connection, with its functions and settings.
    fn context(&self) -> &SessionContext;

    /// Returns a state to plan and run one statement in: one version of the lake, at one instant (M7).
    async fn statement_state(&self) -> Result<SessionState>;

    /// Returns the time zone in which the session shows instants by default.
    fn time_zone(&self) -> Option<String> {
        None
    }

    /// Returns the saved queries that the user can call, by name.
    fn saved_queries(&self) -> Vec<SavedQuery> {
        Vec::new()
    }

    /// Returns the table functions that tools list.
    fn table_functions(&self) -> Vec<TableFunction> {
        Vec::new()
    }
}

/// A table function as tools list it, with SQL names of types.
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
    /// Formats the arguments as `\df` lists them.
    pub(in crate::pg) fn signature(&self, with_defaults: bool) -> String {
        let default = if with_defaults { " DEFAULT NULL" } else { "" };
        let arguments: Vec<String> = self
            .arguments
            .iter()
            .map(|(name, kind)| format!("{name} {kind}{default}"))
            .collect();
        arguments.join(", ")
    }

    /// Formats the result as `\df` lists it.
    pub(in crate::pg) fn result(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(name, kind)| format!("{name} {kind}"))
            .collect();
        format!("TABLE({})", columns.join(", "))
    }
}
