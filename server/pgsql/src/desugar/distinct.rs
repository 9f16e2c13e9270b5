//! `array_agg(DISTINCT x ORDER BY x)` and `string_agg(DISTINCT x, ',')`.
//!
//! DataFusion gives the different values of one argument to all calls in one order, or in none. PostgreSQL sorts them
//! for each call by itself, in ascending order where nothing else is said. So they are sorted when they are gathered.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArgumentClause, FunctionArguments,
    OrderByExpr,
};

use super::functions::{arguments, call_of, hidden};
use super::{compare, string, text};

/// What such a call becomes; none where it is none, or DataFusion's own error is what it deserves.
pub(super) fn gathered(function: &Function, name: &str) -> Option<Expr> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    if list.duplicate_treatment != Some(DuplicateTreatment::Distinct) || function.over.is_some() {
        return None;
    }
    let args = arguments(function)?;
    let (value, separator) = match (name, args.as_slice()) {
        ("array_agg", [value]) => ((*value).clone(), None),
        ("string_agg", [value, separator]) if string(separator).is_some() => {
            ((*value).clone(), Some((*separator).clone()))
        }
        _ => return None,
    };
    let (direction, nulls) = order(&list.clauses, &value)?;
    let mut each = function.clone();
    if let FunctionArguments::List(list) = &mut each.args {
        list.args.truncate(1);
        list.clauses.clear();
    }
    if separator.is_some() {
        let present = Expr::IsNotNull(Box::new(Expr::Nested(Box::new(value))));
        each.filter = Some(Box::new(match each.filter.take() {
            Some(filter) => compare(
                Expr::Nested(filter),
                BinaryOperator::And,
                Expr::Nested(Box::new(present)),
            ),
            None => present,
        }));
    }
    each.name = hidden("array_agg");
    let sorted = call_of(
        "array_sort",
        vec![
            Expr::Function(each),
            text(direction.into()),
            text(nulls.into()),
        ],
    );
    Some(match separator {
        Some(separator) => call_of("array_to_string", vec![sorted, separator]),
        None => sorted,
    })
}

/// The direction, and where nulls stand; none for an order by something else, which PostgreSQL refuses.
fn order(clauses: &[FunctionArgumentClause], value: &Expr) -> Option<(&'static str, &'static str)> {
    let by = clauses.iter().find_map(|clause| match clause {
        FunctionArgumentClause::OrderBy(by) => by.first(),
        _ => None,
    });
    let Some(OrderByExpr { expr, options, .. }) = by else {
        return Some(("ASC", "NULLS LAST"));
    };
    if expr != value {
        return None;
    }
    let ascending = options.asc.unwrap_or(true);
    let nulls_first = options.nulls_first.unwrap_or(!ascending);
    Some((
        if ascending { "ASC" } else { "DESC" },
        if nulls_first {
            "NULLS FIRST"
        } else {
            "NULLS LAST"
        },
    ))
}
