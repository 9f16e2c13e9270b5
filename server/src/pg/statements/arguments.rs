//! The arguments of EXECUTE.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::physical_plan::collect;
use datafusion::scalar::ScalarValue;

use super::connection::Connection;
use super::dispatch::Failure;
use crate::pg::execution::cancellation::with_cancellable_joins;
use crate::pg::execution::fair_share::with_fair_share;
use crate::pg::execution::tasks;
use crate::pg::resources::interrupt::Interrupt;
use crate::pg::resources::stop_flag::StopOnDrop;
use crate::pg::session::portals::Prepared;
use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::functions::round_numbers;
use rapport_pgsql::parse::Query;

impl Connection {
    /// Evaluates the arguments of EXECUTE, as values of the statement's parameters.
    ///
    /// # Errors
    /// If their number or a type does not fit.
    pub(super) async fn evaluate_arguments(
        &mut self,
        prepared: &Prepared,
        arguments: Option<&Query>,
        interrupt: &Interrupt,
    ) -> Result<Vec<ScalarValue>, Failure> {
        let described = prepared.described.as_ref();
        let parameters = described.map(|described| described.parameters.clone());
        let parameters = parameters.unwrap_or_default();
        let values = match arguments {
            None => Vec::new(),
            Some(query) => {
                let permit = self.admit(interrupt).await?;
                let (state, plan, _) = self
                    .plan_now(query, None, Arc::default(), interrupt)
                    .await?;
                let memory = self.statement_memory();
                let stop = StopOnDrop::default();
                let should_stop = memory.stop_check(stop.check());
                let throttle = Arc::clone(permit.throttle());
                let work = async move {
                    let _permit = permit;
                    let context = tasks::task_context(&state, Arc::clone(&memory));
                    let rows = async {
                        let physical = tasks::physical_plan(&state, &plan).await?;
                        let physical = with_fair_share(
                            with_cancellable_joins(physical, &should_stop)?,
                            &throttle,
                        )?;
                        Ok(collect(physical, context).await?)
                    };
                    first_row(&memory.run_unless_killed(rows).await?)
                };
                let runtime = Arc::clone(&self.session.runtime);
                self.wait_for(interrupt, tasks::run_on(runtime.handle(), work))
                    .await??
            }
        };
        // Declared parameters must be given, even those that the statement does not use.
        let expected = parameters.len().max(prepared.declared.len());
        if values.len() != expected {
            return Err(PgError::new(
                code::SYNTAX,
                format!(
                    "wrong number of parameters: expected {expected}, got {}",
                    values.len()
                ),
            )
            .into());
        }
        let pairs = values.into_iter().zip(&parameters);
        let values: Result<Vec<_>, _> = pairs
            .map(|(value, parameter)| cast_to_parameter(value, &parameter.arrow))
            .collect();
        Ok(values.map_err(PgError::from)?)
    }
}

/// Casts a value to the type of a parameter; a number is rounded for an integer type.
fn cast_to_parameter(value: ScalarValue, to: &DataType) -> datafusion::error::Result<ScalarValue> {
    if !to.is_integer() {
        return value.cast_to(to);
    }
    let rounded = round_numbers(&value.to_array()?)?;
    ScalarValue::try_from_array(&rounded, 0)?.cast_to(to)
}

/// Returns the values of the first row; none if there is no row.
fn first_row(batches: &[RecordBatch]) -> Result<Vec<ScalarValue>, PgError> {
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
        return Ok(Vec::new());
    };
    batch
        .columns()
        .iter()
        .map(|column| ScalarValue::try_from_array(column, 0).map_err(PgError::from))
        .collect()
}
