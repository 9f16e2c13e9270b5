//! Finds the functions that planning evaluates, so that the plan holds their values.
//!
//! DataFusion evaluates the arguments of a table function when it plans the call: a plan of `generate_series(now(), …)`
//! holds the time of planning. Such a plan can be executed again only while the functions still return the same values.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::logical_expr::Volatility;
use datafusion::sql::sqlparser::ast::{self, Expr, TableFactor, Visit, Visitor};

/// Returns the names of the functions in arguments of table functions that are not immutable: they read the clock, the
/// session or a random number.
pub(super) fn folded_functions(state: &SessionState, query: &ast::Query) -> BTreeSet<String> {
    let mut calls = Calls {
        state,
        depth: 0,
        names: BTreeSet::new(),
    };
    let ControlFlow::Continue(()) = query.visit(&mut calls);
    calls.names
}

/// Collects the functions in arguments of table functions.
struct Calls<'a> {
    state: &'a SessionState,
    /// How many calls of table functions enclose the visited expression.
    depth: usize,
    names: BTreeSet<String>,
}

/// Returns whether a factor in FROM calls a table function.
fn is_call(factor: &TableFactor) -> bool {
    matches!(
        factor,
        TableFactor::Table { args: Some(_), .. }
            | TableFactor::Function { .. }
            | TableFactor::TableFunction { .. }
            | TableFactor::UNNEST { .. }
    )
}

impl Visitor for Calls<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        self.depth += usize::from(is_call(factor));
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        self.depth -= usize::from(is_call(factor));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Function(function) = expr
            && self.depth > 0
            && let Some(name) = function.name.0.last().and_then(|part| part.as_ident())
        {
            let name = name.value.to_ascii_lowercase();
            // A table function's own call stands in a hint, too (see `desugar::tables`).
            let is_folded = match self.state.scalar_functions().get(&name) {
                Some(known) => known.signature().volatility != Volatility::Immutable,
                None => !self.state.table_functions().contains_key(&name),
            };
            if is_folded {
                self.names.insert(name);
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::parse::{Statement, parse};

    #[test]
    fn functions_that_planning_evaluates_are_named() {
        let state = SessionContext::new().state();
        for (sql, expected) in [
            ("SELECT now()", &[] as &[&str]),
            ("SELECT * FROM range(now())", &["now"]),
            ("SELECT * FROM range(abs(-1), 3)", &[]),
            (
                "SELECT * FROM range(CURRENT_DATE - 7, g())",
                &["current_date", "g"],
            ),
            ("SELECT random() FROM range(1) WHERE value > now()", &[]),
            ("SELECT (SELECT a FROM range(pg_catalog.now()) f)", &["now"]),
        ] {
            let parsed = parse(sql).unwrap().pop();
            let Some(Statement::Query(query)) = parsed else {
                panic!("{sql} is no query");
            };
            let found = folded_functions(&state, &query.ast);
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{sql}");
        }
    }
}
