//! Functions of regular expressions, which are ours: see `functions::regexes`.

use datafusion::sql::sqlparser::ast::Expr;

use super::call;

/// What a call of a function of regular expressions becomes.
pub(super) fn rewritten(name: &str, args: &[Expr]) -> Option<Expr> {
    let unnested = |list: Expr| call("unnest", vec![list]);
    let of = |name: &str| call(name, args.to_vec());
    Some(match (name, args.len()) {
        ("regexp_replace", 3..=6) => of("pg_regexp_replace"),
        ("regexp_match", 2..=3) => of("pg_regexp_match"),
        ("regexp_like", 2..=3) => of("pg_regexp_like"),
        ("regexp_count", 2..=4) => of("pg_regexp_count"),
        ("regexp_instr", 2..=7) => of("pg_regexp_instr"),
        ("regexp_substr", 2..=6) => of("pg_regexp_substr"),
        ("regexp_matches", 2..=3) => unnested(of("pg_regexp_matches")),
        ("regexp_split_to_array", 2..=3) => of("pg_regexp_split"),
        ("regexp_split_to_table", 2..=3) => unnested(of("pg_regexp_split")),
        _ => return None,
    })
}

/// `substring(x FROM pattern)`: the first group that matches, or all that does.
pub(super) fn substring_by(value: Expr, pattern: Expr) -> Expr {
    call("pg_regexp_part", vec![value, pattern])
}
