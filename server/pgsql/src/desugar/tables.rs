//! What stands in FROM: tables of the catalog, and functions that give rows.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, Function, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Query, SelectItem, SetExpr, TableAlias, TableFactor,
};
use datafusion_pg_catalog::pg_catalog::PG_CATALOG_TABLES;

use super::ast::{
    aliased, bare_function, call, cast, digits, last, number, object, positional, select, table,
    unnamed,
};
use super::numbers::bare;
use super::own::has_columns;
use super::{AstPass, Step};
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

pub(super) const CATALOG: AstPass = AstPass {
    name: "catalog-tables",
    bridges: "DataFusion looks in one schema, and not in pg_catalog besides",
    run: &[Step::Table(|factor| {
        if let TableFactor::Table {
            name, args: None, ..
        } = factor
            && let [_] = name.0.as_slice()
            && let Some(table) = last(name).map(|ident| ident.value.to_ascii_lowercase())
            && (PG_CATALOG_TABLES.contains(&table.as_str())
                || OWN_TABLES.contains(&table.as_str())
                || is_empty_view(&table))
        {
            *name = ObjectName::from(vec![Ident::new("pg_catalog"), Ident::new(table)]);
        }
    })],
};

pub(super) const SETTINGS: AstPass = AstPass {
    name: "settings-function",
    bridges: "the catalog has pg_settings, but not pg_show_all_settings(), which that is made of",
    run: &[Step::Table(settings)],
};

fn settings(factor: &mut TableFactor) {
    const FUNCTION: &str = "pg_show_all_settings";
    if let TableFactor::Table {
        name, args, alias, ..
    } = factor
        && args.as_ref().is_some_and(|args| args.args.is_empty())
        && last(name).is_some_and(|last| last.value.eq_ignore_ascii_case(FUNCTION))
    {
        *args = None;
        alias.get_or_insert_with(|| aliased(Ident::new(FUNCTION)));
        *name = ObjectName::from(vec![Ident::new("pg_catalog"), Ident::new("pg_settings")]);
    }
}

pub(super) const VALUE_CALLS: AstPass = AstPass {
    name: "value-calls",
    bridges: "DataFusion takes table functions alone in FROM",
    run: &[Step::Table(with_value)],
};

