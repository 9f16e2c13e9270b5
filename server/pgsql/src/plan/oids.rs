//! PostgreSQL types that Arrow's do not tell apart: arrays of object ids are lists of integers, a `uuid` is text.
//!
//! Parameters have them from the cast that is written around them, columns from where their values come from: clients
//! that read the catalog in binary ask what an `int4[]` is, and go round in circles where PostgreSQL has an `oid[]`.

use std::collections::HashMap;
use std::ops::ControlFlow;

use arrow_pg::datatypes::PG_OID_ALIAS_KEY;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{self, Visit, Visitor};
use pgwire::api::Type;

use crate::encode::{Column, columns};
use crate::error::PgError;

/// The columns of a plan's result.
///
/// # Errors
/// If one is of a type that PostgreSQL has nothing for.
pub fn columns_of(plan: &LogicalPlan) -> Result<Vec<Column>, PgError> {
    let mut columns = columns(plan.schema().as_arrow())?;
    for (at, column) in columns.iter_mut().enumerate() {
        if column.pg == Type::INT4_ARRAY && holds_oids(plan, at) {
            column.pg = Type::OID_ARRAY;
        }
    }
    Ok(columns)
}

/// Whether the values of a plan's column are object ids, or arrays of them.
fn holds_oids(plan: &LogicalPlan, at: usize) -> bool {
    let fields = plan.schema().fields();
    if fields.get(at).is_some_and(|field| is_marked(field)) {
        return true;
    }
    match plan {
        LogicalPlan::Projection(projection) => projection
            .expr
            .get(at)
            .is_some_and(|expr| gives_oids(expr, &projection.input)),
        LogicalPlan::Aggregate(aggregate) => aggregate
            .group_expr
            .iter()
            .chain(&aggregate.aggr_expr)
            .nth(at)
            .is_some_and(|expr| gives_oids(expr, &aggregate.input)),
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            match at.checked_sub(left) {
                None => holds_oids(&join.left, at),
                Some(at) => holds_oids(&join.right, at),
            }
        }
        LogicalPlan::RecursiveQuery(query) => holds_oids(&query.static_term, at),
        LogicalPlan::Union(union) => union
            .inputs
            .first()
            .is_some_and(|input| holds_oids(input, at)),
        // The columns of these are those of their input.
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Window(_) => plan
            .inputs()
            .first()
            .is_some_and(|input| at < input.schema().fields().len() && holds_oids(input, at)),
        _ => false,
    }
}

/// Whether an expression over a plan gives object ids, or arrays of them.
fn gives_oids(expr: &Expr, input: &LogicalPlan) -> bool {
    match expr {
        Expr::Alias(alias) => gives_oids(&alias.expr, input),
        Expr::Column(column) => input
            .schema()
            .maybe_index_of_column(column)
            .is_some_and(|at| holds_oids(input, at)),
        Expr::Case(case) => case
            .when_then_expr
            .iter()
            .any(|(_, then)| gives_oids(then, input)),
        Expr::AggregateFunction(call) if call.func.name() == "array_agg" => call
            .params
            .args
            .first()
            .is_some_and(|arg| gives_oids(arg, input)),
        Expr::ScalarSubquery(query) => holds_oids(&query.subquery, 0),
        _ => false,
    }
}

fn is_marked(field: &Field) -> bool {
    let is_integer = match field.data_type() {
        DataType::List(item) => item.data_type() == &DataType::Int32,
        other => other == &DataType::Int32,
    };
    is_integer && field.metadata().get(PG_OID_ALIAS_KEY).is_some()
}

/// The types of parameters that are cast to a type that Arrow does not tell from another, by their names (`$1`).
pub fn parameters_cast(query: &ast::Query) -> HashMap<String, Type> {
    let mut casts = Casts::default();
    let _ = query.visit(&mut casts);
    casts.0
}

#[derive(Default)]
struct Casts(HashMap<String, Type>);

impl Visitor for Casts {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<()> {
        let found = match expr {
            ast::Expr::Cast {
                expr, data_type, ..
            } => placeholder(expr).zip(told_apart(data_type)),
            ast::Expr::Function(function) => called_on(function),
            _ => None,
        };
        if let Some((name, pg)) = found {
            self.0.entry(name.to_owned()).or_insert(pg);
        }
        ControlFlow::Continue(())
    }
}

/// The functions that casts have become: see `sql::rewrite`.
fn called_on(function: &ast::Function) -> Option<(&str, Type)> {
    let ast::FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(only))] = list.args.as_slice() else {
        return None;
    };
    let pg = match function.name.0.last()?.as_ident()?.value.as_str() {
        "pg_uuid" => Type::UUID,
        "pg_json" => Type::JSON,
        "pg_jsonb" => Type::JSONB,
        _ => return None,
    };
    Some((placeholder(only)?, pg))
}

fn placeholder(expr: &ast::Expr) -> Option<&str> {
    match expr {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::Placeholder(name) => Some(name),
            _ => None,
        },
        ast::Expr::Nested(inner) => placeholder(inner),
        _ => None,
    }
}

fn told_apart(data_type: &ast::DataType) -> Option<Type> {
    match data_type {
        ast::DataType::Custom(name, _) => {
            let name = name.0.last()?.as_ident()?;
            name.value.eq_ignore_ascii_case("oid").then_some(Type::OID)
        }
        ast::DataType::Array(
            ast::ArrayElemTypeDef::SquareBracket(item, _)
            | ast::ArrayElemTypeDef::AngleBracket(item),
        ) => match item.as_ref() {
            ast::DataType::Uuid => Some(Type::UUID_ARRAY),
            item => (told_apart(item)? == Type::OID).then_some(Type::OID_ARRAY),
        },
        _ => None,
    }
}
