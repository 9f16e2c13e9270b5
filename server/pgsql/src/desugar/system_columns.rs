//! Columns that every table of PostgreSQL has beside its own: `tableoid`, `xmin` and their kin.
//!
//! DataFusion's tables have none, and what a wildcard brings must stay as it is. So a table that is asked for one becomes
//! a query of all its columns and that one, under a name that nobody writes; wildcards leave the name out, and what asked
//! for the column asks for it by that name. `ctid` is refused: a row has no place here that it could be found again by.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType, ExcludeSelectItem, Expr, Ident, ObjectName, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins, VisitMut, VisitorMut,
    WildcardAdditionalOptions, visit_expressions,
};

use super::ast::{
    aliased, cast, each_select, last, normalized, object, quoted, select, table, text,
};
use super::own::{each_expr, finished};
use super::{AstPass, Step};
use crate::catalog::is_catalog_table;
use crate::error::PgError;

pub(super) const PASS: AstPass = AstPass {
    name: "system-columns",
    bridges: "DataFusion's tables have no columns that a wildcard leaves out",
    run: &[Step::Whole(|query| {
        let asked = visit_expressions(query, |expr| {
            let name = match expr {
                Expr::Identifier(name) => Some(name),
                Expr::CompoundIdentifier(parts) => parts.last(),
                _ => None,
            };
            match name.and_then(system_column) {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        });
        match asked {
            ControlFlow::Break(()) => finished(query.visit(&mut Queries::default())),
            ControlFlow::Continue(()) => Ok(()),
        }
    })],
};

/// Their values: rows are there from the beginning, and nobody has changed them.
fn value(column: &str, table: &ObjectName) -> Expr {
    let of_type =
        |literal: &str, name: &str| cast(text(literal), DataType::Custom(object(name), vec![]));
    match column {
        "tableoid" => {
            let class = cast(text(table.to_string()), DataType::Regclass);
            cast(class, DataType::Custom(object("oid"), vec![]))
        }
        "xmin" => of_type("2", "xid"),
        "xmax" => of_type("0", "xid"),
        _ => of_type("0", "cid"),
    }
}

const COLUMNS: [&str; 6] = ["tableoid", "xmin", "xmax", "cmin", "cmax", "ctid"];

/// The system column that a name is of.
fn system_column(name: &Ident) -> Option<&'static str> {
    let name = normalized(name);
    COLUMNS.into_iter().find(|column| *column == name)
}

/// From the inside out, so that a name that an inner query has too is the inner one's.
#[derive(Default)]
struct Queries {
    /// The names of the WITHs around.
    named: Vec<Vec<String>>,
}

impl VisitorMut for Queries {
    type Break = PgError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<PgError> {
        let with = query.with.iter().flat_map(|with| &with.cte_tables);
        self.named
            .push(with.map(|cte| normalized(&cte.alias.name)).collect());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<PgError> {
        if let SetExpr::Select(select) = query.body.as_mut() {
            let mut keys = match query.order_by.as_mut().map(|order| &mut order.kind) {
                Some(OrderByKind::Expressions(by)) => {
                    by.iter_mut().map(|key| &mut key.expr).collect()
                }
                _ => Vec::new(),
            };
            // A name of the output goes before one of a table.
            let outputs = outputs(select);
            keys.retain(|key| match key {
                Expr::Identifier(name) => !outputs.contains(&normalized(name)),
                _ => true,
            });
            flow(self.select(select, keys))?;
        } else {
            flow(each_select(&mut query.body, &mut |select| {
                self.select(select, Vec::new())
            }))?;
        }
        self.named.pop();
        ControlFlow::Continue(())
    }
}

fn flow(result: Result<(), PgError>) -> ControlFlow<PgError> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

impl Queries {
    fn select(&self, select: &mut Select, mut keys: Vec<&mut Expr>) -> Result<(), PgError> {
        let mut tables: Vec<Table> = factors(select)
            .into_iter()
            .filter_map(|factor| self.stored(factor))
            .collect();
        each_expr(select, |expr, depth| ask(&mut tables, expr, depth))?;
        for key in &mut keys {
            each_expr(&mut **key, |expr, depth| ask(&mut tables, expr, depth))?;
        }
        tables.retain(|table| !table.added.is_empty());
        if tables.is_empty() {
            return Ok(());
        }
        shorten(select, &tables);
        for key in keys {
            shorten(key, &tables);
        }
        for item in &mut select.projection {
            leave_out(item, &tables);
        }
        for factor in factors(select) {
            let alias = self.stored(factor).map(|table| table.alias);
            let known = tables
                .iter()
                .find(|table| Some(&table.alias) == alias.as_ref());
            if let Some(table) = known {
                table.put_into(factor);
            }
        }
        Ok(())
    }

    /// A table that is stored, by the name that it is known by in the query. Views have no such columns.
    fn stored(&self, factor: &TableFactor) -> Option<Table> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } = factor
        else {
            return None;
        };
        let parts: Option<Vec<String>> = name
            .0
            .iter()
            .map(|part| part.as_ident().map(normalized))
            .collect();
        let (schema, last) = match parts?.as_slice() {
            [name] => (None, name.clone()),
            [.., schema, name] => (Some(schema.clone()), name.clone()),
            [] => return None,
        };
        let is_view = match schema.as_deref() {
            Some("information_schema") => true,
            Some("pg_catalog") => !is_catalog_table(&last),
            Some(_) => false,
            None if self.named.iter().flatten().any(|cte| *cte == last) => true,
            None => last.starts_with("pg_") && !is_catalog_table(&last),
        };
        let alias = alias.as_ref().map(|alias| normalized(&alias.name));
        (!is_view).then(|| Table {
            alias: alias.unwrap_or(last),
            added: BTreeSet::new(),
        })
    }
}

