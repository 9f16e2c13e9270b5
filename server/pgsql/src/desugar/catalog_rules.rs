//! Those rules of `datafusion-pg-catalog` that do not change what a query means. (`RemoveSubqueryFromProjection`, which
//! puts NULL for correlated subqueries, is not among them.)

use datafusion::sql::sqlparser::ast::{Query, Statement};
use datafusion_pg_catalog::sql::rules::{
    RewritePgCatalogOperator, SqlStatementRewriteRule, StripCallableQualifier, StripCollate,
};

use super::ast::take_query;
use super::{AstPass, Step};
use crate::error::PgError;

pub(super) const QUALIFIERS: AstPass = AstPass {
    name: "callable-qualifiers",
    bridges: "DataFusion finds functions by their bare names alone",
    run: &[Step::Whole(|query| apply(&StripCallableQualifier, query))],
};

pub(super) const COLLATIONS: AstPass = AstPass {
    name: "collations",
    bridges: "DataFusion has no COLLATE",
    run: &[Step::Whole(|query| apply(&StripCollate, query))],
};

pub(super) const OPERATORS: AstPass = AstPass {
    name: "qualified-operators",
    bridges: "DataFusion has no OPERATOR(pg_catalog.~)",
    run: &[Step::Whole(|query| apply(&RewritePgCatalogOperator, query))],
};

fn apply(rule: &dyn SqlStatementRewriteRule, place: &mut Query) -> Result<(), PgError> {
    let written = Statement::Query(Box::new(take_query(place)));
    if let Statement::Query(rewritten) = rule.rewrite(written) {
        *place = *rewritten;
    }
    Ok(())
}

#[cfg(test)]
rewrites! {
    QUALIFIERS functions_are_called_by_their_own_names r"
        pg_catalog.version() ~> version()
    "
    COLLATIONS collations_are_left_out r#"
        a COLLATE "C" ~> a
    "#
    OPERATORS operators_are_the_parsers r"
        a OPERATOR(pg_catalog.~) 'b' ~> a ~ 'b'
    "
}
