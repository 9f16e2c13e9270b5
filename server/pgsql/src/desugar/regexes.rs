//! Functions of regular expressions, which are ours: see `functions::regexes`.

use super::ast::{arguments, call};
use super::functions::arguments_of;
use super::{AstPass, Step};

pub(super) const PASS: AstPass = AstPass {
    name: "regex-functions",
    bridges: "DataFusion's functions of regular expressions have another syntax of patterns, other results, or are missing",
    run: &[Step::Call(|function, name| {
        let count = arguments(function)?.len();
        let (ours, gives_rows) = match (name, count) {
            ("regexp_replace", 3..=6) => ("pg_regexp_replace", false),
            ("regexp_match", 2..=3) => ("pg_regexp_match", false),
            ("regexp_like", 2..=3) => ("pg_regexp_like", false),
            ("regexp_count", 2..=4) => ("pg_regexp_count", false),
            ("regexp_instr", 2..=7) => ("pg_regexp_instr", false),
            ("regexp_substr", 2..=6) => ("pg_regexp_substr", false),
            ("regexp_matches", 2..=3) => ("pg_regexp_matches", true),
            ("regexp_split_to_array", 2..=3) => ("pg_regexp_split", false),
            ("regexp_split_to_table", 2..=3) => ("pg_regexp_split", true),
            _ => return None,
        };
        let args = arguments_of(function, 2..=7)?;
        let found = call(ours, args);
        Some(if gives_rows {
            call("unnest", vec![found])
        } else {
            found
        })
    })],
};

#[cfg(test)]
rewrites! {
    PASS functions_are_ours r"
        regexp_replace(a, 'b', 'c') ~> pg_regexp_replace(a, 'b', 'c')
        regexp_matches(a, 'b') ~> unnest(pg_regexp_matches(a, 'b'))
        regexp_split_to_table(a, 'b') ~> unnest(pg_regexp_split(a, 'b'))
        regexp_match(a) ~> regexp_match(a)
    "
}
