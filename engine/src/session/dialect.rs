//! The dialect of SQL that users write, where it is another than the one that the engine's own queries are in.
//!
//! What a team's saved queries mean must not depend on who calls them, or how: they are planned once, in the users'
//! dialect, as a statement of theirs would be (SPEC M7). The built-in queries and the relations are in DataFusion's.

use std::fmt::Debug;

use arrow::datatypes::DataType;
use async_trait::async_trait;
use datafusion::common::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;

/// Plans queries in a dialect.
#[async_trait]
pub trait QueryDialect: Debug + Send + Sync {
    /// Puts the functions and rules of the dialect into a context, but nothing that tells of a session.
    ///
    /// # Errors
    /// If one of them cannot be.
    fn install(&self, context: &SessionContext) -> Result<()>;

    /// Plans one query, in a state of such a context; `$1` is of the first type, and so on.
    ///
    /// # Errors
    /// If it is no query, or a wrong one.
    async fn plan(
        &self,
        state: &SessionState,
        sql: &str,
        parameters: &[DataType],
    ) -> Result<LogicalPlan>;
}
