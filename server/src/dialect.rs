//! PostgreSQL's dialect behind the engine's [`QueryDialect`]: a team's saved queries are planned in it.

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use rapport_engine::session::QueryDialect;
use rapport_pgsql::dialect::{install, plan_query};

/// Plans a team's saved queries in PostgreSQL's dialect, so that they mean what they mean at the endpoint (SPEC M7).
#[derive(Debug)]
pub struct Postgres;

#[async_trait]
impl QueryDialect for Postgres {
    fn install(&self, context: &SessionContext) -> Result<()> {
        install(context)
    }

    async fn plan(
        &self,
        state: &SessionState,
        sql: &str,
        parameters: &[DataType],
    ) -> Result<LogicalPlan> {
        let planned = plan_query(state, sql, parameters).await;
        match planned {
            Ok(planned) => Ok(planned.plan),
            Err(error) => Err(DataFusionError::External(Box::new(error))),
        }
    }
}