/// The tables of a SELECT.
fn factors(select: &mut Select) -> Vec<&mut TableFactor> {
    let mut factors = Vec::new();
    for from in &mut select.from {
        factors_of(from, &mut factors);
    }
    factors
}

/// The tables that stand in a FROM, through its joins.
fn factors_of<'a>(from: &'a mut TableWithJoins, factors: &mut Vec<&'a mut TableFactor>) {
    let joined = from.joins.iter_mut().map(|join| &mut join.relation);
    for factor in std::iter::once(&mut from.relation).chain(joined) {
        match factor {
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => factors_of(table_with_joins, factors),
            factor => factors.push(factor),
        }
    }
}

/// The names that a query gives its columns.
fn outputs(select: &Select) -> BTreeSet<String> {
    let items = select.projection.iter();
    items
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(normalized(alias)),
            _ => None,
        })
        .collect()
}

/// A table of a FROM, and the columns that it is given.
struct Table {
    alias: String,
    added: BTreeSet<&'static str>,
}

impl Table {
    fn name(&self) -> Ident {
        quoted(self.alias.as_str())
    }

    /// A column's name, of which clients see what stands before the mark.
    fn column(&self, name: &str) -> Ident {
        quoted(format!("{name}\u{1f}{}", self.alias))
    }

    fn columns(&self) -> Vec<ObjectName> {
        let added = self.added.iter();
        added
            .map(|name| ObjectName::from(vec![self.column(name)]))
            .collect()
    }

    /// Makes the table a query of its columns and the added ones.
    fn put_into(&self, factor: &mut TableFactor) {
        let TableFactor::Table { name, alias, .. } = factor else {
            return;
        };
        let added = self.added.iter().map(|column| SelectItem::ExprWithAlias {
            expr: value(column, name),
            alias: self.column(column),
        });
        let all = SelectItem::Wildcard(WildcardAdditionalOptions::default());
        let stored = table(name.clone(), None);
        *factor = TableFactor::Derived {
            lateral: false,
            subquery: select([all].into_iter().chain(added).collect(), Some(stored)),
            alias: Some(alias.take().unwrap_or_else(|| aliased(self.name()))),
            sample: None,
        };
    }
}

/// Asks for a column by the name that it is given.
fn ask(tables: &mut [Table], expr: &mut Expr, depth: usize) -> Result<(), PgError> {
    let (column, table) = match expr {
        // In a query inside it is a column of that one's tables.
        Expr::Identifier(name) if depth == 0 => match (system_column(name), tables) {
            (Some(column), [only]) => (column, only),
            (None, _) | (_, []) => return Ok(()),
            (Some(column), _) => {
                let what = format!("column reference \"{column}\" is ambiguous");
                return Err(PgError::new("42702", what));
            }
        },
        Expr::CompoundIdentifier(parts) => {
            let [.., table, column] = parts.as_slice() else {
                return Ok(());
            };
            let alias = normalized(table);
            let known = tables.iter_mut().find(|table| table.alias == alias);
            match (system_column(column), known) {
                (Some(column), Some(table)) => (column, table),
                _ => return Ok(()),
            }
        }
        _ => return Ok(()),
    };
    if column == "ctid" {
        return Err(PgError::unsupported("ctid is not supported")
            .detail("a row has no place here that it could be found again by"));
    }
    table.added.insert(column);
    *expr = Expr::CompoundIdentifier(vec![table.name(), table.column(column)]);
    Ok(())
}

/// `schema.table.column` as `table.column`, for the tables that are queries now.
fn shorten(node: &mut impl VisitMut, tables: &[Table]) {
    let _ = each_expr(node, |expr, _| {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [_, .., table, _] = parts.as_slice()
            && tables.iter().any(|known| known.alias == normalized(table))
        {
            parts.drain(..parts.len() - 2);
        }
        Ok::<(), ()>(())
    });
}

/// Leaves the added columns out of what a wildcard brings.
fn leave_out(item: &mut SelectItem, tables: &[Table]) {
    let (options, of): (&mut WildcardAdditionalOptions, Option<String>) = match item {
        SelectItem::Wildcard(options) => (options, None),
        SelectItem::QualifiedWildcard(
            SelectItemQualifiedWildcardKind::ObjectName(name),
            options,
        ) => {
            let Some(last) = last(name).cloned() else {
                return;
            };
            // As the columns that are asked for by name are.
            if name.0.len() > 1 && tables.iter().any(|table| table.alias == normalized(&last)) {
                *name = ObjectName::from(vec![last.clone()]);
            }
            (options, Some(normalized(&last)))
        }
        _ => return,
    };
    let seen = tables
        .iter()
        .filter(|table| of.as_ref().is_none_or(|of| *of == table.alias));
    let hidden: Vec<ObjectName> = seen.flat_map(Table::columns).collect();
    if !hidden.is_empty() {
        options.opt_exclude = Some(ExcludeSelectItem::Multiple(hidden));
    }
}

#[cfg(test)]
rewrites! {
    PASS tables_become_queries_with_the_columns_that_are_asked_for r#"
        SELECT xmin, * FROM orders ~> SELECT "orders"."xminorders", * EXCLUDE ("xminorders") FROM (SELECT *, CAST('2' AS xid) AS "xminorders" FROM orders) AS "orders"
        SELECT o.tableoid FROM public.orders o ORDER BY o.tableoid ~> SELECT "o"."tableoido" FROM (SELECT *, CAST(CAST('public.orders' AS REGCLASS) AS oid) AS "tableoido" FROM public.orders) o ORDER BY "o"."tableoido"
        SELECT x FROM orders ~> SELECT x FROM orders
    "#
}
