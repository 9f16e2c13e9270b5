//! Aggregates of sorted rows: `mode() WITHIN GROUP (ORDER BY x)`.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArgumentClause, OrderByExpr,
};

use super::ast::{arguments, binary, boolean, call, function, nested};
use super::{AstPass, Step};

pub(super) const PASS: AstPass = AstPass {
    name: "sorted-aggregates",
    bridges: "DataFusion has no mode and no percentile_disc, and its percentile_cont takes no nulls, intervals or arrays",
    run: &[Step::Call(|function, name| {
        if !matches!(name, "percentile_disc" | "mode" | "percentile_cont")
            || function.within_group.is_empty()
        {
            return None;
        }
        let fraction = match arguments(function)?.as_slice() {
            [one] => Some((*one).clone()),
            _ => None,
        };
        in_order(function, name, fraction)
    })],
};

/// `percentile_cont(f) WITHIN GROUP (ORDER BY x)` as an aggregate of ours.
fn percentile_cont(
    written: &Function,
    value: Expr,
    fraction: Expr,
    descending: bool,
) -> Option<Expr> {
    let descending = boolean(descending);
    let Expr::Function(made) = call("pg_percentile_cont", vec![value, fraction, descending]) else {
        return None;
    };
    Some(Expr::Function(Function {
        filter: written.filter.clone(),
        over: written.over.clone(),
        ..made
    }))
}

/// `mode() WITHIN GROUP (ORDER BY x)` as a function of all that there is, in its order.
fn in_order(written: &Function, name: &str, fraction: Option<Expr>) -> Option<Expr> {
    let [
        OrderByExpr {
            expr: value,
            options,
            ..
        },
    ] = written.within_group.as_slice()
    else {
        return None;
    };
    if name == "percentile_cont" {
        return percentile_cont(
            written,
            value.clone(),
            fraction?,
            options.asc == Some(false),
        );
    }
    let order = OrderByExpr {
        expr: value.clone(),
        options: *options,
        with_fill: None,
    };
    let Expr::Function(mut gathered) = function(
        "array_agg",
        vec![value.clone()],
        vec![FunctionArgumentClause::OrderBy(vec![order])],
    ) else {
        return None;
    };
    let present = Expr::IsNotNull(Box::new(nested(value.clone())));
    gathered.filter = Some(Box::new(match &written.filter {
        Some(filter) => binary(nested((**filter).clone()), BinaryOperator::And, present),
        None => present,
    }));
    gathered.over.clone_from(&written.over);
    let mut args = vec![Expr::Function(gathered)];
    args.extend(fraction);
    Some(call(&format!("pg_{name}"), args))
}

#[cfg(test)]
rewrites! {
    PASS rows_are_gathered_in_their_order r"
        mode() WITHIN GROUP (ORDER BY x) ~> pg_mode(array_agg(x ORDER BY x) FILTER (WHERE (x) IS NOT NULL))
        percentile_cont(0.5) WITHIN GROUP (ORDER BY x DESC) ~> pg_percentile_cont(x, 0.5, true)
        percentile_disc(0.5) WITHIN GROUP (ORDER BY x) FILTER (WHERE y) ~> pg_percentile_disc(array_agg(x ORDER BY x) FILTER (WHERE (y) AND (x) IS NOT NULL), 0.5)
    "
}
