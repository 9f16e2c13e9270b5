//! Finds PostgreSQL types that Arrow's types do not distinguish: `oid[]` is a list of integers, `uuid` is text.
//!
//! A parameter takes such a type from the cast around it, a column from the plan nodes that its values come from. This
//! matters to clients that read the catalog in binary: if a column that is `oid[]` in PostgreSQL comes as `int4[]`, they
//! query the catalog for that type again and again.

use std::collections::HashMap;
use std::ops::ControlFlow;

use arrow_pg::datatypes::PG_OID_ALIAS_KEY;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{self, Visit, Visitor};
use pgwire::api::Type;

use crate::encode::{Column, columns};
use crate::error::PgError;

/// Returns the columns of a plan's result.
///
/// # Errors
/// If a column's type has no PostgreSQL equivalent.
pub fn columns_of(plan: &LogicalPlan) -> Result<Vec<Column>, PgError> {
    let mut columns = columns(plan.schema().as_arrow())?;
    for (at, column) in columns.iter_mut().enumerate() {
        if column.pg == Type::INT4_ARRAY && holds_oids(plan, at) {
            column.pg = Type::OID_ARRAY;
        }
    }
    Ok(columns)
}

/// Returns whether a plan's column holds object ids, or arrays of them.
fn holds_oids(plan: &LogicalPlan, at: usize) -> bool {
    let fields = plan.schema().fields();
    if fields.get(at).is_some_and(|field| is_marked_as_oid(field)) {
        return true;
    }
    match plan {
        LogicalPlan::Projection(projection) => projection
            .expr
            .get(at)
            .is_some_and(|expr| yields_oids(expr, &projection.input)),
        LogicalPlan::Aggregate(aggregate) => aggregate
            .group_expr
            .iter()
            .chain(&aggregate.aggr_expr)
            .nth(at)
            .is_some_and(|expr| yields_oids(expr, &aggregate.input)),
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
        // These nodes pass on the columns of their input.
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

/// Returns whether an expression over a plan yields object ids, or arrays of them.
fn yields_oids(expr: &Expr, input: &LogicalPlan) -> bool {
    match expr {
        Expr::Alias(alias) => yields_oids(&alias.expr, input),
        Expr::Column(column) => input
            .schema()
            .maybe_index_of_column(column)
            .is_some_and(|at| holds_oids(input, at)),
        Expr::Case(case) => case
            .when_then_expr
            .iter()
            .any(|(_, then)| yields_oids(then, input)),
        Expr::AggregateFunction(call) if call.func.name() == "array_agg" => call
            .params
            .args
            .first()
            .is_some_and(|arg| yields_oids(arg, input)),
        Expr::ScalarSubquery(query) => holds_oids(&query.subquery, 0),
        _ => false,
    }
}

/// Returns whether a field is marked as an object id, or an array of them, by its metadata.
fn is_marked_as_oid(field: &Field) -> bool {
    let is_integer = match field.data_type() {
        DataType::List(item) => item.data_type() == &DataType::Int32,
        other => other == &DataType::Int32,
    };
    is_integer && field.metadata().get(PG_OID_ALIAS_KEY).is_some()
}

/// Returns the types, by parameter name (`$1`), of the parameters that are cast to a type that Arrow does not
/// distinguish.
pub fn parameters_cast(query: &ast::Query) -> HashMap<String, Type> {
    let mut casts = Casts::default();
    let _ = query.visit(&mut casts);
    casts.0
}

/// Collects the types of parameters under a cast.
#[derive(Default)]
struct Casts(HashMap<String, Type>);

impl Visitor for Casts {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<()> {
        let found = match expr {
            ast::Expr::Cast {
                expr, data_type, ..
            } => placeholder(expr).zip(indistinct_type(data_type)),
            ast::Expr::Function(function) => desugared_cast(function),
            _ => None,
        };
        if let Some((name, pg)) = found {
            self.0.entry(name.to_owned()).or_insert(pg);
        }
        ControlFlow::Continue(())
    }
}

/// Returns the parameter and type of a call that `crate::desugar` has put in place of a cast, such as `pg_uuid($1)`.
fn desugared_cast(function: &ast::Function) -> Option<(&str, Type)> {
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

/// Returns the name of the parameter that an expression is.
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

/// Returns the PostgreSQL type of a cast, if Arrow does not distinguish it from another.
fn indistinct_type(data_type: &ast::DataType) -> Option<Type> {
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
            item => (indistinct_type(item)? == Type::OID).then_some(Type::OID_ARRAY),
        },
        _ => None,
    }
}
