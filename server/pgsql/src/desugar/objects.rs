//! Names of the catalog's objects: `regclass` and its kin.

use datafusion::sql::sqlparser::ast::{DataType, Expr, Ident, SetExpr};

use super::ast::{call, item_expr_mut, last, take};
use super::casts::{at_cast, is_text};
use super::{AstPass, Step};

pub(super) const SHOWN: AstPass = AstPass {
    name: "shown-objects",
    bridges: "DataFusion has no types of object ids, whose values are shown by the names of the objects",
    run: &[Step::Whole(|query| {
        if let SetExpr::Select(select) = query.body.as_mut() {
            for expr in select.projection.iter_mut().filter_map(item_expr_mut) {
                if let Some(kind) = object_cast(expr) {
                    *expr = call(&format!("{kind}_out"), vec![take(expr)]);
                }
            }
        }
        Ok(())
    })],
};

pub(super) const CASTS: AstPass = AstPass {
    name: "object-casts",
    bridges: "DataFusion has no types of object ids",
    run: &[Step::Expr(|expr| {
        at_cast(expr, |value, data_type| {
            if let Some(kind) = object_kind(data_type) {
                return Some(call(&format!("{kind}_in"), vec![take(value)]));
            }
            let kind = object_cast(value).filter(|_| is_text(data_type))?;
            Some(call(&format!("{kind}_out"), vec![take(value)]))
        })
    })],
};

/// Columns of `pg_type` that are functions, and are shown by name.
fn is_procedure(column: &Ident) -> bool {
    [
        "typinput",
        "typoutput",
        "typreceive",
        "typsend",
        "typmodin",
        "typmodout",
        "typanalyze",
        "typsubscript",
    ]
    .iter()
    .any(|name| column.value.eq_ignore_ascii_case(name))
}

/// `regclass` of `x::regclass`, and so on.
fn object_cast(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Cast { data_type, .. } => object_kind(data_type),
        Expr::Nested(inner) => object_cast(inner),
        Expr::Identifier(name) => is_procedure(name).then_some("regproc"),
        Expr::CompoundIdentifier(parts) => is_procedure(parts.last()?).then_some("regproc"),
        Expr::Function(function) => match function.name.to_string().to_ascii_lowercase().as_str() {
            "to_regclass" => Some("regclass"),
            "to_regtype" => Some("regtype"),
            "to_regnamespace" => Some("regnamespace"),
            "to_regrole" => Some("regrole"),
            _ => None,
        },
        _ => None,
    }
}

fn object_kind(data_type: &DataType) -> Option<&'static str> {
    let name = match data_type {
        DataType::Regclass => "regclass".to_owned(),
        DataType::Custom(name, arguments) if arguments.is_empty() => {
            last(name)?.value.to_ascii_lowercase()
        }
        _ => return None,
    };
    Some(match name.as_str() {
        "regclass" => "regclass",
        "regtype" => "regtype",
        "regnamespace" => "regnamespace",
        "regrole" => "regrole",
        "regproc" => "regproc",
        "regprocedure" => "regprocedure",
        "regoper" | "regoperator" => "regoper",
        _ => return None,
    })
}

#[cfg(test)]
rewrites! {
    SHOWN objects_are_shown_by_their_names r"
        SELECT oid::regclass, x FROM t ~> SELECT regclass_out(oid::REGCLASS), x FROM t
        typinput ~> regproc_out(typinput)
    "
    CASTS names_of_objects_become_ids_and_ids_names r"
        'orders'::regclass ~> regclass_in('orders')
        x::regtype::text ~> regtype_out(regtype_in(x))
        x::text ~> x::TEXT
    "
}
