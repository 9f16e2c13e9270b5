//! Functions of a value in FROM: `FROM string_to_array('a,b', ',') s` is a table of one row with one column.
//!
//! `desugar` does not know which functions give tables, so it leaves the call as a value beside the call in FROM (see
//! `desugar::tables`). Here it is known, and one of the two stays.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Ident, SelectItem, TableAlias, TableFactor, VisitMut, VisitorMut,
};

use super::CallPass;
use crate::desugar::ast::{aliased, cast, last, number, quoted, select};
use crate::desugar::has_columns;
use crate::error::PgError;

pub(super) const PASS: CallPass = CallPass {
    name: "value-calls-in-from",
    bridges: "DataFusion takes table functions alone in FROM",
    run: |state, query| match query.visit(&mut Calls { state }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    },
};

struct Calls<'a> {
    state: &'a SessionState,
}

impl VisitorMut for Calls<'_> {
    type Break = PgError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<PgError> {
        let TableFactor::Table {
            name,
            args: Some(_),
            with_hints,
            alias,
            with_ordinality,
            ..
        } = factor
        else {
            return ControlFlow::Continue(());
        };
        let Some(value) = with_hints.pop() else {
            return ControlFlow::Continue(());
        };
        let function = last(name).map(|ident| ident.value.to_lowercase());
        let function = function.unwrap_or_default();
        if self.state.table_functions().contains_key(&function) {
            return ControlFlow::Continue(());
        }
        if let Some(error) = self.refused(&function) {
            return ControlFlow::Break(error);
        }
        *factor = of_one_row(value, &function, alias.take(), *with_ordinality);
        ControlFlow::Continue(())
    }
}

impl Calls<'_> {
    fn refused(&self, function: &str) -> Option<PgError> {
        let (code, kind) = if self.state.aggregate_functions().contains_key(function) {
            ("42803", "aggregate")
        } else if self.state.window_functions().contains_key(function)
            && !self.state.scalar_functions().contains_key(function)
        {
            ("42P20", "window")
        } else {
            return None;
        };
        Some(PgError::new(
            code,
            format!("{kind} functions are not allowed in functions in FROM"),
        ))
    }
}

/// A value as a table, whose column is named as the table is unless it has a name of its own.
fn of_one_row(
    value: Expr,
    function: &str,
    alias: Option<TableAlias>,
    ordinality: bool,
) -> TableFactor {
    let alias = alias.unwrap_or_else(|| aliased(quoted(function)));
    let column = |at: usize, otherwise: &Ident| {
        let named = alias.columns.get(at);
        named.map_or_else(|| otherwise.clone(), |column| column.name.clone())
    };
    let lateral = has_columns(&value);
    let mut items = vec![SelectItem::ExprWithAlias {
        expr: value,
        alias: column(0, &alias.name),
    }];
    if ordinality {
        items.push(SelectItem::ExprWithAlias {
            expr: cast(number("1"), DataType::Int8(None)),
            alias: column(1, &Ident::new("ordinality")),
        });
    }
    TableFactor::Derived {
        lateral,
        subquery: select(items, None),
        alias: Some(TableAlias {
            columns: Vec::new(),
            ..alias
        }),
        sample: None,
    }
}
