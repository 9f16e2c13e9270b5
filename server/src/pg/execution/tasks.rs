//! Tasks on an account's query threads, and what a plan needs to run there: operators, and a memory pool.

use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};

use crate::pg::resources::memory::Share;
use rapport_pgsql::error::PgError;

/// Makes the physical plan of an optimised logical plan.
///
/// # Errors
/// If the lake cannot be read, or DataFusion has no operator for a node.
pub async fn physical_plan(
    state: &SessionState,
    plan: &LogicalPlan,
) -> Result<Arc<dyn ExecutionPlan>, PgError> {
    let planner = state.query_planner();
    Ok(planner.create_physical_plan(plan, state).await?)
}

/// Makes a task context whose operators reserve their memory from `memory`.
pub fn task_context(state: &SessionState, memory: Arc<Share>) -> Arc<TaskContext> {
    let runtime = RuntimeEnv {
        memory_pool: memory,
        ..state.runtime_env().as_ref().clone()
    };
    Arc::new(TaskContext::from(state).with_runtime(Arc::new(runtime)))
}

/// Aborts a task when it is dropped.
#[derive(Debug)]
pub struct AbortOnDrop(pub AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs work on the query threads and returns its result. Dropping the future aborts the work.
///
/// # Errors
/// If the work fails or panics.
pub async fn run_on<T, F>(runtime: &Handle, work: F) -> Result<T, PgError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, PgError>> + Send + 'static,
{
    let task = runtime.spawn(work);
    let _abort = AbortOnDrop(task.abort_handle());
    join(task).await?
}

async fn join<T>(task: JoinHandle<T>) -> Result<T, PgError> {
    task.await
        .map_err(|error| PgError::internal(format!("a query's task ended: {error}")))
}
