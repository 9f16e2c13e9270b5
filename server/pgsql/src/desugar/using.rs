//! Joins: what ties their sides, and the columns that USING makes one of.
//!
//! To DataFusion such a column is that of the left side. After RIGHT JOIN it is that of the right side, and after FULL
//! JOIN of the side that has a row; so where a SELECT has such a join, the column is written out wherever it is named.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName,
    OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor,
    TableWithJoins, VisitMut, WildcardAdditionalOptions,
};

use super::ast::{binary, call, each_select, last, normalized, quoted};
use super::own::each_expr;
use super::{AstPass, Step};
use crate::error::PgError;

/// The constraint of a join that can have one.
macro_rules! constraint_of {
    ($operator:expr) => {
        match $operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint) => Some(constraint),
            _ => None,
        }
    };
}

pub(super) const PASS: AstPass = AstPass {
    name: "join-using",
    bridges: "DataFusion takes the column that USING makes for the left side's, whichever join it is",
    run: &[Step::Query(merge)],
};

/// Sees to the joins of a query's own SELECTs.
fn merge(query: &mut Query) -> Result<(), PgError> {
    each_select(&mut query.body, &mut |select| {
        select.from.iter().try_for_each(check)
    })?;
    let mut merged = Vec::new();
    each_select(&mut query.body, &mut |select| {
        if select.from.iter().any(has_outer_using) {
            merged = merge_in_select(select)?;
        }
        Ok::<(), PgError>(())
    })?;
    if let SetExpr::Select(select) = query.body.as_ref()
        && let Some(order) = &mut query.order_by
        && let OrderByKind::Expressions(by) = &mut order.kind
    {
        for by in by {
            if !is_output(&by.expr, &select.projection) {
                write_out(by, &merged);
            }
        }
    }
    Ok(())
}

