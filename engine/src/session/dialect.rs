//! The dialect of SQL that users write, where it differs from DataFusion's own.
//!
//! A team's saved query must mean the same to every caller (SPEC M7), so it is planned once, in the users' dialect, as a
//! statement of theirs is. The built-in queries and the relations are in DataFusion's dialect, and no rule of another
//! dialect applies to them: see `barrier.rs`.

use std::fmt::Debug;

use arrow::datatypes::DataType;
use async_trait::async_trait;
use datafusion::common::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;

/// Plans queries in a dialect of SQL.
#[async_trait]
pub trait QueryDialect: Debug + Send + Sync {
    /// Registers the functions and rules of the dialect in a context, but nothing that depends on a session.
    ///
    /// # Errors
    /// If one of them cannot be registered.
    fn install(&self, context: &SessionContext) -> Result<()>;

    /// Plans one query in a state of such a context. The first of `parameters` is the type of `$1`, and so on.
    ///
    /// # Errors
    /// If the text is not one query, or cannot be planned.
    async fn plan(
        &self,
        state: &SessionState,
        sql: &str,
        parameters: &[DataType],
    ) -> Result<LogicalPlan>;
}
