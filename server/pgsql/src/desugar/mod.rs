//! Makes of PostgreSQL's queries what DataFusion understands, where it can be done without knowing any types.
//! (What needs types is done to the plan: see `analyze`.)
//!
//! Of `datafusion-pg-catalog`'s rules those are taken that do not change what a query means;
//! `RemoveSubqueryFromProjection` puts NULL for correlated subqueries, and is not.

mod arrays;
mod casts;
mod ctes;
mod distinct;
mod empty;
mod functions;
mod joins;
mod json;
mod limits;
mod moments;
mod names;
mod numbers;
mod orders;
mod own;
mod patterns;
mod regexes;
mod rows;
mod sets;
mod system_columns;
mod tables;
mod values;
mod windows;

use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, Query, SetExpr, Statement,
    TableFactor, UnaryOperator, Value, Values, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion_pg_catalog::sql::rules::{
    RewritePgCatalogOperator, SqlStatementRewriteRule, StripCallableQualifier, StripCollate,
};

use crate::error::{PgError, code};
use crate::types::interval;
use arrays::list_written;
use casts::{rewritten_cast, show_objects};
use empty::{empty_out, without_domains};
use functions::rewritten_function;
pub use names::{is_single, mark_columns};
pub use tables::{has_columns, query_of_one_row};
pub use values::mixes_unknown;

static RULES: LazyLock<Vec<Arc<dyn SqlStatementRewriteRule>>> = LazyLock::new(|| {
    vec![
        Arc::new(StripCallableQualifier),
        Arc::new(StripCollate),
        Arc::new(RewritePgCatalogOperator),
    ]
});

/// Refuses what a query must not do: write, or lock.
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

/// Writes a query as DataFusion understands it.
///
/// # Errors
/// If it is one that PostgreSQL refuses, and DataFusion would not.
pub fn desugar(query: &mut Box<Query>) -> Result<(), PgError> {
    // Names first: they come from what was written.
    names::name_columns(query);
    ctes::rename(query)?;
    system_columns::add(query)?;
    show_objects(query);
    if let ControlFlow::Break(error) = query.visit(&mut Rewrite) {
        return Err(error);
    }
    let mut statement = Statement::Query(std::mem::replace(query, empty_query()));
    for rule in RULES.iter() {
        statement = rule.rewrite(statement);
    }
    if let Statement::Query(rewritten) = statement {
        *query = rewritten;
    }
    Ok(())
}

/// Goes on, or breaks off with an error.
fn go_on(result: Result<(), PgError>) -> ControlFlow<PgError> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// A place holder, never seen.
fn empty_query() -> Box<Query> {
    Box::new(Query {
        with: None,
        body: Box::new(SetExpr::Values(Values {
            explicit_row: false,
            value_keyword: false,
            rows: Vec::new(),
        })),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    })
}

struct Rewrite;

