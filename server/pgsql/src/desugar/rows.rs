//! Rows that are compared: `(a, b) < (c, d)`; and GROUP BY ().

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Query,
    SetExpr, UnaryOperator,
};

use super::compare;

/// Whether it is a row of values.
pub(super) fn is_row(expr: &Expr) -> bool {
    fields(expr).is_some()
}

/// The values of a row.
pub(super) fn fields(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Tuple(fields) => Some(fields.clone()),
        Expr::Nested(inner) => fields(inner),
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("row") => {
            let FunctionArguments::List(list) = &function.args else {
                return None;
            };
            let each = list.args.iter().map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
                _ => None,
            });
            each.collect()
        }
        _ => None,
    }
}

/// Two rows compared, field by field from the left, until two fields differ or cannot be told apart.
pub(super) fn compared(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Expr> {
    let (left, right) = (fields(left)?, fields(right)?);
    if left.len() != right.len() || left.is_empty() {
        return None;
    }
    let each = |op: BinaryOperator| {
        left.iter()
            .zip(&right)
            .map(move |(left, right)| pair(left, op.clone(), right))
    };
    Some(nested(match op {
        BinaryOperator::Eq => {
            each(BinaryOperator::Eq).reduce(|a, b| compare(a, BinaryOperator::And, b))?
        }
        BinaryOperator::NotEq => {
            each(BinaryOperator::NotEq).reduce(|a, b| compare(a, BinaryOperator::Or, b))?
        }
        BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq => {
            ordered(&left, op, &right)?
        }
        _ => return None,
    }))
}

/// A row among others: `(a, b) IN ((1, 2), (3, 4))`.
pub(super) fn among(row: &Expr, list: &[Expr], negated: bool) -> Option<Expr> {
    let equal = list
        .iter()
        .map(|other| compared(row, &BinaryOperator::Eq, other))
        .collect::<Option<Vec<_>>>()?;
    let any = equal
        .into_iter()
        .reduce(|a, b| compare(a, BinaryOperator::Or, b))?;
    Some(if negated {
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(nested(any)),
        }
    } else {
        nested(any)
    })
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
    let rest = compare(
        pair(a, BinaryOperator::Eq, c),
        BinaryOperator::And,
        nested(ordered(left, op, right)?),
    );
    Some(compare(
        pair(a, strictly, c),
        BinaryOperator::Or,
        nested(rest),
    ))
}

fn pair(left: &Expr, op: BinaryOperator, right: &Expr) -> Expr {
    compare(nested(left.clone()), op, nested(right.clone()))
}

fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

/// `GROUP BY ()` makes one group of all rows, as an aggregate without GROUP BY does.
pub(super) fn without_groups(query: &mut Query) {
    if let SetExpr::Select(select) = query.body.as_mut()
        && let GroupByExpr::Expressions(by, _) = &mut select.group_by
        && let [Expr::Tuple(none)] = by.as_slice()
        && none.is_empty()
    {
        by.clear();
    }
}
