//! Rows of values: `(a, b) < (c, d)`, `(a, b) IN (SELECT x, y …)`; and GROUP BY ().

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArguments, GroupByExpr, Query, SelectItem, SetExpr,
    TableAliasColumnDef,
};

use super::ast::{
    aliased, binary, call, column, derived, item_expr, nested, not, positional, quoted, select,
};
use super::exists::is_plain;
use super::{AstPass, Step};

pub(super) const COMPARED: AstPass = AstPass {
    name: "row-comparisons",
    bridges: "DataFusion compares rows as structs, in which a null is a value like another",
    run: &[Step::Expr(|expr| match expr {
        Expr::BinaryOp { left, op, right } => compared(left, op, right),
        Expr::InList {
            expr: row,
            list,
            negated,
        } => among(row, list, *negated),
        _ => None,
    })],
};

pub(super) const SETS: AstPass = AstPass {
    name: "rows-in-sets",
    bridges: "DataFusion looks for one value among the rows of a subquery, and not for several",
    run: &[Step::Expr(|expr| match expr {
        Expr::InSubquery {
            expr: row,
            subquery,
            negated,
        } => in_set(fields(row)?, subquery, *negated),
        _ => None,
    })],
};

pub(super) const NO_GROUPS: AstPass = AstPass {
    name: "no-groups",
    bridges: "DataFusion has no `GROUP BY ()`, which makes one group of all rows as an aggregate without GROUP BY does",
    run: &[Step::Query(|query| {
        if let SetExpr::Select(select) = query.body.as_mut()
            && let GroupByExpr::Expressions(by, _) = &mut select.group_by
            && let [Expr::Tuple(none)] = by.as_slice()
            && none.is_empty()
        {
            by.clear();
        }
        Ok(())
    })],
};

/// The values of a row.
fn fields(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Tuple(fields) => Some(fields.clone()),
        Expr::Nested(inner) => fields(inner),
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("row") => {
            match &function.args {
                FunctionArguments::List(list) => positional(&list.args),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Two rows compared, field by field from the left, until two fields differ or cannot be told apart.
fn compared(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Expr> {
    use BinaryOperator as B;
    let (left, right) = (fields(left)?, fields(right)?);
    if left.len() != right.len() || left.is_empty() {
        return None;
    }
    let each = |op: B| {
        let pairs = left.iter().zip(&right);
        pairs.map(move |(left, right)| pair(left, op.clone(), right))
    };
    Some(nested(match op {
        B::Eq => each(B::Eq).reduce(|a, b| binary(a, B::And, b))?,
        B::NotEq => each(B::NotEq).reduce(|a, b| binary(a, B::Or, b))?,
        B::Lt | B::LtEq | B::Gt | B::GtEq => ordered(&left, op, &right)?,
        _ => return None,
    }))
}

/// A row among others: `(a, b) IN ((1, 2), (3, 4))`.
fn among(row: &Expr, list: &[Expr], negated: bool) -> Option<Expr> {
    let equal = list
        .iter()
        .map(|other| compared(row, &BinaryOperator::Eq, other))
        .collect::<Option<Vec<_>>>()?;
    let any = equal
        .into_iter()
        .reduce(|a, b| binary(a, BinaryOperator::Or, b))?;
    let any = nested(any);
    Some(if negated { not(any) } else { any })
}

/// `a < c OR a = c AND b < d`: the last fields decide whether equal rows are in order.
fn ordered(left: &[Expr], op: &BinaryOperator, right: &[Expr]) -> Option<Expr> {
    let ((a, left), (c, right)) = (left.split_first()?, right.split_first()?);
    if left.is_empty() {
        return Some(pair(a, op.clone(), c));
    }
    let strictly = match op {
        BinaryOperator::LtEq => BinaryOperator::Lt,
        BinaryOperator::GtEq => BinaryOperator::Gt,
        other => other.clone(),
    };
    let rest = binary(
        pair(a, BinaryOperator::Eq, c),
        BinaryOperator::And,
        nested(ordered(left, op, right)?),
    );
    Some(binary(
        pair(a, strictly, c),
        BinaryOperator::Or,
        nested(rest),
    ))
}

fn pair(left: &Expr, op: BinaryOperator, right: &Expr) -> Expr {
    binary(nested(left.clone()), op, nested(right.clone()))
}

/// `(a, b) IN (SELECT x, y …)` as one value among values: what of it is unknown is found in the plan, where it is known
/// what can be null (see `analyze::memberships`).
fn in_set(row: Vec<Expr>, set: &Query, negated: bool) -> Option<Expr> {
    let subquery = rows_in_place(set).unwrap_or_else(|| rows_from(set, row.len()));
    Some(Expr::InSubquery {
        expr: Box::new(call("struct", row)),
        subquery,
        negated,
    })
}

/// A plain query whose rows are one value each; it may be tied to the rows around it.
fn rows_in_place(query: &Query) -> Option<Box<Query>> {
    if !is_plain(query) {
        return None;
    }
    let mut rows = Box::new(query.clone());
    rows.order_by = None;
    let SetExpr::Select(select) = rows.body.as_mut() else {
        return None;
    };
    let values = select
        .projection
        .iter()
        .map(|item| item_expr(item).cloned());
    let row = call("struct", values.collect::<Option<_>>()?);
    // Rows that are the same are no more among others than one of them is.
    select.distinct = None;
    select.projection = vec![SelectItem::UnnamedExpr(row)];
    Some(rows)
}

/// Any query's rows as one value each.
fn rows_from(query: &Query, width: usize) -> Box<Query> {
    let names = || (0..width).map(|at| format!("tuple_{at}"));
    let mut alias = aliased(quoted("tuples"));
    alias.columns = names().map(TableAliasColumnDef::from_name).collect();
    let row = call("struct", names().map(column).collect());
    let rows = derived(Box::new(query.clone()), alias);
    select(vec![SelectItem::UnnamedExpr(row)], Some(rows))
}

#[cfg(test)]
rewrites! {
    NO_GROUPS no_groups_are_one_group r"
        SELECT count(*) FROM t GROUP BY () ~> SELECT count(*) FROM t
        SELECT count(*) FROM t GROUP BY x ~> SELECT count(*) FROM t GROUP BY x
    "
    COMPARED rows_are_compared_field_by_field r"
        (a, b) = (c, d) ~> ((a) = (c) AND (b) = (d))
        (a, b) <> (c, d) ~> ((a) <> (c) OR (b) <> (d))
        (a, b, c) >= (1, 2, 3) ~> ((a) > (1) OR ((a) = (1) AND ((b) > (2) OR ((b) = (2) AND ((c) >= (3))))))
        (a, b) NOT IN ((1, 2), (3, 4)) ~> NOT (((a) = (1) AND (b) = (2)) OR ((a) = (3) AND (b) = (4)))
        a = b ~> a = b
    "
    SETS rows_in_sets_are_structs r#"
        (a, b) IN (SELECT x, y FROM t ORDER BY x) ~> struct(a, b) IN (SELECT struct(x, y) FROM t)
        ROW(a, b) NOT IN (SELECT x, y FROM t LIMIT 1) ~> struct(a, b) NOT IN (SELECT struct("tuple_0", "tuple_1") FROM (SELECT x, y FROM t LIMIT 1) AS "tuples" (tuple_0, tuple_1))
        a IN (SELECT x FROM t) ~> a IN (SELECT x FROM t)
    "#
}
