//! What the time is, in PostgreSQL's many words for it, and instants that are put together.

use datafusion::sql::sqlparser::ast::{Expr, Function, FunctionArguments};

use super::functions::arguments;
use super::{call, text};

/// The time by a word that may stand without parentheses, and may tell the digits of its seconds.
pub(super) fn now(word: &str, digits: Option<&Expr>) -> Option<Expr> {
    let now = || call("now", Vec::new());
    let moment = match word {
        "localtimestamp" => call("pg_timestamp", vec![now()]),
        "localtime" => call("pg_time", vec![now()]),
        "current_timestamp" if digits.is_some() => now(),
        _ => return None,
    };
    Some(match digits {
        Some(digits) => call("pg_time_digits", vec![moment, digits.clone()]),
        None => moment,
    })
}

/// What a call becomes.
pub(super) fn rewritten(function: &Function, name: &str) -> Option<Expr> {
    if matches!(function.args, FunctionArguments::None) {
        return now(name, None);
    }
    let args = arguments(function)?;
    Some(match (name, args.as_slice()) {
        ("localtimestamp" | "localtime" | "current_timestamp", [digits]) => {
            return now(name, Some(digits));
        }
        ("statement_timestamp" | "transaction_timestamp", []) => call("now", Vec::new()),
        ("timeofday", []) => call(
            "pg_to_char",
            vec![
                call("clock_timestamp", Vec::new()),
                text("Dy Mon DD HH24:MI:SS.US YYYY TZ".to_owned()),
            ],
        ),
        ("make_timestamptz", [parts @ .., zone]) if parts.len() == 6 => {
            let parts = parts.iter().map(|part| (*part).clone()).collect();
            call(
                "timezone",
                vec![(*zone).clone(), call("make_timestamp", parts)],
            )
        }
        ("make_timestamptz", [_, _, _, _, _, _]) => {
            let parts = args.into_iter().cloned().collect();
            call("pg_timestamptz", vec![call("make_timestamp", parts)])
        }
        _ => return None,
    })
}
