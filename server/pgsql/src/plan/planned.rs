//! A planned query: analysed once, and optimised for each set of parameter values.
//!
//! Analysis depends on types alone, so every execution can use its result. Optimisation folds the values and the clock
//! into the plan, so its result can be used again only for the same values, and only if nothing in the plan reads the
//! clock or the session ([`Planned::is_immutable`]).

use std::collections::BTreeSet;

use datafusion::common::ParamValues;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::scalar::ScalarValue;

use super::Described;
use crate::error::PgError;

/// Estimated bytes of one plan node without its expressions. Nodes share schemas, but have their own lists of names.
const NODE_BYTES: usize = 1024;

/// Estimated bytes of one expression node.
const EXPR_BYTES: usize = 2 * size_of::<Expr>();

/// A query that is planned once and executed any number of times.
#[derive(Debug)]
pub struct Planned {
    /// The plan with its placeholders. It is analysed, unless analysis needs a parameter's value.
    pub plan: LogicalPlan,
    /// Its parameters and columns.
    pub described: Described,
    /// The names of the functions that were evaluated when the query was planned: the plan holds their values.
    pub folded: BTreeSet<String>,
    pub(super) is_analyzed: bool,
}

impl Planned {
    /// Returns whether values have exactly the types that the parameters were planned as. A decimal of another precision
    /// or scale has another type, and needs a plan of its own.
    pub fn accepts(&self, values: &[ScalarValue]) -> bool {
        let mut pairs = values.iter().zip(&self.described.parameters);
        pairs.all(|(value, parameter)| value.data_type() == parameter.arrow)
    }

    /// Returns the optimised plan with the values in place of the parameters. The values must be of the parameters' types
    /// ([`Planned::accepts`]).
    ///
    /// # Errors
    /// If a value's type does not fit the expression around its placeholder.
    pub fn optimize(
        &self,
        state: &SessionState,
        values: &[ScalarValue],
    ) -> Result<LogicalPlan, PgError> {
        let mut plan = self.plan.clone();
        if !values.is_empty() {
            plan = plan.replace_params_with_values(&ParamValues::from(values.to_vec()))?;
        }
        if !self.is_analyzed {
            plan = analyze(state, plan)?;
        }
        Ok(state.optimizer().optimize(plan, state, |_, _| {})?)
    }

    /// Returns whether equal values always give an equal optimised plan: no function reads the clock or the session.
    ///
    /// # Errors
    /// If an expression cannot be walked.
    pub fn is_immutable(&self) -> Result<bool, PgError> {
        let mut immutable = true;
        self.visit_exprs(|expr| {
            if let Expr::ScalarFunction(function) = expr {
                immutable &= function.func.signature().volatility == Volatility::Immutable;
            }
        })?;
        Ok(immutable)
    }

    /// Estimates the bytes that the plan takes, for the limit on what a connection keeps.
    pub fn size(&self) -> usize {
        let mut exprs = 0;
        let nodes = self.visit_exprs(|_| exprs += 1);
        // A plan that cannot be walked is not kept.
        nodes.map_or(usize::MAX, |nodes| nodes * NODE_BYTES + exprs * EXPR_BYTES)
    }

    /// Visits every expression of the plan and its subqueries; returns the number of nodes.
    fn visit_exprs(&self, mut visit: impl FnMut(&Expr)) -> Result<usize> {
        let mut nodes = 0;
        self.plan.apply_with_subqueries(|node| {
            nodes += 1;
            node.apply_expressions(|expr| {
                expr.apply(|expr| {
                    visit(expr);
                    Ok(TreeNodeRecursion::Continue)
                })
            })
        })?;
        Ok(nodes)
    }
}

/// Analyses a plan by the rules of a session state.
pub(super) fn analyze(state: &SessionState, plan: LogicalPlan) -> Result<LogicalPlan> {
    let options = state.config_options();
    state.analyzer().execute_and_check(plan, options, |_, _| {})
}
