//! Plans a connection's statements: once, and again only if the settings or the account's day have changed.

use std::sync::Arc;

use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::scalar::ScalarValue;
use pgwire::api::Type;

use super::connection::Connection;
use super::dispatch::{Failure, MAX_INLINE_PARSE};
use crate::pg::activity::State;
use crate::pg::execution::tasks;
use crate::pg::resources::interrupt::Interrupt;
use crate::pg::session::plans::{KeptPlan, PlanKey};
use crate::pg::session::portals::Prepared;
use rapport_pgsql::encode::Column;
use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::parse::{Query, Statement};
use rapport_pgsql::plan::{self, Parameter};

impl Connection {
    /// Returns the optimised plan of a statement's query with these parameter values, and the columns of its result. Uses
    /// the plan that the statement keeps, if it is still valid; it runs over the lake's newest version.
    pub(super) async fn plan_now(
        &mut self,
        query: &Query,
        prepared: Option<&Prepared>,
        values: Arc<[ScalarValue]>,
        interrupt: &Interrupt,
    ) -> Result<(SessionState, LogicalPlan, Arc<[Column]>), Failure> {
        self.set_state(State::Planning);
        if values.len() < query.parameters {
            return Err(PgError::new(
                "42P02",
                format!("there is no parameter ${}", values.len() + 1),
            )
            .into());
        }
        let (state, key) = self.planning_state(interrupt).await?;
        let not_kept = KeptPlan::default();
        let kept = prepared.map_or(&not_kept, |prepared| &prepared.plan);
        let described = prepared.and_then(|prepared| prepared.described.as_ref());
        let (state, planned, plan) = match kept.optimized(&key, &values) {
            Some((planned, plan)) => (state, planned, plan),
            None => {
                let known = kept.planned(&key);
                let known = known.filter(|planned| planned.accepts(&values));
                let declared = described.map(|described| described.parameters.as_slice());
                let parameters = parameters_for(declared.unwrap_or_default(), &values);
                let (query, bound) = (query.clone(), Arc::clone(&values));
                let work = async move {
                    let planned = match known {
                        Some(planned) => planned,
                        None => Arc::new(plan::plan_with(&state, &query, parameters).await?),
                    };
                    let plan = planned.optimize(&state, &bound)?;
                    Ok((state, planned, plan))
                };
                let runtime = Arc::clone(&self.session.runtime);
                let (state, planned, plan) = self
                    .wait_for(interrupt, tasks::run_on(runtime.handle(), work))
                    .await??;
                kept.keep(key, &planned);
                kept.keep_optimized(&planned, values, &plan);
                (state, planned, plan)
            }
        };
        self.set_state(State::Running);
        let columns = &planned.described.columns;
        match described {
            // The client decodes rows by the columns that were described to it, so their number must not change.
            Some(described) if described.columns.len() != columns.len() => Err(PgError::new(
                code::NOT_SUPPORTED,
                "cached plan must not change result type",
            )
            .into()),
            Some(described) => Ok((state, plan, Arc::clone(&described.columns))),
            None => Ok((state, plan, Arc::clone(columns))),
        }
    }

    /// Returns a session state to plan a statement in, and the key of plans made in it.
    pub(super) async fn planning_state(
        &mut self,
        interrupt: &Interrupt,
    ) -> Result<(SessionState, PlanKey), Failure> {
        let generation = self.session.apply_settings();
        let state = self.statement_state(interrupt).await?;
        let key = PlanKey::of(&state, generation);
        Ok((state, key))
    }

    /// Returns a session state over the lake's newest version. Runs on the connection's threads and not on the account's,
    /// so that no account waits for another's threads when both read the lake's log.
    async fn statement_state(&mut self, interrupt: &Interrupt) -> Result<SessionState, Failure> {
        let backend = Arc::clone(&self.session.backend);
        let state = self
            .wait_for(interrupt, async move { backend.statement_state().await })
            .await?;
        Ok(state.map_err(PgError::from)?)
    }

    /// Prepares a statement. If it is or contains a query, plans that, to describe its columns and parameters.
    pub(super) async fn prepare(
        &mut self,
        text: &Arc<str>,
        statement: Statement,
        declared: Vec<Option<Type>>,
        interrupt: &Interrupt,
    ) -> Result<Prepared, Failure> {
        self.session.check_not_failed(&statement)?;
        let query = match &statement {
            Statement::Query(query) | Statement::Declare { query, .. } => Some(query),
            Statement::Explain(explain) => Some(&explain.query),
            _ => None,
        };
        let plan = KeptPlan::default();
        let described = match query {
            None => None,
            Some(query) => {
                let (state, key) = self.planning_state(interrupt).await?;
                let (query, declared) = (query.clone(), declared.clone());
                let work = async move { plan::plan(&state, &query, &declared).await };
                let runtime = Arc::clone(&self.session.runtime);
                let planned = self
                    .wait_for(interrupt, tasks::run_on(runtime.handle(), work))
                    .await??;
                let described = planned.described.clone();
                plan.keep(key, &Arc::new(planned));
                Some(described)
            }
        };
        Ok(Prepared {
            text: Arc::clone(text),
            statement,
            declared,
            described,
            plan,
        })
    }

    /// Keeps the planned query of a text, in case the client repeats the text.
    pub(super) fn keep_repeated(&mut self, text: &str, prepared: &Arc<Prepared>) {
        let is_query = matches!(prepared.statement, Statement::Query(_));
        if is_query && text.len() <= MAX_INLINE_PARSE {
            self.session.keep_repeated(text, prepared);
        }
    }
}

/// Returns the parameters to plan a statement with: the declared ones, each with the Arrow type of its value, so that a
/// decimal keeps its precision and scale.
fn parameters_for(declared: &[Parameter], values: &[ScalarValue]) -> Vec<Parameter> {
    let mut parameters = declared.to_vec();
    for (parameter, value) in parameters.iter_mut().zip(values) {
        parameter.arrow = value.data_type();
    }
    parameters
}
