//! Makes of PostgreSQL's queries what DataFusion understands, where it can be done without knowing any types.
//! (What needs types is done to the plan: see `semantics`.)
//!
//! Of `datafusion-pg-catalog`'s rules those are taken that do not change what a query means;
//! `RemoveSubqueryFromProjection` puts NULL for correlated subqueries, and is not.

use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use datafusion::sql::sqlparser::ast::{
    Array, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArgumentList, FunctionArguments, GroupByExpr, Ident,
    LambdaFunction, LambdaFunctionParameter, LambdaSyntax, ObjectName, OneOrManyWithParens,
    OrderByKind, Query, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins, TimezoneInfo,
    UnaryOperator, Value, Values, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion_pg_catalog::pg_catalog::PG_CATALOG_TABLES;
use datafusion_pg_catalog::sql::rules::{
    RewritePgCatalogOperator, SqlStatementRewriteRule, StripCallableQualifier, StripCollate,
};

use super::super::error::{PgError, code};
use super::super::interval;
use super::super::params::array_elements;
use super::empty::empty_out;
use super::names;

static RULES: LazyLock<Vec<Arc<dyn SqlStatementRewriteRule>>> = LazyLock::new(|| {
    vec![
        Arc::new(StripCallableQualifier),
        Arc::new(StripCollate),
        Arc::new(RewritePgCatalogOperator),
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
    show_objects(query);
    let _ = query.visit(&mut Rewrite);
    let mut statement = Statement::Query(std::mem::replace(query, empty_query()));
    for rule in RULES.iter() {
        statement = rule.rewrite(statement);
    }
    if let Statement::Query(rewritten) = statement {
        *query = rewritten;
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

/// A column that is cast to `regclass` and the like is shown by its name.
fn show_objects(query: &mut Query) {
    if let SetExpr::Select(select) = query.body.as_mut() {
        for item in &mut select.projection {
            if let SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr) = item
                && let Some(kind) = object_cast(expr)
            {
                let object = std::mem::replace(expr, Expr::Identifier(Ident::new("")));
                *expr = call(&format!("{kind}_out"), vec![object]);
            }
        }
    }
}

/// `regclass` of `x::regclass`, and so on.
fn object_cast(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Cast { data_type, .. } => object_kind(data_type),
        Expr::Nested(inner) => object_cast(inner),
        _ => None,
    }
}

fn object_kind(data_type: &DataType) -> Option<&'static str> {
    let name = match data_type {
        DataType::Regclass => "regclass".to_owned(),
        DataType::Custom(name, arguments) if arguments.is_empty() => {
            name.0.last()?.as_ident()?.value.to_ascii_lowercase()
        }
        _ => return None,
    };
    Some(match name.as_str() {
        "regclass" => "regclass",
        "regtype" => "regtype",
        "regnamespace" => "regnamespace",
        "regrole" => "regrole",
        "regproc" | "regprocedure" => "regproc",
        "regoper" | "regoperator" => "regoper",
        _ => return None,
    })
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Text | DataType::Varchar(_) | DataType::CharacterVarying(_) => true,
        DataType::Custom(name, _) => name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .is_some_and(|ident| ident.value.eq_ignore_ascii_case("text")),
        _ => false,
    }
}

struct Rewrite;

/// Tables of `pg_catalog` that are ours, beside those of `datafusion-pg-catalog`.
const OWN_TABLES: &[&str] = &[
    "pg_group",
    "pg_indexes",
    "pg_locks",
    "pg_prepared_xacts",
    "pg_stat_activity",
    "pg_timezone_names",
    "pg_user",
];

impl VisitorMut for Rewrite {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        empty_out(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        // `pg_catalog` is looked in though nobody says so.
        if let TableFactor::Table {
            name, args: None, ..
        } = factor
            && let [part] = name.0.as_slice()
            && let Some(ident) = part.as_ident()
            && let table = ident.value.to_ascii_lowercase()
            && (PG_CATALOG_TABLES.contains(&table.as_str()) || OWN_TABLES.contains(&table.as_str()))
        {
            *name = ObjectName::from(vec![Ident::new("pg_catalog"), Ident::new(table)]);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(new) = rewritten(expr) {
            *expr = new;
        }
        ControlFlow::Continue(())
    }
}

/// What an expression becomes; none where it stays.
fn rewritten(expr: &mut Expr) -> Option<Expr> {
    match expr {
        Expr::Identifier(ident) if ident.quote_style.is_none() => {
            // PostgreSQL's words that stand for a function and are no keywords to the parser.
            let name = ident.value.to_ascii_lowercase();
            matches!(name.as_str(), "current_schema" | "current_role").then(|| call(&name, vec![]))
        }
        Expr::Function(function) => rewritten_function(function),
        Expr::Cast {
            expr: inner,
            data_type,
            ..
        } => rewritten_cast(inner, data_type),
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => {
            if let Some(array) = string(right).and_then(array_of) {
                **right = array;
            }
            None
        }
        Expr::Interval(written) => {
            // In the standard's forms the unit stands outside, and DataFusion reads that.
            if written.leading_field.is_none()
                && let Some(parts) = string(&written.value).and_then(interval::parse)
            {
                *written.value = text(interval::plain(parts));
            }
            None
        }
        Expr::TypedString(typed) if !matches!(typed.data_type, DataType::Interval { .. }) => {
            let value = Expr::Value(typed.value.clone());
            rewritten_cast(&mut Box::new(value), &typed.data_type)
        }
        Expr::Extract { field, expr, .. } => {
            let value = std::mem::replace(&mut **expr, Expr::Identifier(Ident::new("")));
            Some(call(
                "pg_extract",
                vec![text(field.to_string().to_lowercase()), value],
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

fn compare(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

fn rewritten_function(function: &mut Function) -> Option<Expr> {
    let name = function
        .name
        .0
        .last()?
        .as_ident()?
        .value
        .to_ascii_lowercase();
    match (&mut function.args, name.as_str()) {
        (FunctionArguments::None, "user") => Some(call("current_user", vec![])),
        (FunctionArguments::None, "current_catalog") => Some(call("current_database", vec![])),
        (FunctionArguments::None, "current_user" | "session_user" | "current_role") => {
            Some(call(&name, vec![]))
        }
        // PostgreSQL gives instants, DataFusion something else under the same name.
        (FunctionArguments::List(list), "to_timestamp") => {
            let name = if list.args.len() == 1 {
                "pg_to_timestamp"
            } else {
                "pg_to_timestamp_by"
            };
            function.name = ObjectName::from(vec![Ident::new(name)]);
            None
        }
        (FunctionArguments::List(list), "to_date") if list.args.len() == 2 => {
            function.name = ObjectName::from(vec![Ident::new("pg_to_date")]);
            None
        }
        (FunctionArguments::List(_), "to_char") => {
            function.name = ObjectName::from(vec![Ident::new("pg_to_char")]);
            None
        }
        (FunctionArguments::Subquery(query), "array") => {
            let query = std::mem::replace(query, empty_query());
            Some(array_of_rows(query))
        }
        _ => None,
    }
}

/// `ARRAY(SELECT f(x) FROM unnest(xs) x)`: every element by itself.
fn array_of_elements(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let [TableWithJoins { relation, joins }] = select.from.as_slice() else {
        return None;
    };
    let (SelectItem::UnnamedExpr(body) | SelectItem::ExprWithAlias { expr: body, .. }) =
        select.projection.first()?
    else {
        return None;
    };
    let TableFactor::Table {
        name,
        args: Some(args),
        alias: Some(alias),
        ..
    } = relation
    else {
        return None;
    };
    let is_unnest = name
        .0
        .last()?
        .as_ident()?
        .value
        .eq_ignore_ascii_case("unnest");
    let plain = joins.is_empty()
        && select.selection.is_none()
        && select.projection.len() == 1
        && query.order_by.is_none();
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))] = args.args.as_slice() else {
        return None;
    };
    let element = alias
        .columns
        .first()
        .map_or(&alias.name, |column| &column.name);
    (is_unnest && plain).then(|| {
        let each = Expr::Lambda(LambdaFunction {
            params: OneOrManyWithParens::One(LambdaFunctionParameter {
                name: element.clone(),
                data_type: None,
            }),
            body: Box::new(body.clone()),
            syntax: LambdaSyntax::Arrow,
        });
        call("array_transform", vec![array.clone(), each])
    })
}

/// `ARRAY(SELECT x …)`: the rows gathered, in their order.
fn array_of_rows(mut query: Box<Query>) -> Expr {
    if let Some(transformed) = array_of_elements(&query) {
        return transformed;
    }
    let plain = query.with.is_none() && query.limit_clause.is_none() && query.fetch.is_none();
    if plain
        && let SetExpr::Select(select) = query.body.as_mut()
        && select.distinct.is_none()
        && select.having.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty())
        && let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
            select.projection.as_mut_slice()
    {
        let value = std::mem::replace(item, Expr::Identifier(Ident::new("")));
        let mut clauses = Vec::new();
        if let Some(order) = query.order_by.take()
            && let OrderByKind::Expressions(mut by) = order.kind
        {
            for by in &mut by {
                // `ORDER BY 1` means the one column.
                if matches!(&by.expr, Expr::Value(value) if matches!(value.value, Value::Number(..)))
                {
                    by.expr = value.clone();
                }
            }
            clauses.push(FunctionArgumentClause::OrderBy(by));
        }
        *item = function("array_agg", vec![value], clauses);
    } else {
        return Expr::Function(Function {
            args: FunctionArguments::Subquery(query),
            ..bare_function("array")
        });
    }
    Expr::Subquery(query)
}

fn rewritten_cast(inner: &mut Box<Expr>, data_type: &DataType) -> Option<Expr> {
    let take =
        |expr: &mut Box<Expr>| std::mem::replace(&mut **expr, Expr::Identifier(Ident::new("")));
    if let Some(kind) = object_kind(data_type) {
        let by_name = string(inner).is_some() || is_placeholder(inner);
        return by_name.then(|| call(&format!("{kind}_in"), vec![take(inner)]));
    }
    if is_text(data_type)
        && let Some(kind) = object_cast(inner)
    {
        return Some(call(&format!("{kind}_out"), vec![take(inner)]));
    }
    match data_type {
        DataType::Array(_) => {
            if let Some(array) = string(inner).and_then(array_of) {
                **inner = array;
            }
        }
        DataType::Interval { .. } => {
            if let Some(parts) = string(inner).and_then(interval::parse) {
                **inner = text(interval::plain(parts));
            }
        }
        // A parameter has the type that it is cast to.
        _ if is_placeholder(inner) => {}
        data_type if is_text(data_type) => return Some(call("pg_text", vec![take(inner)])),
        DataType::Bytea => return Some(call("pg_bytea", vec![take(inner)])),
        DataType::Date => return Some(call("pg_date", vec![take(inner)])),
        DataType::Timestamp(None | Some(4..=6), zone) => {
            let with_zone = matches!(zone, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone);
            let name = if with_zone {
                "pg_timestamptz"
            } else {
                "pg_timestamp"
            };
            return Some(call(name, vec![take(inner)]));
        }
        data_type if is_integer(data_type) && !is_rounded(inner) => {
            let value = take(inner);
            **inner = call("pg_round_int", vec![value]);
        }
        _ => {}
    }
    None
}

fn is_integer(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int(_)
            | DataType::Integer(_)
            | DataType::Int4(_)
            | DataType::BigInt(_)
            | DataType::Int8(_)
            | DataType::SmallInt(_)
            | DataType::Int2(_)
    )
}

/// It has been seen to, or needs no rounding.
fn is_rounded(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => function.name.to_string() == "pg_round_int",
        other => string(other).is_some(),
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

/// `'{a,b}'` as an array.
fn array_of(literal: &str) -> Option<Expr> {
    let elements = array_elements(literal)?;
    let number = |item: &String| item.parse::<f64>().is_ok() && !item.starts_with('+');
    let numbers = !elements.is_empty() && elements.iter().flatten().all(number);
    let elem = elements
        .into_iter()
        .map(|item| match item {
            None => Expr::Value(Value::Null.into()),
            Some(item) if numbers => Expr::Value(Value::Number(item, false).into()),
            Some(item) => text(item),
        })
        .collect();
    Some(Expr::Array(Array { elem, named: true }))
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
