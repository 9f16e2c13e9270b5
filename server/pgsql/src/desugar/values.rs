//! VALUES whose columns mix literals of unknown types with others.

use datafusion::sql::sqlparser::ast::{Expr, Query, SetExpr, Value, Values};

use super::sets::filled;
use super::{empty_query, string, tables};

/// Whether a column has a literal that is written as a text, or a parameter, beside a value that is neither.
pub fn mixes_unknown(values: &Values) -> bool {
    let width = values.rows.first().map_or(0, |row| row.content.len());
    (0..width).any(|at| {
        let column = || values.rows.iter().filter_map(|row| row.content.get(at));
        column().any(is_unknown) && column().any(|value| !is_unknown(value) && !is_null(value))
    })
}

fn is_unknown(value: &Expr) -> bool {
    match value {
        Expr::Nested(inner) => is_unknown(inner),
        Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => true,
        value => string(value).is_some(),
    }
}

fn is_null(value: &Expr) -> bool {
    matches!(value, Expr::Value(value) if matches!(value.value, Value::Null))
}

/// Puts such VALUES into a FROM, where they are planned by the types of their columns: see `semantics::values`.
pub(super) fn into_from(query: &mut Query) {
    into_from_of(&mut query.body);
}

fn into_from_of(body: &mut SetExpr) {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            into_from_of(left);
            into_from_of(right);
        }
        SetExpr::Values(values) if mixes_unknown(values) => {
            let Some(outer) = tables::parsed("SELECT * FROM (VALUES (1)) AS mixed") else {
                return;
            };
            let mut inner = empty_query();
            std::mem::swap(&mut *inner.body, body);
            *body = *filled(outer, &inner).body;
        }
        _ => {}
    }
}
