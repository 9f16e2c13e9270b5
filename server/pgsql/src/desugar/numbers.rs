//! Numbers as PostgreSQL types them: one that fits is an `int4`, a larger one an `int8`, and any other a `numeric`.
//!
//! DataFusion takes all whole numbers as eight bytes wide. So a number gets a cast around it, except where a number is no
//! value but says how many, or which: positions, limits, frames of windows.

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Distinct, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    GroupByExpr, LimitClause, OrderByKind, Query, Select, TableFactor, UnaryOperator,
    WindowFrameBound, WindowSpec, WindowType,
};

use super::ast::{cast, digits, each_select, number};
use super::{AstPass, Step};

pub(super) const PASS: AstPass = AstPass {
    name: "number-literals",
    bridges: "DataFusion takes all whole numbers as eight bytes wide, and loses digits of others",
    run: &[
        Step::AfterExpr(typed),
        Step::AfterExpr(|expr| {
            bare_in_call(expr);
            None
        }),
        Step::AfterQuery(bare_in_query),
        Step::AfterTable(bare_in_table),
    ],
};

/// A number with its type; none where nothing is to be done.
fn typed(expr: &mut Expr) -> Option<Expr> {
    let digits = digits(expr)?;
    if digits.parse::<i32>().is_ok() {
        return Some(cast(expr.clone(), DataType::Int4(None)));
    }
    if digits.parse::<i64>().is_ok() {
        return None;
    }
    plain_digits(digits).map(number)
}

/// `12e-1` as `1.2`, and a whole number that no integer holds with a point, so that it is read as a decimal.
fn plain_digits(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    if !(-40..=80).contains(&point) {
        return None;
    }
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let length = i32::try_from(digits.len()).ok()?;
    Some(if point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else if point >= length {
        format!("{digits}{}.", zeros(point - length))
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).ok()?);
        format!("{whole}.{fraction}")
    })
}

/// Takes the cast of a number off again, and makes one number of a sign and a number.
pub(super) fn bare(expr: &mut Expr) {
    match expr {
        Expr::Cast {
            kind: CastKind::Cast,
            expr: inner,
            data_type: DataType::Int4(None),
            ..
        } if digits(inner).is_some() => *expr = (**inner).clone(),
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr: inner,
        } => {
            bare(inner);
            if let Some(digits) = digits(inner) {
                *expr = number(format!("-{digits}"));
            }
        }
        _ => {}
    }
}

/// Numbers of a query that are no values.
fn bare_in_query(query: &mut Query) {
    if let Some(order) = &mut query.order_by
        && let OrderByKind::Expressions(by) = &mut order.kind
    {
        for by in by {
            bare(&mut by.expr);
        }
    }
    if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause {
        if let Some(limit) = limit {
            bare(limit);
        }
        if let Some(offset) = offset {
            bare(&mut offset.value);
        }
    }
    let _ = each_select(&mut query.body, &mut |select| {
        bare_in_select(select);
        Ok::<(), ()>(())
    });
}

fn bare_in_select(select: &mut Select) {
    if let GroupByExpr::Expressions(by, _) = &mut select.group_by {
        by.iter_mut().for_each(bare);
    }
    if let Some(Distinct::On(by)) = &mut select.distinct {
        by.iter_mut().for_each(bare);
    }
}

fn bare_in_window(window: &mut WindowSpec) {
    let Some(frame) = &mut window.window_frame else {
        return;
    };
    for bound in [Some(&mut frame.start_bound), frame.end_bound.as_mut()]
        .into_iter()
        .flatten()
    {
        if let WindowFrameBound::Preceding(Some(rows)) | WindowFrameBound::Following(Some(rows)) =
            bound
        {
            bare(rows);
        }
    }
}

/// Numbers of a call that are no values.
fn bare_in_call(expr: &mut Expr) {
    const BY_NUMBER: &[&str] = &["round", "trunc", "nth_value", "ntile", "lag", "lead"];
    let Expr::Function(function) = expr else {
        return;
    };
    if let Some(WindowType::WindowSpec(window)) = &mut function.over {
        bare_in_window(window);
    }
    let name = function.name.to_string().to_ascii_lowercase();
    if BY_NUMBER.contains(&name.as_str())
        && let FunctionArguments::List(list) = &mut function.args
    {
        let from = if name == "ntile" { 0 } else { 1 };
        bare_arguments(list.args.iter_mut().skip(from).take(1));
    }
}

/// Numbers that a table function is given.
fn bare_in_table(factor: &mut TableFactor) {
    if let TableFactor::Table {
        args: Some(args), ..
    } = factor
    {
        bare_arguments(args.args.iter_mut());
    }
}

fn bare_arguments<'a>(args: impl Iterator<Item = &'a mut FunctionArg>) {
    for arg in args {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) = arg {
            bare(arg);
        }
    }
}

#[cfg(test)]
rewrites! {
    PASS numbers_have_their_types r"
        1 ~> CAST(1 AS INT4)
        3000000000 ~> 3000000000
        1e3 ~> 1000.
        SELECT x FROM t GROUP BY 1 ORDER BY 1 LIMIT 2 ~> SELECT x FROM t GROUP BY 1 ORDER BY 1 LIMIT 2
        lag(x, 2) OVER (ORDER BY y) ~> lag(x, 2) OVER (ORDER BY y)
        SELECT * FROM f(1) ~> SELECT * FROM f(1)
    "
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1e3", "1000.")]
    #[case("1.5e1", "15.")]
    #[case("12e-1", "1.2")]
    #[case("5e-3", "0.005")]
    #[case("0.10", "0.10")]
    #[case("18446744073709551616", "18446744073709551616.")]
    fn numbers_are_written_out(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(plain_digits(text).as_deref(), Some(expected));
    }
}
