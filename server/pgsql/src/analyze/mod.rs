//! Rewrites that need types, or a plan, to give PostgreSQL's meaning: operators, scalar subqueries, sets, types that match.
//!
//! Operators are handled while a user's SQL is planned, so that relations and saved queries, which the engine has planned
//! before, keep their own meaning. The rest is two lists of passes: over the parser's tree, where it must be known which
//! functions there are ([`CALLS`]), and over the finished plan ([`PASSES`]).

mod calls;
mod case_types;
mod chains;
mod column_aliases;
mod common_types;
mod correlation;
mod counted_sets;
mod json;
mod kinds;
mod laterals;
mod membership_rows;
mod memberships;
mod mixed_values;
mod node_exprs;
mod nullable_subqueries;
mod operator_functions;
mod operators;
mod scalar_subqueries;
#[cfg(test)]
mod tests;
mod type_check;
mod units;
mod unknown_literals;
mod value_calls;

use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::Query;

use crate::error::PgError;
use crate::pass::Pass;
pub use column_aliases::ColumnAliases;
pub use mixed_values::MixedValues;
pub use operators::PgOperators;

/// A pass over the parser's tree, with the functions of a session.
pub type CallPass = Pass<fn(&SessionState, &mut Query) -> std::result::Result<(), PgError>>;

/// What is done to a query before it is planned, in this order.
pub const CALLS: &[CallPass] = &[calls::PASS, value_calls::PASS];

/// A pass over a plan.
pub type PlanPass = Pass<fn(LogicalPlan, &SessionState) -> Result<LogicalPlan>>;

/// What is done to a plan that is not analysed yet, in this order.
pub const PASSES: &[PlanPass] = &[
    chains::PASS,
    common_types::PASS,
    type_check::PASS,
    laterals::PASS,
    counted_sets::PASS,
    memberships::PASS,
    scalar_subqueries::PASS,
    nullable_subqueries::PASS,
];

/// Checks the calls of a query, and makes tables of those in FROM that give a value.
///
/// # Errors
/// If PostgreSQL has no such call.
pub fn resolve_calls(state: &SessionState, query: &mut Query) -> std::result::Result<(), PgError> {
    let mut passes = CALLS.iter().filter(|pass| pass.is_on());
    passes.try_for_each(|pass| (pass.run)(state, query))
}

/// Gives a plan PostgreSQL's meaning.
///
/// # Errors
/// If PostgreSQL refuses the query, or a plan cannot be put together again.
pub fn apply(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let mut passes = PASSES.iter().filter(|pass| pass.is_on());
    passes.try_fold(plan, |plan, pass| (pass.run)(plan, state))
}
