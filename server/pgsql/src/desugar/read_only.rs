//! Refuses what a query must not do: write, or lock.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, SetExpr, Visit, Visitor};

use crate::error::{PgError, code};

/// Refuses a query that writes or locks.
///
/// # Errors
/// What it would do, with 25006.
pub fn check_read_only(query: &Query) -> Result<(), PgError> {
    match query.visit(&mut Check) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => Err(PgError::new(
            code::READ_ONLY,
            format!("cannot execute {what} in a read-only transaction"),
        )),
    }
}

struct Check;

impl Visitor for Check {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<&'static str> {
        if !query.locks.is_empty() {
            return ControlFlow::Break("SELECT FOR UPDATE");
        }
        check_body(&query.body)
    }
}

fn check_body(body: &SetExpr) -> ControlFlow<&'static str> {
    match body {
        SetExpr::Select(select) if select.into.is_some() => ControlFlow::Break("SELECT INTO"),
        SetExpr::SetOperation { left, right, .. } => {
            check_body(left)?;
            check_body(right)
        }
        SetExpr::Insert(_) => ControlFlow::Break("INSERT"),
        SetExpr::Update(_) => ControlFlow::Break("UPDATE"),
        SetExpr::Delete(_) => ControlFlow::Break("DELETE"),
        SetExpr::Merge(_) => ControlFlow::Break("MERGE"),
        _ => ControlFlow::Continue(()),
    }
}
