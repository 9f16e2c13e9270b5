//! Refuses clauses that the parser accepts, of PostgreSQL's or another dialect, and that the planner would silently ignore.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArgumentClause, FunctionArguments, GroupByExpr, NullTreatment,
    OrderByKind, Query, Select, SetExpr, TableFactor, Visit, Visitor,
};

use crate::error::PgError;

/// Refuses a query with a clause that would be ignored.
pub(super) fn check(query: &Query) -> Result<(), PgError> {
    match query.visit(&mut Unsupported) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => Err(PgError::unsupported(format!("{what} is not supported"))),
    }
}

struct Unsupported;

/// Breaks off with the first clause that is there.
fn first(clauses: &[(bool, &'static str)]) -> ControlFlow<&'static str> {
    match clauses.iter().find(|(is_there, _)| *is_there) {
        Some((_, what)) => ControlFlow::Break(*what),
        None => ControlFlow::Continue(()),
    }
}

impl Visitor for Unsupported {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<&'static str> {
        let sorts = query.order_by.as_ref();
        let filled = sorts.is_some_and(|order| match &order.kind {
            OrderByKind::Expressions(by) => by.iter().any(|key| key.with_fill.is_some()),
            OrderByKind::All(_) => false,
        });
        let percent = query.fetch.as_ref().is_some_and(|fetch| fetch.percent);
        first(&[
            (percent, "FETCH of a percentage of the rows"),
            (query.for_clause.is_some(), "FOR XML or FOR JSON"),
            (query.settings.is_some(), "SETTINGS"),
            (query.format_clause.is_some(), "FORMAT"),
            (filled, "ORDER BY ... WITH FILL"),
        ])?;
        selects(&query.body)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<&'static str> {
        match factor {
            TableFactor::Table {
                with_hints,
                version,
                partitions,
                json_path,
                sample,
                index_hints,
                ..
            } => first(&[
                (sample.is_some(), "TABLESAMPLE"),
                (!with_hints.is_empty(), "WITH after a table"),
                (version.is_some(), "a version of a table"),
                (!partitions.is_empty(), "PARTITION after a table"),
                (json_path.is_some(), "a path after a table"),
                (!index_hints.is_empty(), "an index hint"),
            ]),
            TableFactor::Derived { sample, .. } => first(&[(sample.is_some(), "TABLESAMPLE")]),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<&'static str> {
        match expr {
            Expr::Function(function) => call(function),
            Expr::Cast { format, .. } => first(&[(format.is_some(), "FORMAT in a cast")]),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn selects(body: &SetExpr) -> ControlFlow<&'static str> {
    match body {
        SetExpr::Select(select) => clauses(select),
        SetExpr::SetOperation { left, right, .. } => {
            selects(left)?;
            selects(right)
        }
        _ => ControlFlow::Continue(()),
    }
}

fn clauses(select: &Select) -> ControlFlow<&'static str> {
    let modifiers = match &select.group_by {
        GroupByExpr::Expressions(_, modifiers) | GroupByExpr::All(modifiers) => modifiers,
    };
    first(&[
        (select.select_modifiers.is_some(), "a modifier of SELECT"),
        (select.exclude.is_some(), "EXCLUDE"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!modifiers.is_empty(), "WITH after GROUP BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (select.value_table_mode.is_some(), "SELECT AS"),
    ])
}

fn nulls(treatment: NullTreatment) -> &'static str {
    match treatment {
        NullTreatment::IgnoreNulls => "IGNORE NULLS",
        NullTreatment::RespectNulls => "RESPECT NULLS",
    }
}

fn call(function: &Function) -> ControlFlow<&'static str> {
    if let Some(treatment) = function.null_treatment {
        return ControlFlow::Break(nulls(treatment));
    }
    let parameters = !matches!(function.parameters, FunctionArguments::None);
    first(&[(parameters, "a second list of arguments")])?;
    let FunctionArguments::List(list) = &function.args else {
        return ControlFlow::Continue(());
    };
    for clause in &list.clauses {
        let what = match clause {
            FunctionArgumentClause::OrderBy(_) => continue,
            FunctionArgumentClause::IgnoreOrRespectNulls(treatment) => nulls(*treatment),
            FunctionArgumentClause::Limit(_) => "LIMIT among arguments",
            FunctionArgumentClause::OnOverflow(_) => "ON OVERFLOW",
            FunctionArgumentClause::Having(_) => "HAVING among arguments",
            FunctionArgumentClause::Separator(_) => "SEPARATOR",
            FunctionArgumentClause::JsonNullClause(_) => "ON NULL among arguments",
            FunctionArgumentClause::JsonReturningClause(_) => "RETURNING among arguments",
        };
        return ControlFlow::Break(what);
    }
    ControlFlow::Continue(())
}
