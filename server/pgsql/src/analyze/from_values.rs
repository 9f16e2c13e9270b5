//! Functions of a value in FROM: `FROM string_to_array('a,b', ',') s` is a table of one row with one column.
//!
//! The SQL layer does not know which functions give tables, so it leaves the call as a value beside the call in FROM (see
//! `sql::rewrite`). Here it is known, and one of the two stays.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, Ident, Query, SelectItem, SetExpr, TableAlias, TableFactor, Value,
    VisitMut, VisitorMut,
};

use crate::error::PgError;
use crate::parse::{has_columns, query_of_one_row};

/// Makes tables of the calls in FROM that give a value.
///
/// # Errors
/// If one is of an aggregate or a window function.
pub fn values_in_from(state: &SessionState, query: &mut Query) -> Result<(), PgError> {
    match query.visit(&mut Calls { state }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

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
        let last = name.0.last().and_then(|part| part.as_ident());
        let function = last.map(|ident| ident.value.to_lowercase());
        let function = function.unwrap_or_default();
        if self.state.table_functions().contains_key(&function) {
            return ControlFlow::Continue(());
        }
        if let Some(error) = self.refused(&function) {
            return ControlFlow::Break(error);
        }
        if let Some(table) = of_one_row(value, &function, alias.take(), *with_ordinality) {
            *factor = table;
        }
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
) -> Option<TableFactor> {
    let alias = alias.unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::with_quote('"', function),
        columns: Vec::new(),
        at: None,
    });
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
            expr: first(),
            alias: column(1, &Ident::new("ordinality")),
        });
    }
    let mut subquery = query_of_one_row()?;
    if let SetExpr::Select(select) = subquery.body.as_mut() {
        select.projection = items;
    }
    Some(TableFactor::Derived {
        lateral,
        subquery,
        alias: Some(TableAlias {
            columns: Vec::new(),
            ..alias
        }),
        sample: None,
    })
}

/// The number of the one row.
fn first() -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::Value(Value::Number("1".to_owned(), false).into())),
        data_type: DataType::Int8(None),
        array: false,
        format: None,
    }
}
