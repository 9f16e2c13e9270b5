//! Literals that DataFusion reads otherwise, or not at all.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

use super::ast::{binary, call, digits, nested, number, string, text};
use super::{AstPass, Step};
use crate::types::interval;

pub(super) const NEGATIVE: AstPass = AstPass {
    name: "negative-literals",
    bridges: "DataFusion negates neither an interval nor a difference of times, and has no literal of the least int8",
    run: &[Step::Expr(negative)],
};

pub(super) const UNICODE: AstPass = AstPass {
    name: "unicode-literals",
    bridges: "DataFusion has no U&'…'",
    run: &[Step::Expr(|expr| match expr {
        Expr::Value(value) => match &value.value {
            Value::UnicodeStringLiteral(unicode) => Some(text(unicode.clone())),
            _ => None,
        },
        _ => None,
    })],
};

pub(super) const INTERVALS: AstPass = AstPass {
    name: "interval-literals",
    bridges: "DataFusion reads less of what an interval may be written as, and gives a sign to one unit alone",
    run: &[Step::Expr(intervals)],
};

/// A sign and a number are one number, as the least `int8` must be; an interval is turned around by a product.
fn negative(expr: &mut Expr) -> Option<Expr> {
    let Expr::UnaryOp {
        op: UnaryOperator::Minus,
        expr,
    } = expr
    else {
        return None;
    };
    match expr.as_ref() {
        value @ Expr::Value(_) => {
            let signed = format!("-{}", digits(value)?);
            signed.parse::<i64>().is_ok().then(|| number(signed))
        }
        interval @ Expr::Interval(_) => Some(nested(binary(
            interval.clone(),
            BinaryOperator::Multiply,
            number("-1"),
        ))),
        // Perhaps a difference of times, which DataFusion takes no sign of.
        Expr::Nested(inner) if matches!(**inner, Expr::BinaryOp { .. }) => {
            Some(call("pg_negative", vec![(**expr).clone()]))
        }
        _ => None,
    }
}

fn intervals(expr: &mut Expr) -> Option<Expr> {
    let Expr::Interval(written) = expr else {
        return None;
    };
    // In the standard's forms the unit stands outside, and DataFusion reads that.
    if written.leading_field.is_some() {
        return None;
    }
    let value = string(&written.value)?;
    // Whose sign it is the session's style of intervals says.
    if interval::has_one_sign(value) {
        return Some(call("pg_interval", vec![(*written.value).clone()]));
    }
    if let Some(parts) = interval::parse(value) {
        *written.value = text(interval::plain(parts));
    }
    None
}

#[cfg(test)]
rewrites! {
    NEGATIVE signs_belong_to_their_literals r"
        - INTERVAL '1 day' ~> (INTERVAL '1 day' * -1)
        -(a - b) ~> pg_negative((a - b))
        -x ~> -x
    "
    UNICODE escapes_are_characters r"
        U&'\00e4' ~> 'ä'
    "
    INTERVALS intervals_are_in_units r"
        INTERVAL '1 day 2:03' ~> INTERVAL '0 months 1 days 7380000000 microseconds'
        INTERVAL '-1 day 02:03:04' ~> pg_interval('-1 day 02:03:04')
        INTERVAL '1' DAY ~> INTERVAL '1' DAY
    "
}