fn check(table: &TableWithJoins) -> Result<(), PgError> {
    if let TableFactor::NestedJoin {
        table_with_joins, ..
    } = &table.relation
    {
        check(table_with_joins)?;
    }
    for join in &table.joins {
        if let TableFactor::NestedJoin {
            table_with_joins, ..
        } = &join.relation
        {
            check(table_with_joins)?;
        }
        match (Outer::of(join), constraint_of!(&join.join_operator)) {
            (_, Some(JoinConstraint::None)) => {
                return Err(PgError::syntax("syntax error: a join has no condition")
                    .hint("Add ON or USING, or write CROSS JOIN."));
            }
            (Outer::Right | Outer::Full, Some(JoinConstraint::Natural)) => {
                return Err(PgError::unsupported(
                    "NATURAL RIGHT JOIN and NATURAL FULL JOIN are not supported",
                )
                .hint("Name the columns in USING."));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Which rows of the right side a join keeps though the left side has none for them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outer {
    /// None.
    Not,
    /// All; and no row that only the left side has.
    Right,
    /// All, and those that only the left side has.
    Full,
}

impl Outer {
    fn of(join: &Join) -> Outer {
        match join.join_operator {
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => Outer::Right,
            JoinOperator::FullOuter(_) => Outer::Full,
            _ => Outer::Not,
        }
    }
}

fn has_outer_using(table: &TableWithJoins) -> bool {
    table.joins.iter().any(|join| {
        let using = matches!(
            constraint_of!(&join.join_operator),
            Some(JoinConstraint::Using(_))
        );
        using && Outer::of(join) != Outer::Not
    })
}

/// A column that joins have made of several.
#[derive(Clone)]
struct Merged {
    name: String,
    /// Those of which the first that is not null is its value.
    parts: Vec<Expr>,
    /// It is another one than DataFusion takes it for.
    is_outer: bool,
}

impl Merged {
    fn value(&self) -> Expr {
        match self.parts.as_slice() {
            [one] => one.clone(),
            parts => call("coalesce", parts.to_vec()),
        }
    }
}

/// The tables and the merged columns of an item of FROM, as far as its joins have been read.
#[derive(Default)]
struct Item {
    /// By what name each is known, and which of its columns have become part of merged ones.
    tables: Vec<(Option<Ident>, Vec<String>)>,
    merged: Vec<Merged>,
}

impl Item {
    fn of(table: &mut TableWithJoins) -> Result<Item, PgError> {
        let mut item = Item::default();
        item.tables.push((name_of(&table.relation), Vec::new()));
        for join in &mut table.joins {
            item.join(join)?;
        }
        Ok(item)
    }

    fn join(&mut self, join: &mut Join) -> Result<(), PgError> {
        let outer = Outer::of(join);
        let table = name_of(&join.relation);
        let mut own = Vec::new();
        match constraint_of!(&mut join.join_operator) {
            Some(JoinConstraint::On(condition)) => {
                write_out(condition, &self.merged);
            }
            Some(constraint @ JoinConstraint::Using(_)) => {
                let JoinConstraint::Using(columns) = &*constraint else {
                    return Ok(());
                };
                let columns: Vec<Ident> = columns
                    .iter()
                    .filter_map(|column| last(column).cloned())
                    .collect();
                let left: Vec<Merged> = columns.iter().map(|column| self.left(column)).collect();
                // DataFusion would take the left side's own column for the merged one.
                if left.iter().any(|column| column.is_outer) {
                    *constraint = JoinConstraint::On(equal(&left, &columns, table.as_ref())?);
                }
                for (column, merged) in columns.iter().zip(left) {
                    own.push(merged.name.clone());
                    self.merge(column, merged, outer, table.as_ref())?;
                }
            }
            _ => {}
        }
        self.tables.push((table, own));
        Ok(())
    }

    /// A column of the left side.
    fn left(&mut self, column: &Ident) -> Merged {
        let name = normalized(column);
        if let Some(merged) = self.merged.iter().find(|merged| merged.name == name) {
            return merged.clone();
        }
        let part = match self.tables.as_mut_slice() {
            [(Some(table), hidden)] => {
                hidden.push(name.clone());
                qualified(table, column)
            }
            _ => Expr::Identifier(column.clone()),
        };
        Merged {
            name,
            parts: vec![part],
            is_outer: false,
        }
    }

    fn merge(
        &mut self,
        column: &Ident,
        mut merged: Merged,
        outer: Outer,
        right: Option<&Ident>,
    ) -> Result<(), PgError> {
        if outer != Outer::Not {
            let right = right.ok_or_else(unnamed)?;
            if outer == Outer::Right {
                merged.parts.clear();
            }
            merged.parts.push(qualified(right, column));
            merged.is_outer = true;
        }
        self.merged.retain(|known| known.name != merged.name);
        self.merged.push(merged);
        Ok(())
    }

    /// The columns of `*`: the merged ones, and then those of each table.
    fn columns(&self) -> Result<Vec<SelectItem>, PgError> {
        let mut items: Vec<SelectItem> = self
            .merged
            .iter()
            .map(|merged| SelectItem::ExprWithAlias {
                expr: merged.value(),
                alias: quoted(merged.name.clone()),
            })
            .collect();
        let bare = |merged: &Merged| matches!(merged.parts.as_slice(), [Expr::Identifier(_), ..]);
        if self.merged.iter().any(bare) {
            return Err(unnamed());
        }
        for (table, hidden) in &self.tables {
            let table = table.clone().ok_or_else(unnamed)?;
            let hidden = hidden
                .iter()
                .map(|name| ObjectName::from(vec![quoted(name.clone())]));
            let mut options = WildcardAdditionalOptions::default();
            if hidden.len() > 0 {
                options.opt_exclude = Some(ExcludeSelectItem::Multiple(hidden.collect()));
            }
            items.push(SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![table])),
                options,
            ));
        }
        Ok(items)
    }
}

fn unnamed() -> PgError {
    PgError::unsupported("the columns of this RIGHT or FULL JOIN with USING cannot be told apart")
        .hint("Write the join with ON, and name the columns of both sides.")
}

/// The name that a table's columns are qualified by.
fn name_of(factor: &TableFactor) -> Option<Ident> {
    match factor {
        TableFactor::Table {
            alias: Some(alias), ..
        }
        | TableFactor::Derived {
            alias: Some(alias), ..
        }
        | TableFactor::Function {
            alias: Some(alias), ..
        }
        | TableFactor::UNNEST {
            alias: Some(alias), ..
        } => Some(alias.name.clone()),
        TableFactor::Table { name, .. } => last(name).cloned(),
        _ => None,
    }
}

fn qualified(table: &Ident, column: &Ident) -> Expr {
    Expr::CompoundIdentifier(vec![table.clone(), column.clone()])
}

fn equal(left: &[Merged], columns: &[Ident], right: Option<&Ident>) -> Result<Expr, PgError> {
    let right = right.ok_or_else(unnamed)?;
    let mut equalities = Vec::new();
    for (merged, column) in left.iter().zip(columns) {
        if matches!(merged.parts.as_slice(), [Expr::Identifier(_), ..]) {
            return Err(unnamed());
        }
        let right = qualified(right, column);
        equalities.push(binary(merged.value(), BinaryOperator::Eq, right));
    }
    equalities
        .into_iter()
        .reduce(|left, right| binary(left, BinaryOperator::And, right))
        .ok_or_else(unnamed)
}

/// Writes out the merged columns of a SELECT, and returns them.
fn merge_in_select(select: &mut Select) -> Result<Vec<Merged>, PgError> {
    let items = select
        .from
        .iter_mut()
        .map(Item::of)
        .collect::<Result<Vec<_>, _>>()?;
    let merged: Vec<Merged> = items.iter().flat_map(|item| item.merged.clone()).collect();
    let mut projection = Vec::new();
    for item in std::mem::take(&mut select.projection) {
        match item {
            SelectItem::Wildcard(options) if options.opt_exclude.is_none() => {
                for item in &items {
                    projection.extend(item.columns()?);
                }
            }
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
                let alias = quoted(normalized(&name));
                let expr = Expr::Identifier(name);
                projection.push(SelectItem::ExprWithAlias { expr, alias });
            }
            item => projection.push(item),
        }
    }
    select.projection = projection;
    let from = std::mem::take(&mut select.from);
    write_out(select, &merged);
    select.from = from;
    Ok(merged)
}

