//! OVER and FILTER after a function that takes neither, and a window function without OVER.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{Expr, Function, Query, visit_expressions};

use super::CallPass;
use crate::error::PgError;

pub(super) const PASS: CallPass = CallPass {
    name: "call-check",
    bridges: "DataFusion calls the function as if OVER and FILTER were not there",
    run: check,
};

fn check(state: &SessionState, query: &mut Query) -> Result<(), PgError> {
    let checked = visit_expressions(query, |expr| match expr {
        Expr::Function(function) => match wrong(state, function) {
            Some(error) => ControlFlow::Break(error),
            None => ControlFlow::Continue(()),
        },
        _ => ControlFlow::Continue(()),
    });
    match checked {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

fn wrong(state: &SessionState, function: &Function) -> Option<PgError> {
    const WRONG_OBJECT: &str = "42809";
    let name = function.name.0.last()?.as_ident()?.value.to_lowercase();
    // Functions that stand for others have a mark before their name.
    let shown = name.strip_prefix("pg_").unwrap_or(&name);
    let is_aggregate = state.aggregate_functions().contains_key(&name);
    let is_window = state.window_functions().contains_key(&name);
    let is_scalar = state.scalar_functions().contains_key(&name);
    if is_aggregate || !(is_window || is_scalar) {
        return None;
    }
    if function.filter.is_some() {
        return Some(if is_window {
            PgError::unsupported("FILTER is not implemented for non-aggregate window functions")
        } else {
            PgError::new(
                WRONG_OBJECT,
                format!("FILTER specified, but {shown} is not an aggregate function"),
            )
        });
    }
    match (&function.over, is_window) {
        (Some(_), false) => Some(PgError::new(
            WRONG_OBJECT,
            format!(
                "OVER specified, but {shown} is not a window function nor an aggregate function"
            ),
        )),
        (None, true) if !is_scalar => Some(PgError::new(
            WRONG_OBJECT,
            format!("window function {shown} requires an OVER clause"),
        )),
        _ => None,
    }
}
