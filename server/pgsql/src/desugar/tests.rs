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

/// Asserts what a pass, by itself, makes of the queries or expressions of a table of lines `before ~> after`.
pub(super) fn assert_rewrites(pass: &AstPass, table: &str) {
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (before, after) = line.split_once(" ~> ").unwrap();
        let words = ["SELECT ", "VALUES ", "WITH "];
        let is_query = words.iter().any(|word| before.starts_with(word));
        let select = if is_query { "" } else { "SELECT " };
        let mut query = parser(&format!("{select}{before}")).parse_query().unwrap();
        run(std::slice::from_ref(pass), &mut query).unwrap();
        // Names that passes give have a mark that nobody writes.
        let written = query.to_string().replace('\u{1f}', "");
        assert_eq!(&written[select.len()..], after, "{}: {before}", pass.name);
    }
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
