//! Texts `{a,b}` that stand for arrays.

use datafusion::sql::sqlparser::ast::{Array, BinaryOperator, Expr};

use super::ast::{call, null, string, take, text};
use super::patterns::is_pattern;
use super::{AstPass, Step};
use crate::params::array_elements;

pub(super) const PASS: AstPass = AstPass {
    name: "array-literals",
    bridges: "DataFusion takes `x = ANY ('{a,b}')` for an array of one text",
    run: &[Step::Expr(|expr| match expr {
        Expr::AnyOp {
            left,
            compare_op,
            right,
            ..
        }
        | Expr::AllOp {
            left,
            compare_op,
            right,
        } => {
            written_out(left, compare_op, right);
            None
        }
        _ => None,
    })],
};

/// `x = ANY ('{…}')`: the literal is a list of what stands before, or of patterns.
fn written_out(left: &Expr, op: &BinaryOperator, right: &mut Expr) {
    if is_pattern(op) {
        if let Some(array) = string(right).and_then(array_of) {
            *right = array;
        }
    } else if string(right).is_some() {
        *right = array_like(take(right), left.clone());
    }
}

/// `'{a,b}'` as an array of texts: what is written in it tells no type.
pub(super) fn array_of(literal: &str) -> Option<Expr> {
    let items = array_elements(literal)?.into_iter();
    let elem = items.map(|item| item.map_or_else(null, text)).collect();
    Some(Expr::Array(Array { elem, named: true }))
}

/// `'{a,b}'` as an array of values that are of the type of another.
pub(super) fn array_like(literal: Expr, other: Expr) -> Expr {
    call("pg_array_like", vec![literal, other])
}

#[cfg(test)]
rewrites! {
    PASS texts_become_lists r"
        x = ANY ('{a,b}') ~> x = ANY(pg_array_like('{a,b}', x))
        x ~ ANY ('{a,NULL}') ~> x ~ ANY(ARRAY['a', NULL])
        x = ANY (a) ~> x = ANY(a)
    "
}
