//! VALUES whose columns mix literals of unknown types with others: they go into a FROM, where they are planned by the types
//! of their columns (see `analyze::mixed_values`).

use datafusion::sql::sqlparser::ast::{
    Expr, SelectItem, SetExpr, Value, Values, WildcardAdditionalOptions,
};

use super::ast::{aliased, derived, is_placeholder, query, quoted, select, string};
use super::{AstPass, Step};

pub(super) const PASS: AstPass = AstPass {
    name: "mixed-values",
    bridges: "DataFusion makes texts of the other values of a column, and lets nobody plan VALUES outside of FROM",
    run: &[Step::AfterQuery(|query| into_from(&mut query.body))],
};

/// Returns whether a column has a literal that is written as a text, or a parameter, beside a value that is neither.
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
        value => is_placeholder(value) || string(value).is_some(),
    }
}

fn is_null(value: &Expr) -> bool {
    matches!(value, Expr::Value(value) if matches!(value.value, Value::Null))
}

fn into_from(body: &mut SetExpr) {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            into_from(left);
            into_from(right);
        }
        SetExpr::Values(values) if mixes_unknown(values) => {
            let values = query(SetExpr::Values(values.clone()));
            let all = SelectItem::Wildcard(WildcardAdditionalOptions::default());
            let mixed = derived(values, aliased(quoted("mixed")));
            *body = *select(vec![all], Some(mixed)).body;
        }
        _ => {}
    }
}

#[cfg(test)]
rewrites! {
    PASS mixed_values_stand_in_from r#"
        VALUES ('a'), (now()) ~> SELECT * FROM (VALUES ('a'), (now())) AS "mixed"
        VALUES (1), (2) ~> VALUES (1), (2)
    "#
}
