//! Comparisons that the parser groups otherwise, or whose operands must be planned as those of operators.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr};

use super::ast::{binary, nested, not, null, take};
use super::{AstPass, Step};

pub(super) const DISTINCT_FROM: AstPass = AstPass {
    name: "distinct-from",
    bridges: "sqlparser takes `a IS DISTINCT FROM b AND c` for `a IS DISTINCT FROM (b AND c)`",
    run: &[Step::Expr(regrouped)],
};

pub(super) const BETWEEN: AstPass = AstPass {
    name: "between",
    bridges: "DataFusion asks no planner of expressions for the operators that BETWEEN stands for",
    run: &[Step::Expr(between)],
};

fn regrouped(expr: &mut Expr) -> Option<Expr> {
    let right = match expr {
        Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) => right,
        _ => return None,
    };
    // The leftmost operand of the chain is what belongs to the comparison.
    let operand = replace_leftmost(right, null())?;
    let mut chain = std::mem::replace(&mut **right, operand);
    let comparison = take(expr);
    replace_leftmost(&mut chain, comparison)?;
    Some(chain)
}

/// Puts an expression in the place of the first operand of a chain of ANDs and ORs, and gives that.
fn replace_leftmost(chain: &mut Expr, new: Expr) -> Option<Expr> {
    let left = first_of_chain(chain)?;
    if first_of_chain(left).is_some() {
        return replace_leftmost(left, new);
    }
    Some(std::mem::replace(left, new))
}

fn first_of_chain(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And | BinaryOperator::Or,
            ..
        } => Some(left),
        _ => None,
    }
}

fn between(expr: &mut Expr) -> Option<Expr> {
    let Expr::Between {
        expr: value,
        negated,
        low,
        high,
    } = expr
    else {
        return None;
    };
    let value = nested(take(value));
    let at_least = binary(value.clone(), BinaryOperator::GtEq, nested(take(low)));
    let at_most = binary(value, BinaryOperator::LtEq, nested(take(high)));
    let both = nested(binary(at_least, BinaryOperator::And, at_most));
    Some(if *negated { not(both) } else { both })
}

#[cfg(test)]
rewrites! {
    BETWEEN between_is_two_comparisons r"
        a BETWEEN b AND c ~> ((a) >= (b) AND (a) <= (c))
        a NOT BETWEEN 1 AND 2 ~> NOT ((a) >= (1) AND (a) <= (2))
    "
}

#[cfg(test)]
mod tests {
    use super::super::tests::expression;
    use super::*;

    #[test]
    fn distinct_from_binds_more_than_and() {
        let mut written = expression("a IS DISTINCT FROM b AND c");
        let grouped = expression("(a IS DISTINCT FROM b) AND c").to_string();
        let Some(Expr::BinaryOp { left, op, right }) = regrouped(&mut written) else {
            unreachable!("{written} is a comparison");
        };
        assert_eq!(format!("({left}) {op} {right}"), grouped);
    }
}
