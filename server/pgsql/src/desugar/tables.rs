//! What stands in FROM: tables of the catalog, and functions that give rows.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, Query, SelectItem, SetExpr, TableAlias, TableFactor,
    TableFunctionArgs, Value,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion_pg_catalog::pg_catalog::PG_CATALOG_TABLES;

use super::numbers::bare;
use super::own::holds;
use super::{bare_function, call};
use crate::catalog::is_empty_view;

/// Tables of `pg_catalog` that are ours, beside those of `datafusion-pg-catalog`.
const OWN_TABLES: &[&str] = &[
    "pg_group",
    "pg_indexes",
    "pg_policies",
    "pg_prepared_xacts",
    "pg_rules",
    "pg_sequences",
    "pg_stat_activity",
    "pg_stats",
    "pg_timezone_names",
    "pg_user",
];

/// Makes of a table in FROM what DataFusion knows.
pub(super) fn rewrite(factor: &mut TableFactor) {
    // `pg_catalog` is looked in though nobody says so.
    if let TableFactor::Table {
        name, args: None, ..
    } = factor
        && let [part] = name.0.as_slice()
        && let Some(ident) = part.as_ident()
        && let table = ident.value.to_ascii_lowercase()
        && (PG_CATALOG_TABLES.contains(&table.as_str())
            || OWN_TABLES.contains(&table.as_str())
            || is_empty_view(&table))
    {
        *name = ObjectName::from(vec![Ident::new("pg_catalog"), Ident::new(table)]);
    }
    settings(factor);
    if let Some(new) = rows_of(factor) {
        *factor = new;
    }
    with_value(factor);
    if let TableFactor::Derived {
        lateral: true,
        subquery,
        alias,
        ..
    } = factor
        && let Some(new) = columns_of(subquery, alias.as_ref())
    {
        *subquery = new;
        if let Some(alias) = alias {
            alias.columns.clear();
        }
    }
}

/// `pg_show_all_settings()`, which the view `pg_settings` is made of.
fn settings(factor: &mut TableFactor) {
    const FUNCTION: &str = "pg_show_all_settings";
    if let TableFactor::Table {
        name, args, alias, ..
    } = factor
        && args.as_ref().is_some_and(|args| args.args.is_empty())
        && let Some(last) = name.0.last().and_then(|part| part.as_ident())
        && last.value.eq_ignore_ascii_case(FUNCTION)
    {
        *args = None;
        alias.get_or_insert_with(|| TableAlias {
            explicit: true,
            name: Ident::new(FUNCTION),
            columns: Vec::new(),
            at: None,
        });
        *name = ObjectName::from(vec![Ident::new("pg_catalog"), Ident::new("pg_settings")]);
    }
}

/// A function in FROM may be one that gives a value; which, is known when it is planned. So its call as a value, rewritten
/// as any other, stands beside its call as a table: as a hint, which nobody can write (see `semantics::from_values`).
fn with_value(factor: &mut TableFactor) {
    if let TableFactor::Function {
        name,
        args,
        with_ordinality,
        alias,
        ..
    } = factor
    {
        *factor = TableFactor::Table {
            name: name.clone(),
            alias: alias.take(),
            args: Some(TableFunctionArgs {
                args: std::mem::take(args),
                settings: None,
            }),
            with_hints: Vec::new(),
            version: None,
            with_ordinality: *with_ordinality,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        };
    }
    if let TableFactor::Table {
        name,
        args: Some(args),
        with_hints,
        ..
    } = factor
        && with_hints.is_empty()
    {
        with_hints.push(Expr::Function(Function {
            name: name.clone(),
            args: FunctionArguments::List(FunctionArgumentList {
                args: args.args.clone(),
                duplicate_treatment: None,
                clauses: Vec::new(),
            }),
            ..bare_function("")
        }));
    }
}

/// A query of one row, whose columns are yet to be said.
pub fn query_of_one_row() -> Option<Box<Query>> {
    parsed("SELECT 1")
}

