//! Output columns are named as PostgreSQL names them (`count`, `?column?`, `int4`), and may share a name.
//!
//! DataFusion wants the columns of a projection to have different names. A name that is there already gets a mark
//! ([`UNSHOWN`]) and a number, which no client is shown.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, DataType, ExactNumberInfo, Expr, Ident, Query, SelectItem,
    SetExpr, TrimWhereField, VisitMut, VisitorMut,
};

use crate::encode::UNSHOWN;

/// The name that an expression's column has.
pub(super) fn column_name(expr: &Expr) -> Ident {
    Ident::with_quote('"', name_of(expr).1)
}

/// Names the columns of all SELECTs in a query.
pub(super) fn name_columns(query: &mut Query) {
    let _ = query.visit(&mut Name { mark_all: false });
}

/// Marks the names of all columns that are not of a wildcard, for where a wildcard brings the same ones.
pub fn mark_columns(query: &mut Query) {
    if let SetExpr::Select(select) = query.body.as_mut() {
        name_items(&mut select.projection, true);
    }
}

struct Name {
    mark_all: bool,
}

impl VisitorMut for Name {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        name_body(&mut query.body, self.mark_all);
        ControlFlow::Continue(())
    }
}

fn name_body(body: &mut SetExpr, mark_all: bool) {
    match body {
        SetExpr::Select(select) => name_items(&mut select.projection, mark_all),
        SetExpr::SetOperation { left, right, .. } => {
            name_body(left, mark_all);
            name_body(right, mark_all);
        }
        _ => {}
    }
}

fn name_items(items: &mut [SelectItem], mark_all: bool) {
    let mut seen = HashSet::new();
    for (at, item) in items.iter_mut().enumerate() {
        let marked = |name: &str| Ident::with_quote('"', format!("{name}{UNSHOWN}{at}"));
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let name = name_of(expr).1;
                // A column keeps its name by itself, and its table with it.
                let plain = match expr {
                    // These become calls.
                    Expr::Identifier(word) => !matches!(
                        word.value.to_ascii_lowercase().as_str(),
                        "current_schema" | "current_role"
                    ),
                    Expr::CompoundIdentifier(_) => true,
                    _ => false,
                };
                let new = seen.insert(name.clone())
                    && (!plain || seen.insert(format!("{UNSHOWN}{expr}")));
                let alias = match (mark_all || !new, plain) {
                    (true, _) => marked(&name),
                    (false, true) => continue,
                    (false, false) => Ident::with_quote('"', name),
                };
                let expr = std::mem::replace(expr, Expr::Identifier(Ident::new("")));
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
            SelectItem::ExprWithAlias { alias, .. } => {
                let name = match alias.quote_style {
                    Some(_) => alias.value.clone(),
                    None => alias.value.to_lowercase(),
                };
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
    let ident = |ident: &Ident| match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    };
    match expr {
        Expr::Identifier(name) => (2, ident(name)),
        Expr::CompoundIdentifier(names) => (2, names.last().map(ident).unwrap_or_default()),
        Expr::Function(function) => {
            let name = function.name.0.last().and_then(|part| part.as_ident());
            (2, name.map(ident).unwrap_or_default())
        }
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => name_of(inner),
        Expr::CompoundFieldAccess { root, access_chain } => match access_chain.last() {
            Some(AccessExpr::Dot(Expr::Identifier(field))) => (2, ident(field)),
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
                Some(SelectItem::ExprWithAlias { alias, .. }) => (2, ident(alias)),
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
            let last = name.0.last().and_then(|part| part.as_ident());
            return last
                .map(|ident| ident.value.to_lowercase())
                .unwrap_or_default();
        }
        other => return other.to_string().to_lowercase(),
    };
    name.to_owned()
}
