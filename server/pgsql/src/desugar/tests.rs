//! Queries before and after a pass.
#![allow(clippy::unwrap_used)]

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::{AstPass, PASSES, run};

fn parser(sql: &str) -> Parser<'_> {
    Parser::new(&PostgreSqlDialect {})
        .try_with_sql(sql)
        .unwrap()
}

pub(super) fn expression(sql: &str) -> Expr {
    parser(sql).parse_expr().unwrap()
}

/// Asserts what a pass, by itself, makes of each query, or expression.
pub(super) fn assert_rewrites(pass: &AstPass, table: &[(&str, &str)]) {
    for (before, after) in table {
        let name = pass.name;
        assert_eq!(rewritten(pass, before), *after, "{name}: {before}");
    }
}

fn rewritten(pass: &AstPass, sql: &str) -> String {
    let words = ["SELECT ", "VALUES ", "WITH "];
    let select = if words.iter().any(|word| sql.starts_with(word)) {
        ""
    } else {
        "SELECT "
    };
    let mut query = parser(&format!("{select}{sql}")).parse_query().unwrap();
    run(std::slice::from_ref(pass), &mut query).unwrap();
    query.to_string().split_off(select.len())
}

#[test]
fn each_pass_has_a_name_of_its_own_and_says_what_it_bridges() {
    let mut names: Vec<&str> = PASSES.iter().map(|pass| pass.name).collect();
    names.extend(crate::analyze::CALLS.iter().map(|pass| pass.name));
    names.extend(crate::analyze::PASSES.iter().map(|pass| pass.name));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(PASSES.iter().all(|pass| !pass.bridges.is_empty()));
}
