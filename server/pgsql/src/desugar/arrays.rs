//! Arrays that are written out, and what is taken of them.

use datafusion::sql::sqlparser::ast::{AccessExpr, Array, Expr, Subscript};

use super::ast::{call, normalized, number, text};
use super::own::has_columns;
use super::{AstPass, Step};

pub(super) const OUTER_COLUMNS: AstPass = AstPass {
    name: "arrays-of-columns",
    bridges: "DataFusion does not look for columns of the rows around in ARRAY[…] itself, and does in a call",
    run: &[Step::AfterExpr(|expr| match expr {
        Expr::Array(Array { elem, .. }) if elem.iter().any(has_columns) => {
            Some(call("make_array", std::mem::take(elem)))
        }
        _ => None,
    })],
};

pub(super) const SLICES: AstPass = AstPass {
    name: "open-slices",
    bridges: "DataFusion's slices have both their ends, and its fields are named by texts",
    run: &[Step::Expr(|expr| {
        if let Expr::CompoundFieldAccess { access_chain, .. } = expr {
            access_chain.iter_mut().for_each(bounded);
        }
        None
    })],
};

fn bounded(access: &mut AccessExpr) {
    match access {
        AccessExpr::Dot(field) => {
            if let Expr::Identifier(name) = field {
                *field = text(normalized(name));
            }
        }
        AccessExpr::Subscript(Subscript::Slice {
            lower_bound,
            upper_bound,
            ..
        }) => {
            lower_bound.get_or_insert_with(|| number("1"));
            upper_bound.get_or_insert_with(|| number("2147483647"));
        }
        AccessExpr::Subscript(Subscript::Index { .. }) => {}
    }
}

#[cfg(test)]
rewrites! {
    SLICES slices_have_both_ends r"
        a[:2] ~> a[1:2]
        a[2:] ~> a[2:2147483647]
        (a).b ~> (a).'b'
    "
    OUTER_COLUMNS arrays_of_columns_are_calls r"
        ARRAY[a, 1] ~> make_array(a, 1)
        ARRAY[1, 2] ~> ARRAY[1, 2]
    "
}
