//! Makes of PostgreSQL's queries what DataFusion understands, where it can be done without knowing any types.
//!
//! Of `datafusion-pg-catalog`'s rules those are taken that do not change what a query means;
//! `RemoveSubqueryFromProjection` puts NULL for correlated subqueries, and is not.

use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Query, SetExpr,
    Statement, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion_pg_catalog::sql::rules::{
    FixArrayLiteral, PrependUnqualifiedPgTableName, RewritePgCatalogOperator,
    RewriteRegCastToSubquery, SqlStatementRewriteRule, StripCallableQualifier, StripCollate,
};

use super::super::error::{PgError, code};
use super::names;

static RULES: LazyLock<Vec<Arc<dyn SqlStatementRewriteRule>>> = LazyLock::new(|| {
    vec![
        Arc::new(PrependUnqualifiedPgTableName),
        Arc::new(StripCallableQualifier),
        Arc::new(FixArrayLiteral),
        Arc::new(StripCollate),
        Arc::new(RewritePgCatalogOperator),
        Arc::new(RewriteRegCastToSubquery::new()),
    ]
});

/// Refuses what a query must not do: write, or lock.
pub(super) fn check(query: &Query) -> Result<(), PgError> {
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

/// Rewrites a query.
pub(super) fn rewrite(query: &mut Box<Query>) {
    // Names first: they come from what was written.
    names::name_columns(query);
    let _ = query.visit(&mut Rewrite);
    let mut statement = Statement::Query(query.clone());
    for rule in RULES.iter() {
        statement = rule.rewrite(statement);
    }
    if let Statement::Query(rewritten) = statement {
        *query = rewritten;
    }
}

struct Rewrite;

impl VisitorMut for Rewrite {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) if ident.quote_style.is_none() => {
                // PostgreSQL's words that stand for a function and are no keywords to the parser.
                if ident.value.eq_ignore_ascii_case("current_schema")
                    || ident.value.eq_ignore_ascii_case("current_role")
                {
                    *expr = call(&ident.value.to_ascii_lowercase());
                }
            }
            Expr::Function(function) if matches!(function.args, FunctionArguments::None) => {
                let name = function.name.to_string().to_ascii_lowercase();
                match name.as_str() {
                    "user" => *expr = call("current_user"),
                    "current_catalog" => *expr = call("current_database"),
                    "current_user" | "session_user" | "current_role" => *expr = call(&name),
                    _ => {}
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn call(name: &str) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        args: FunctionArguments::List(FunctionArgumentList {
            args: vec![],
            duplicate_treatment: None,
            clauses: vec![],
        }),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}
