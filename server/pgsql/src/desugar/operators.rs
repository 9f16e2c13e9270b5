//! Operators, and words that the parser takes for such, that DataFusion has as functions alone.

use datafusion::sql::sqlparser::ast::{BinaryOperator, DateTimeField, Expr, UnaryOperator};

use super::ast::{binary, call, nested, number, string, take, text};
use super::{AstPass, Step};

pub(super) const PASS: AstPass = AstPass {
    name: "operators-as-calls",
    bridges: "DataFusion has no `~x`, `|/ x`, `||/ x`, `@ x`, `^@`, AT TIME ZONE; and EXTRACT, CEIL, FLOOR and SUBSTRING \
              (x FROM pattern) answer otherwise",
    run: &[Step::Expr(as_call)],
};

fn as_call(expr: &mut Expr) -> Option<Expr> {
    let (name, args) = match expr {
        Expr::UnaryOp {
            op: UnaryOperator::BitwiseNot,
            expr,
        } => return Some(inverted(take(expr))),
        Expr::UnaryOp { op, expr } => {
            let name = match op {
                UnaryOperator::PGSquareRoot => "sqrt",
                UnaryOperator::PGCubeRoot => "cbrt",
                UnaryOperator::PGAbs => "abs",
                _ => return None,
            };
            (name, vec![take(expr)])
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::PGStartsWith,
            right,
        } => ("starts_with", vec![take(left), take(right)]),
        Expr::Substring {
            expr,
            substring_from: Some(pattern),
            substring_for: None,
            ..
        } if string(pattern).is_some() => ("pg_regexp_part", vec![take(expr), take(pattern)]),
        Expr::Ceil { expr, .. } => ("ceil", vec![take(expr)]),
        Expr::Floor { expr, .. } => ("floor", vec![take(expr)]),
        // The field may be written as a text or a name in quotes.
        Expr::Extract { field, expr, .. } => {
            let field = match field {
                DateTimeField::Custom(name) => name.value.to_lowercase(),
                other => other.to_string().to_lowercase(),
            };
            ("pg_extract", vec![text(field), take(expr)])
        }
        Expr::AtTimeZone {
            timestamp,
            time_zone,
        } => ("timezone", vec![take(time_zone), take(timestamp)]),
        _ => return None,
    };
    Some(call(name, args))
}

/// `~x` as `x # -1`.
fn inverted(expr: Expr) -> Expr {
    let minus_one = Expr::UnaryOp {
        op: UnaryOperator::Minus,
        expr: Box::new(number("1")),
    };
    nested(binary(
        nested(expr),
        BinaryOperator::PGBitwiseXor,
        minus_one,
    ))
}

#[cfg(test)]
rewrites! {
    PASS operators_are_calls r"
        ~x ~> ((x) # -1)
        |/ x ~> sqrt(x)
        a ^@ 'b' ~> starts_with(a, 'b')
        x AT TIME ZONE 'UTC' ~> timezone('UTC', x)
        EXTRACT(EPOCH FROM x) ~> pg_extract('epoch', x)
        CEIL(x) ~> ceil(x)
        SUBSTRING(a FROM 'b.') ~> pg_regexp_part(a, 'b.')
        SUBSTRING(a FROM 2) ~> SUBSTRING(a FROM 2)
    "
}
