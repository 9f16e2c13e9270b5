//! Columns that every table of PostgreSQL has beside its own: `tableoid`, `xmin` and their kin.
//!
//! DataFusion's tables have none, and what a wildcard brings must stay as it is. So a table that is asked for one becomes
//! a query of all its columns and that one, under a name that nobody writes; wildcards leave the name out, and what asked
//! for the column asks for it by that name. `ctid` is refused: a row has no place here that it could be found again by.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, ObjectName, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins, Visit,
    VisitMut, Visitor, VisitorMut, WildcardAdditionalOptions,
};

use super::{go_on, normalized, tables};
use crate::catalog::is_catalog_table;
use crate::error::{PgError, code};

/// Their values: rows are there from the beginning, and nobody has changed them.
fn value(column: &str, table: &ObjectName) -> String {
    match column {
        "tableoid" => {
            let table = table.to_string().replace('\'', "''");
            format!("'{table}'::regclass::oid")
        }
        "xmin" => "'2'::xid".to_owned(),
        "xmax" => "'0'::xid".to_owned(),
        _ => "'0'::cid".to_owned(),
    }
}

const COLUMNS: [&str; 6] = ["tableoid", "xmin", "xmax", "cmin", "cmax", "ctid"];

/// The system column that a name is of.
fn system_column(name: &Ident) -> Option<&'static str> {
    let name = normalized(name);
    COLUMNS.into_iter().find(|column| *column == name)
}

/// Gives the tables of a query the columns that it asks for.
///
/// # Errors
/// If it asks for one that no table has here, or that several tables have.
pub(super) fn add(query: &mut Query) -> Result<(), PgError> {
    if Visit::visit(query, &mut Asked).is_continue() {
        return Ok(());
    }
    match VisitMut::visit(query, &mut Queries::default()) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Stops where a query asks for one.
struct Asked;

impl Visitor for Asked {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let name = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        match name.and_then(system_column) {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }
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
            self.select(select, keys)?;
        } else {
            self.branches(&mut query.body)?;
        }
        self.named.pop();
        ControlFlow::Continue(())
    }
}

impl Queries {
    fn branches(&self, body: &mut SetExpr) -> ControlFlow<PgError> {
        match body {
            SetExpr::Select(select) => self.select(select, Vec::new()),
            SetExpr::SetOperation { left, right, .. } => {
                self.branches(left)?;
                self.branches(right)
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn select(&self, select: &mut Select, mut keys: Vec<&mut Expr>) -> ControlFlow<PgError> {
        let mut factors = Vec::new();
        for from in &mut select.from {
            factors_of(from, &mut factors);
        }
        let stored = factors.into_iter().filter_map(|factor| self.stored(factor));
        let mut columns = Columns {
            tables: stored.collect(),
            depth: 0,
        };
        select.visit(&mut columns)?;
        for key in &mut keys {
            key.visit(&mut columns)?;
        }
        columns.tables.retain(|table| !table.added.is_empty());
        if columns.tables.is_empty() {
            return ControlFlow::Continue(());
        }
        let tables = columns.tables;
        let mut short = Short(&tables);
        let _ = select.visit(&mut short);
        for key in keys {
            let _ = key.visit(&mut short);
        }
        for item in &mut select.projection {
            leave_out(item, &tables);
        }
        let mut factors = Vec::new();
        for from in &mut select.from {
            factors_of(from, &mut factors);
        }
        for factor in factors {
            let alias = self.stored(factor).map(|table| table.alias);
            if let Some(table) = tables
                .iter()
                .find(|table| Some(&table.alias) == alias.as_ref())
            {
                go_on(table.put_into(factor))?;
            }
        }
        ControlFlow::Continue(())
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
        Ident::with_quote('"', self.alias.as_str())
    }

    /// A column's name, of which clients see what stands before the mark.
    fn column(&self, name: &str) -> Ident {
        Ident::with_quote('"', format!("{name}\u{1f}{}", self.alias))
    }

    fn columns(&self) -> Vec<ObjectName> {
        let added = self.added.iter();
        added
            .map(|name| ObjectName::from(vec![self.column(name)]))
            .collect()
    }

    /// Makes the table a query of its columns and the added ones.
    fn put_into(&self, factor: &mut TableFactor) -> Result<(), PgError> {
        let TableFactor::Table { name, alias, .. } = factor else {
            return Ok(());
        };
        let added = self.added.iter().map(|column| {
            let value = value(column, name);
            format!("{value} AS {}", self.column(column))
        });
        let added: Vec<String> = added.collect();
        let subquery = tables::parsed(&format!("SELECT *, {} FROM {name}", added.join(", ")))
            .ok_or_else(|| PgError::internal(format!("a query of {name}")))?;
        let alias = alias.take().unwrap_or_else(|| TableAlias {
            explicit: true,
            name: self.name(),
            columns: Vec::new(),
            at: None,
        });
        *factor = TableFactor::Derived {
            lateral: false,
            subquery,
            alias: Some(alias),
            sample: None,
        };
        Ok(())
    }
}

/// Asks for the columns by the names that they are given.
struct Columns {
    tables: Vec<Table>,
    /// How many queries lie around what is visited.
    depth: usize,
}

impl VisitorMut for Columns {
    type Break = PgError;

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<PgError> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<PgError> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<PgError> {
        let (column, table) = match expr {
            // In a query inside it is a column of that one's tables.
            Expr::Identifier(name) if self.depth == 0 => match system_column(name) {
                Some(column) => match self.tables.as_mut_slice() {
                    [] => return ControlFlow::Continue(()),
                    [only] => (column, only),
                    _ => {
                        let what = format!("column reference \"{column}\" is ambiguous");
                        return ControlFlow::Break(PgError::new("42702", what));
                    }
                },
                None => return ControlFlow::Continue(()),
            },
            Expr::CompoundIdentifier(parts) => {
                let [.., table, column] = parts.as_slice() else {
                    return ControlFlow::Continue(());
                };
                let alias = normalized(table);
                let known = self.tables.iter_mut().find(|table| table.alias == alias);
                match (system_column(column), known) {
                    (Some(column), Some(table)) => (column, table),
                    _ => return ControlFlow::Continue(()),
                }
            }
            _ => return ControlFlow::Continue(()),
        };
        if column == "ctid" {
            return ControlFlow::Break(
                PgError::new(code::NOT_SUPPORTED, "ctid is not supported")
                    .detail("a row has no place here that it could be found again by"),
            );
        }
        table.added.insert(column);
        *expr = Expr::CompoundIdentifier(vec![table.name(), table.column(column)]);
        ControlFlow::Continue(())
    }
}

/// `schema.table.column` as `table.column`, for the tables that are queries now.
struct Short<'a>(&'a [Table]);

impl VisitorMut for Short<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [_, .., table, _] = parts.as_slice()
            && self.0.iter().any(|known| known.alias == normalized(table))
        {
            parts.drain(..parts.len() - 2);
        }
        ControlFlow::Continue(())
    }
}

/// Leaves the added columns out of what a wildcard brings.
fn leave_out(item: &mut SelectItem, tables: &[Table]) {
    let (options, of): (&mut WildcardAdditionalOptions, Option<String>) = match item {
        SelectItem::Wildcard(options) => (options, None),
        SelectItem::QualifiedWildcard(
            SelectItemQualifiedWildcardKind::ObjectName(name),
            options,
        ) => {
            let last = name.0.last().and_then(|part| part.as_ident());
            let Some(last) = last.cloned() else { return };
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
