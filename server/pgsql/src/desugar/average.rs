//! Sums that do not overflow, and averages as PostgreSQL's.

use datafusion::sql::sqlparser::ast::{Expr, Function, FunctionArguments};

use super::ast::{arguments, call, object, unnamed};
use super::functions::arguments_of;
use super::{AstPass, Step};

pub(super) const SUM: AstPass = AstPass {
    name: "sums",
    bridges: "DataFusion's sum of whole numbers wraps around",
    run: &[Step::Call(|function, name| {
        let summand = match name {
            "sum" => arguments_of(function, 1..=1)?,
            _ => return None,
        };
        if let FunctionArguments::List(list) = &mut function.args {
            list.args = unnamed(vec![call("pg_summand", summand)]);
        }
        None
    })],
};

pub(super) const AVERAGE: AstPass = AstPass {
    name: "averages",
    bridges: "DataFusion's avg is a float, or has fewer digits",
    run: &[Step::Call(|function, name| {
        if name != "avg" || arguments(function)?.len() != 1 {
            return None;
        }
        let of = |name: &str| {
            Expr::Function(Function {
                name: object(name),
                ..function.clone()
            })
        };
        Some(call("pg_quotient", vec![of("sum"), of("count")]))
    })],
};

#[cfg(test)]
rewrites! {
    SUM summands_do_not_overflow r"
        sum(x) ~> sum(pg_summand(x))
        sum(DISTINCT x) FILTER (WHERE y) ~> sum(DISTINCT pg_summand(x)) FILTER (WHERE y)
        max(x) ~> max(x)
    "
    AVERAGE averages_are_quotients r"
        avg(x) ~> pg_quotient(sum(x), count(x))
        avg(DISTINCT x) OVER (ORDER BY y) ~> pg_quotient(sum(DISTINCT x) OVER (ORDER BY y), count(DISTINCT x) OVER (ORDER BY y))
    "
}