/// `generate_series(…)` and `unnest(…)` as a query of their rows, with PostgreSQL's names.
fn rows_of(factor: &TableFactor) -> Option<TableFactor> {
    let (name, args, alias, ordinality) = match factor {
        TableFactor::Table {
            name,
            args: Some(args),
            alias,
            with_ordinality,
            ..
        } => (
            name.to_string(),
            plain(&args.args)?,
            alias,
            *with_ordinality,
        ),
        TableFactor::Function {
            name,
            args,
            alias,
            with_ordinality,
            ..
        } => (name.to_string(), plain(args)?, alias, *with_ordinality),
        TableFactor::UNNEST {
            array_exprs,
            alias,
            with_ordinality,
            with_offset: false,
            ..
        } => (
            "unnest".to_owned(),
            array_exprs.clone(),
            alias,
            *with_ordinality,
        ),
        _ => return None,
    };
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
    let lateral = args.iter().any(has_columns);
    let (mut lists, from) = match (name, args.len()) {
        ("unnest", 1..) => (args, None),
        ("generate_series", 2..=3) if !ordinality && args.iter().all(is_number) => {
            (Vec::new(), Some(numbers(&args)?))
        }
        ("generate_series", 2..=3) => (vec![call("pg_series", args)], None),
        ("regexp_split_to_table", 2) => (vec![call("regexp_split_to_array", args)], None),
        _ => return None,
    };
    if ordinality {
        let first = lists.first()?.clone();
        let last = call("array_length", vec![first, number("1")]);
        let places = call("pg_series", vec![number("1"), last]);
        lists.push(super::numbers::cast(places, array_of(DataType::Int8(None))));
    }
    let alias = alias.clone().unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::new(name),
        columns: Vec::new(),
        at: None,
    });
    let column = |at: usize| match alias.columns.get(at) {
        Some(column) => column.name.clone(),
        None if at == 0 => alias.name.clone(),
        None if ordinality && at + 1 == lists.len() => Ident::new("ordinality"),
        None => Ident::new("unnest"),
    };
    let query = match from {
        Some(mut query) => {
            rename(&mut query, column(0));
            query
        }
        None => {
            let items = lists
                .iter()
                .enumerate()
                .map(|(at, list)| SelectItem::ExprWithAlias {
                    expr: call("unnest", vec![list.clone()]),
                    alias: column(at),
                });
            let mut query = parsed("SELECT 1")?;
            if let SetExpr::Select(select) = query.body.as_mut() {
                select.projection = items.collect();
            }
            query
        }
    };
    Some(TableFactor::Derived {
        lateral,
        subquery: query,
        alias: Some(TableAlias {
            columns: Vec::new(),
            ..alias
        }),
        sample: None,
    })
}

/// VALUES as arrays side by side: those can be made of a row beside them.
fn columns_of(query: &Query, alias: Option<&TableAlias>) -> Option<Box<Query>> {
    let SetExpr::Values(values) = query.body.as_ref() else {
        return None;
    };
    if query.order_by.is_some() || query.limit_clause.is_some() || query.fetch.is_some() {
        return None;
    }
    let width = values.rows.first()?.content.len();
    let column = |at: usize| -> Option<SelectItem> {
        let elem = values.rows.iter().map(|row| row.content.get(at).cloned());
        // A call: in ARRAY[…] itself DataFusion does not look for columns of the rows around.
        let array = call("make_array", elem.collect::<Option<_>>()?);
        let named = alias.and_then(|alias| alias.columns.get(at));
        let alias = match named {
            Some(column) => column.name.clone(),
            None => Ident::new(format!("column{}", at + 1)),
        };
        Some(SelectItem::ExprWithAlias {
            expr: call("unnest", vec![array]),
            alias,
        })
    };
    let mut columns = parsed("SELECT 1")?;
    if let SetExpr::Select(select) = columns.body.as_mut() {
        select.projection = (0..width).map(column).collect::<Option<_>>()?;
    }
    Some(columns)
}

fn array_of(element: DataType) -> DataType {
    DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(element), None))
}

/// A series of numbers, which DataFusion makes as it goes.
fn numbers(args: &[Expr]) -> Option<Box<Query>> {
    let written: Vec<String> = args
        .iter()
        .map(|arg| {
            let mut arg = arg.clone();
            bare(&mut arg);
            arg.to_string()
        })
        .collect();
    let small = written.iter().all(|number| number.parse::<i32>().is_ok());
    let value = if small { "CAST(value AS INT)" } else { "value" };
    // Under a name of its own, so that it is not looked at again.
    parsed(&format!(
        "SELECT {value} AS n FROM pg_numbers({})",
        written.join(", ")
    ))
}

fn rename(query: &mut Query, name: Ident) {
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(SelectItem::ExprWithAlias { alias, .. }) = select.projection.first_mut()
    {
        *alias = name;
    }
}

/// A query of ours.
pub(super) fn parsed(text: &str) -> Option<Box<Query>> {
    Parser::new(&PostgreSqlDialect {})
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_query())
        .ok()
}

fn number(digits: &str) -> Expr {
    Expr::Value(Value::Number(digits.to_owned(), false).into())
}

fn is_number(expr: &Expr) -> bool {
    let mut expr = expr.clone();
    bare(&mut expr);
    matches!(&expr, Expr::Value(value) if matches!(&value.value, Value::Number(digits, _) if digits.parse::<i64>().is_ok()))
}

fn plain(args: &[FunctionArg]) -> Option<Vec<Expr>> {
    args.iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect()
}

/// Whether an expression names columns, outside of queries of its own.
pub fn has_columns(expr: &Expr) -> bool {
    holds(expr, |expr| {
        matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
    })
}
