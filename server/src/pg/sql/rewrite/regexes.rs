//! Functions of regular expressions: of a pattern that is written anew, see `functions::regexes`.

use datafusion::sql::sqlparser::ast::{DataType, Expr, Value};

use super::functions::call_of;
use super::numbers::cast;
use super::{call, text};

/// What a call of a function of regular expressions becomes.
pub(super) fn rewritten(name: &str, args: &[Expr]) -> Option<Expr> {
    let regex = |pattern: &Expr, options: &[Expr]| {
        let mut args = vec![pattern.clone()];
        args.extend(options.first().cloned());
        call("pg_regex", args)
    };
    let unnested = |list: Expr| call("unnest", vec![list]);
    Some(match (name, args) {
        ("regexp_replace", [value, pattern, by, options @ ..]) if options.len() < 2 => {
            let mut made = vec![
                value.clone(),
                regex(pattern, options),
                call("pg_replacement", vec![by.clone()]),
            ];
            made.extend(
                options
                    .first()
                    .map(|options| call("pg_regex_scope", vec![options.clone()])),
            );
            call_of(name, made)
        }
        ("regexp_match" | "regexp_like", [value, pattern, options @ ..]) if options.len() < 2 => {
            call_of(name, vec![value.clone(), regex(pattern, options)])
        }
        ("regexp_count" | "regexp_instr", [value, pattern, rest @ ..]) => {
            let mut made = vec![value.clone(), regex(pattern, &[])];
            made.extend_from_slice(rest);
            cast(call_of(name, made), DataType::Int4(None))
        }
        ("regexp_matches", [_, _] | [_, _, _]) => {
            unnested(call("pg_regexp_matches", args.to_vec()))
        }
        ("regexp_split_to_array", [_, _] | [_, _, _]) => call("pg_regexp_split", args.to_vec()),
        ("regexp_split_to_table", [_, _] | [_, _, _]) => {
            unnested(call("pg_regexp_split", args.to_vec()))
        }
        // The whole match, whatever groups there are.
        ("regexp_substr", [value, pattern]) => {
            let group = call(
                "concat",
                vec![text("(".into()), pattern.clone(), text(")".into())],
            );
            substring_by(value.clone(), group)
        }
        _ => return None,
    })
}

/// `substring(x FROM pattern)`: the first group that matches, or all that does.
pub(super) fn substring_by(value: Expr, pattern: Expr) -> Expr {
    let pattern = call("pg_regex", vec![pattern]);
    call(
        "array_element",
        vec![
            call_of("regexp_match", vec![value, pattern]),
            Expr::Value(Value::Number("1".to_owned(), false).into()),
        ],
    )
}