/// ORDER BY takes a name for a column of the output first.
fn is_output(expr: &Expr, projection: &[SelectItem]) -> bool {
    let Expr::Identifier(name) = expr else {
        return false;
    };
    let name = normalized(name);
    projection.iter().any(
        |item| matches!(item, SelectItem::ExprWithAlias { alias, .. } if normalized(alias) == name),
    )
}

/// Writes merged columns out, and not in queries inside.
fn write_out(node: &mut impl VisitMut, merged: &[Merged]) {
    let _ = each_expr(node, |expr, depth| {
        if depth == 0
            && let Expr::Identifier(name) = &*expr
        {
            let name = normalized(name);
            if let Some(merged) = merged.iter().find(|merged| merged.name == name) {
                *expr = merged.value();
            }
        }
        Ok::<(), ()>(())
    });
}

#[cfg(test)]
rewrites! {
    PASS merged_columns_are_written_out r#"
        SELECT id FROM a RIGHT JOIN b USING (id) WHERE id > 1 ~> SELECT b.id AS "id" FROM a RIGHT JOIN b USING(id) WHERE b.id > 1
        SELECT * FROM a FULL JOIN b USING (id) ORDER BY id ~> SELECT coalesce(a.id, b.id) AS "id", a.* EXCLUDE ("id"), b.* EXCLUDE ("id") FROM a FULL JOIN b USING(id) ORDER BY id
        SELECT id FROM a JOIN b USING (id) ~> SELECT id FROM a JOIN b USING(id)
    "#
}
