//! `array_agg(DISTINCT x ORDER BY x)` and `string_agg(DISTINCT x, ',')`.
//!
//! DataFusion gives the different values of one argument to all calls in one order, or in none. PostgreSQL sorts them
//! for each call by itself, in ascending order where nothing else is said. So they are sorted when they are gathered.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArgumentClause, FunctionArguments,
    OrderByExpr,
};

use super::ast::{arguments, binary, call, nested, object, string, text};
use super::{AstPass, Step};

pub(super) const PASS: AstPass = AstPass {
    name: "distinct-aggregates",
    bridges: "DataFusion gathers distinct values in one order for all calls, or in none",
    run: &[Step::AfterCall(sorted)],
};

/// What such a call becomes; none where it is none, or DataFusion's own error is what it deserves.
fn sorted(function: &mut Function, name: &str) -> Option<Expr> {
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
        let present = Expr::IsNotNull(Box::new(nested(value)));
        each.filter = Some(Box::new(match each.filter.take() {
            Some(filter) => binary(Expr::Nested(filter), BinaryOperator::And, nested(present)),
            None => present,
        }));
    }
    each.name = object("array_agg");
    let sorted = vec![Expr::Function(each), text(direction), text(nulls)];
    let sorted = call("array_sort", sorted);
    Some(match separator {
        Some(separator) => call("array_to_string", vec![sorted, separator]),
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

#[cfg(test)]
rewrites! {
    PASS distinct_values_are_sorted r"
        array_agg(DISTINCT x) ~> array_sort(array_agg(DISTINCT x), 'ASC', 'NULLS LAST')
        array_agg(DISTINCT x ORDER BY x DESC) ~> array_sort(array_agg(DISTINCT x), 'DESC', 'NULLS FIRST')
        string_agg(DISTINCT x, ',') FILTER (WHERE y) ~> array_to_string(array_sort(array_agg(DISTINCT x) FILTER (WHERE (y) AND ((x) IS NOT NULL)), 'ASC', 'NULLS LAST'), ',')
        array_agg(DISTINCT x ORDER BY y) ~> array_agg(DISTINCT x ORDER BY y)
        array_agg(x) ~> array_agg(x)
    "
}