impl VisitorMut for Rewrite {
    type Break = PgError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<PgError> {
        empty_out(query);
        orders::by_columns(query);
        go_on(windows::inherit(query))?;
        go_on(joins::merge(query))?;
        sets::counted_exists(query);
        rows::without_groups(query);
        go_on(limits::unquoted(query))?;
        go_on(limits::fetch(query))?;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<PgError> {
        numbers::bare_in_query(query);
        values::into_from(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<PgError> {
        tables::rewrite(factor);
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<PgError> {
        numbers::bare_in_table(factor);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<PgError> {
        if let Some(new) = rewritten(expr) {
            *expr = new;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<PgError> {
        if let Some(new) = numbers::typed(expr) {
            *expr = new;
        }
        if let Some(new) = arrays::called(expr) {
            *expr = new;
        }
        if let Expr::Function(function) = expr {
            functions::unhidden(function);
        }
        numbers::bare_in_call(expr);
        ControlFlow::Continue(())
    }
}

/// What an expression becomes; none where it stays.
fn rewritten(expr: &mut Expr) -> Option<Expr> {
    match expr {
        Expr::Identifier(ident) if ident.quote_style.is_none() => {
            // PostgreSQL's words that stand for a function and are no keywords to the parser.
            let name = ident.value.to_ascii_lowercase();
            match name.as_str() {
                "current_schema" | "current_role" => Some(call(&name, vec![])),
                name => moments::now(name, None),
            }
        }
        Expr::Function(function) => rewritten_function(function),
        Expr::Cast {
            expr: inner,
            data_type,
            ..
        } => rewritten_cast(inner, data_type),
        Expr::AnyOp {
            left,
            compare_op,
            right,
            ..
        } => {
            list_written(left, compare_op, right);
            patterns::matches(left, compare_op, right, false)
                .or_else(|| sets::quantified(left, compare_op, right, false))
        }
        Expr::AllOp {
            left,
            compare_op,
            right,
        } => {
            list_written(left, compare_op, right);
            patterns::matches(left, compare_op, right, true)
                .or_else(|| sets::quantified(left, compare_op, right, true))
        }
        Expr::InSubquery {
            expr: row,
            subquery,
            negated,
        } => rows::fields(row).and_then(|row| sets::tuple_in(row, subquery, *negated)),
        Expr::InList {
            expr: row,
            list,
            negated,
        } if rows::is_row(row) => rows::among(row, list, *negated),
        Expr::Case {
            operand: None,
            conditions,
            else_result,
            ..
        } => without_domains(conditions, else_result),
        Expr::Like { .. } | Expr::ILike { .. } => patterns::like(expr),
        Expr::SimilarTo {
            negated,
            expr: value,
            pattern,
            ..
        } => patterns::similar(value, pattern, *negated),
        Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => sets::regrouped(expr),
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => negative(expr),
        Expr::CompoundFieldAccess { access_chain, .. } => {
            access_chain.iter_mut().for_each(arrays::bounded);
            None
        }
        Expr::BinaryOp { left, op, right } if rows::is_row(left) => rows::compared(left, op, right),
        Expr::UnaryOp { op, expr } => {
            let function = match op {
                UnaryOperator::BitwiseNot => {
                    return Some(functions::inverted((**expr).clone()));
                }
                UnaryOperator::PGSquareRoot => "sqrt",
                UnaryOperator::PGCubeRoot => "cbrt",
                UnaryOperator::PGAbs => "abs",
                _ => return None,
            };
            Some(call(function, vec![(**expr).clone()]))
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::PGStartsWith,
            right,
        } => Some(call(
            "starts_with",
            vec![(**left).clone(), (**right).clone()],
        )),
        Expr::Substring {
            expr,
            substring_from: Some(pattern),
            substring_for: None,
            ..
        } if string(pattern).is_some() => {
            Some(regexes::substring_by((**expr).clone(), (**pattern).clone()))
        }
        Expr::Value(value) => match &value.value {
            Value::UnicodeStringLiteral(unicode) => Some(text(unicode.clone())),
            _ => None,
        },
        // In a call they are functions of their own; see `functions`.
        Expr::Ceil { expr, .. } => Some(call("pg_ceil", vec![(**expr).clone()])),
        Expr::Floor { expr, .. } => Some(call("pg_floor", vec![(**expr).clone()])),
        Expr::Interval(written) => {
            // Whose sign it is the session's style of intervals says.
            if written.leading_field.is_none()
                && string(&written.value).is_some_and(interval::has_one_sign)
            {
                return Some(call("pg_interval", vec![(*written.value).clone()]));
            }
            // In the standard's forms the unit stands outside, and DataFusion reads that.
            if written.leading_field.is_none()
                && let Some(parts) = string(&written.value).and_then(interval::parse)
            {
                *written.value = text(interval::plain(parts));
            }
            None
        }
        Expr::TypedString(typed) => {
            let value = Expr::Value(typed.value.clone());
            rewritten_cast(&mut Box::new(value), &typed.data_type)
        }
        Expr::Extract { field, expr, .. } => {
            let value = std::mem::replace(&mut **expr, Expr::Identifier(Ident::new("")));
            Some(call(
                "pg_extract",
                vec![text(functions::field_of(field)), value],
            ))
        }
        Expr::Between {
            expr: value,
            negated,
            low,
            high,
        } => {
            let take = |expr: &mut Box<Expr>| {
                std::mem::replace(&mut **expr, Expr::Identifier(Ident::new("")))
            };
            let value = Expr::Nested(Box::new(take(value)));
            let at_least = compare(
                value.clone(),
                BinaryOperator::GtEq,
                Expr::Nested(Box::new(take(low))),
            );
            let at_most = compare(
                value,
                BinaryOperator::LtEq,
                Expr::Nested(Box::new(take(high))),
            );
            let both = Expr::Nested(Box::new(compare(at_least, BinaryOperator::And, at_most)));
            Some(if *negated {
                Expr::UnaryOp {
                    op: UnaryOperator::Not,
                    expr: Box::new(both),
                }
            } else {
                both
            })
        }
        Expr::AtTimeZone {
            timestamp,
            time_zone,
        } => {
            let take = |expr: &mut Box<Expr>| {
                std::mem::replace(&mut **expr, Expr::Identifier(Ident::new("")))
            };
            Some(call("timezone", vec![take(time_zone), take(timestamp)]))
        }
        _ => None,
    }
}

/// A sign and a number are one number, as the least `int8` must be; an interval is turned around by a product.
fn negative(expr: &Expr) -> Option<Expr> {
    let number = |digits: String| Expr::Value(Value::Number(digits, false).into());
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => {
                let digits = format!("-{digits}");
                digits.parse::<i64>().is_ok().then(|| number(digits))
            }
            _ => None,
        },
        Expr::Interval(_) => Some(Expr::Nested(Box::new(compare(
            expr.clone(),
            BinaryOperator::Multiply,
            number("-1".to_owned()),
        )))),
        // Perhaps a difference of times, which DataFusion takes no sign of.
        Expr::Nested(inner) if matches!(**inner, Expr::BinaryOp { .. }) => {
            Some(call("pg_negative", vec![expr.clone()]))
        }
        _ => None,
    }
}

fn compare(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

/// A name as PostgreSQL reads it.
fn normalized(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

fn is_placeholder(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::Placeholder(_)))
}

fn string(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn text(value: String) -> Expr {
    Expr::Value(Value::SingleQuotedString(value).into())
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    function(name, args, Vec::new())
}

fn function(name: &str, args: Vec<Expr>, clauses: Vec<FunctionArgumentClause>) -> Expr {
    let args = args
        .into_iter()
        .map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)))
        .collect();
    Expr::Function(Function {
        args: FunctionArguments::List(FunctionArgumentList {
            args,
            duplicate_treatment: None,
            clauses,
        }),
        ..bare_function(name)
    })
}

fn bare_function(name: &str) -> Function {
    Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        args: FunctionArguments::None,
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    }
}