/// A function in FROM may be one that gives a value; which, is known when it is planned. So its call as a value, rewritten
/// as any other, stands beside its call as a table: as a hint, which nobody can write (see `analyze::value_calls`).
fn with_value(factor: &mut TableFactor) {
    if let TableFactor::Function {
        name,
        args,
        with_ordinality: numbered,
        alias: written,
        ..
    } = factor
    {
        let mut new = table(name.clone(), Some(std::mem::take(args)));
        if let TableFactor::Table {
            alias,
            with_ordinality,
            ..
        } = &mut new
        {
            *alias = written.take();
            *with_ordinality = *numbered;
        }
        *factor = new;
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

pub(super) const ROWS: AstPass = AstPass {
    name: "row-functions",
    bridges: "DataFusion's generate_series and unnest in FROM take no columns of the rows beside them, and name theirs otherwise",
    run: &[Step::Table(|factor| {
        if let Some(rows) = rows_of(factor) {
            *factor = rows;
        }
    })],
};

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
            positional(&args.args)?,
            alias,
            *with_ordinality,
        ),
        TableFactor::Function {
            name,
            args,
            alias,
            with_ordinality,
            ..
        } => (name.to_string(), positional(args)?, alias, *with_ordinality),
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
    let mut series = None;
    let mut lists = match (name, args.len()) {
        ("unnest", 1..) => args,
        ("generate_series", 2..=3) if !ordinality && args.iter().all(is_whole) => {
            series = Some(args);
            Vec::new()
        }
        ("generate_series", 2..=3) => vec![call("pg_series", args)],
        ("regexp_split_to_table", 2) => vec![call("regexp_split_to_array", args)],
        _ => return None,
    };
    if ordinality {
        let first = lists.first()?.clone();
        let last = call("array_length", vec![first, number("1")]);
        let places = call("pg_series", vec![number("1"), last]);
        let item = Box::new(DataType::Int8(None));
        let to = DataType::Array(ArrayElemTypeDef::SquareBracket(item, None));
        lists.push(cast(places, to));
    }
    let alias = alias.clone().unwrap_or_else(|| aliased(Ident::new(name)));
    let column = |at: usize| match alias.columns.get(at) {
        Some(column) => column.name.clone(),
        None if at == 0 => alias.name.clone(),
        None if ordinality && at + 1 == lists.len() => Ident::new("ordinality"),
        None => Ident::new("unnest"),
    };
    let subquery = match series {
        Some(args) => numbers(args, column(0)),
        None => {
            let items = lists.iter().enumerate().map(|(at, list)| {
                let expr = call("unnest", vec![list.clone()]);
                let alias = column(at);
                SelectItem::ExprWithAlias { expr, alias }
            });
            select(items.collect(), None)
        }
    };
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

/// A series of numbers, which DataFusion makes as it goes; under a name of its own, so that it is not looked at again.
fn numbers(mut args: Vec<Expr>, alias: Ident) -> Box<Query> {
    args.iter_mut().for_each(bare);
    let small = args
        .iter()
        .all(|arg| arg.to_string().parse::<i32>().is_ok());
    let value = Expr::Identifier(Ident::new("value"));
    let expr = if small {
        cast(value, DataType::Int(None))
    } else {
        value
    };
    let series = table(object("pg_numbers"), Some(unnamed(args)));
    select(
        vec![SelectItem::ExprWithAlias { expr, alias }],
        Some(series),
    )
}

fn is_whole(expr: &Expr) -> bool {
    let mut expr = expr.clone();
    bare(&mut expr);
    digits(&expr).is_some_and(|digits| digits.parse::<i64>().is_ok())
}

pub(super) const LATERAL_VALUES: AstPass = AstPass {
    name: "lateral-values",
    bridges: "DataFusion makes no VALUES of a row beside them; of arrays side by side it does",
    run: &[Step::Table(|factor| {
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
    })],
};

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
    Some(select((0..width).map(column).collect::<Option<_>>()?, None))
}

#[cfg(test)]
rewrites! {
    CATALOG tables_of_the_catalog_are_qualified r"
        SELECT relname FROM pg_class, orders ~> SELECT relname FROM pg_catalog.pg_class, orders
    "
    SETTINGS settings_are_a_table r"
        SELECT name FROM pg_show_all_settings() ~> SELECT name FROM pg_catalog.pg_settings AS pg_show_all_settings
    "
    ROWS functions_of_rows_are_queries r"
        SELECT * FROM unnest(a, b) AS u (x) ~> SELECT * FROM LATERAL (SELECT unnest(a) AS x, unnest(b) AS unnest) AS u
        SELECT * FROM generate_series(1, 3) n ~> SELECT * FROM (SELECT CAST(value AS INT) AS n FROM pg_numbers(1, 3)) n
        SELECT * FROM generate_series(now(), t, i) AS g (at) ~> SELECT * FROM LATERAL (SELECT unnest(pg_series(now(), t, i)) AS at) AS g
        SELECT * FROM unnest(a) WITH ORDINALITY ~> SELECT * FROM LATERAL (SELECT unnest(a) AS unnest, unnest(CAST(pg_series(1, array_length(a, 1)) AS INT8[])) AS ordinality) AS unnest
    "
    VALUE_CALLS calls_stand_beside_themselves_as_values r"
        SELECT * FROM f(x) AS s ~> SELECT * FROM f(x) AS s WITH (f(x))
        SELECT * FROM t ~> SELECT * FROM t
    "
    LATERAL_VALUES lateral_values_are_arrays_side_by_side r"
        SELECT * FROM t, LATERAL (VALUES (t.a, 1), (t.b, 2)) AS v (x) ~> SELECT * FROM t, LATERAL (SELECT unnest(make_array(t.a, t.b)) AS x, unnest(make_array(1, 2)) AS column2) AS v
    "
}
