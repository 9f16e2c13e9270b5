//! Output columns are named as PostgreSQL names them (`count`, `?column?`, `int4`), and may share a name.
//!
//! DataFusion wants the columns of a projection to have different names. A name that is there already gets a mark
//! ([`UNSHOWN`]) and a number, which no client is shown.

use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, DataType, ExactNumberInfo, Expr, Ident, Query, SelectItem,
    SetExpr, TrimWhereField,
};

use super::ast::{each_select, last, normalized, quoted, take};
use super::functions::is_session_word;
use super::{AstPass, Step};
use crate::encode::UNSHOWN;

pub(super) const PASS: AstPass = AstPass {
    name: "column-names",
    bridges: "DataFusion names columns otherwise, and wants the columns of a projection to have different names",
    run: &[Step::Query(|query| {
        each_select(&mut query.body, &mut |select| {
            name_items(&mut select.projection, false);
            Ok(())
        })
    })],
};

/// The name that an expression's column has.
pub(super) fn column_name(expr: &Expr) -> Ident {
    quoted(name_of(expr).1)
}

/// Marks the names of all columns that are not of a wildcard, for where a wildcard brings the same ones.
pub fn mark_columns(query: &mut Query) {
    if let SetExpr::Select(select) = query.body.as_mut() {
        name_items(&mut select.projection, true);
    }
}

fn name_items(items: &mut [SelectItem], mark_all: bool) {
    let mut seen = HashSet::new();
    for (at, item) in items.iter_mut().enumerate() {
        let marked = |name: &str| quoted(format!("{name}{UNSHOWN}{at}"));
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let name = name_of(expr).1;
                // A column keeps its name by itself, and its table with it.
                let plain = match expr {
                    Expr::Identifier(word) => !is_session_word(word),
                    Expr::CompoundIdentifier(_) => true,
                    _ => false,
                };
                let new = seen.insert(name.clone())
                    && (!plain || seen.insert(format!("{UNSHOWN}{expr}")));
                let alias = match (mark_all || !new, plain) {
                    (true, _) => marked(&name),
                    (false, true) => continue,
                    (false, false) => quoted(name),
                };
                let expr = take(expr);
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
            SelectItem::ExprWithAlias { alias, .. } => {
                let name = normalized(alias);
                let new = seen.insert(name.clone());
                if (mark_all || !new) && !name.contains(UNSHOWN) {
                    *alias = marked(&name);
                }
            }
            _ => {}
        }
    }
}

/// How sure a name is (a cast takes its operand's name only from a column or a function), and the name.
fn name_of(expr: &Expr) -> (u8, String) {
    match expr {
        Expr::Identifier(name) => (2, normalized(name)),
        Expr::CompoundIdentifier(names) => (2, names.last().map(normalized).unwrap_or_default()),
        Expr::Function(function) => (2, last(&function.name).map(normalized).unwrap_or_default()),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => name_of(inner),
        Expr::CompoundFieldAccess { root, access_chain } => match access_chain.last() {
            Some(AccessExpr::Dot(Expr::Identifier(field))) => (2, normalized(field)),
            _ => name_of(root),
        },
        Expr::Cast {
            expr, data_type, ..
        } => match name_of(expr) {
            (2, name) => (2, name),
            _ => (1, type_name(data_type)),
        },
        Expr::TypedString(typed) => (1, type_name(&typed.data_type)),
        Expr::Interval(_) => (1, "interval".to_owned()),
        Expr::Case { else_result, .. } => match else_result.as_deref().map(name_of) {
            Some((2, name)) => (2, name),
            _ => (1, "case".to_owned()),
        },
        Expr::Extract { .. } => (2, "extract".to_owned()),
        Expr::Ceil { .. } => (2, "ceil".to_owned()),
        Expr::Floor { .. } => (2, "floor".to_owned()),
        Expr::Position { .. } => (2, "position".to_owned()),
        Expr::Substring { shorthand, .. } => (
            2,
            if *shorthand { "substr" } else { "substring" }.to_owned(),
        ),
        Expr::Overlay { .. } => (2, "overlay".to_owned()),
        Expr::AtTimeZone { .. } => (2, "timezone".to_owned()),
        Expr::Trim { trim_where, .. } => {
            let name = match trim_where {
                Some(TrimWhereField::Leading) => "ltrim",
                Some(TrimWhereField::Trailing) => "rtrim",
                _ => "btrim",
            };
            (2, name.to_owned())
        }
        Expr::Exists { negated: false, .. } => (2, "exists".to_owned()),
        Expr::Array(_) => (2, "array".to_owned()),
        Expr::Tuple(_) => (2, "row".to_owned()),
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => match select.projection.first() {
                Some(SelectItem::UnnamedExpr(expr)) => (2, name_of(expr).1),
                Some(SelectItem::ExprWithAlias { alias, .. }) => (2, normalized(alias)),
                _ => (0, "?column?".to_owned()),
            },
            _ => (0, "?column?".to_owned()),
        },
        _ => (0, "?column?".to_owned()),
    }
}

/// `float4`, of which `float(24)` is the most digits.
pub fn is_single(data_type: &DataType) -> bool {
    match data_type {
        DataType::Real | DataType::Float4 => true,
        DataType::Float(ExactNumberInfo::Precision(digits)) => *digits <= 24,
        _ => false,
    }
}

/// A type's own name, as the catalog has it.
fn type_name(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => "int4",
        DataType::BigInt(_) | DataType::Int8(_) => "int8",
        DataType::SmallInt(_) | DataType::Int2(_) => "int2",
        single if is_single(single) => "float4",
        DataType::DoublePrecision | DataType::Float8 | DataType::Double(_) | DataType::Float(_) => {
            "float8"
        }
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => "numeric",
        DataType::Boolean | DataType::Bool => "bool",
        DataType::Text => "text",
        DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => {
            "varchar"
        }
        DataType::Char(_) | DataType::Character(_) => "bpchar",
        DataType::Date => "date",
        DataType::Time(..) => "time",
        DataType::Interval { .. } => "interval",
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => return type_name(element),
        DataType::Array(ArrayElemTypeDef::None) => "array",
        DataType::Timestamp(_, zone) => {
            if zone.to_string().contains("WITH TIME ZONE") || zone.to_string() == "TZ" {
                "timestamptz"
            } else {
                "timestamp"
            }
        }
        DataType::Custom(name, _) => {
            let name = last(name).map(|ident| ident.value.to_lowercase());
            return name.unwrap_or_default();
        }
        other => return other.to_string().to_lowercase(),
    };
    name.to_owned()
}

#[cfg(test)]
rewrites! {
    PASS columns_are_named_as_postgresql_names_them r#"
        SELECT count(*), 1, x::int8, a.b FROM t ~> SELECT count(*) AS "count", 1 AS "?column?", x::INT8 AS "x", a.b FROM t
        SELECT x, x FROM t ~> SELECT x, x AS "x1" FROM t
        SELECT max(x) m, min(x) m FROM t ~> SELECT max(x) AS m, min(x) AS "m1" FROM t
        SELECT CASE WHEN x THEN 1 ELSE y END, (SELECT z FROM u) FROM t ~> SELECT CASE WHEN x THEN 1 ELSE y END AS "y", (SELECT z FROM u) AS "z" FROM t
    "#
}
