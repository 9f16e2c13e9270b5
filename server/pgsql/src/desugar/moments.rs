//! What the time is, in PostgreSQL's many words for it, and instants that are put together.

use datafusion::sql::sqlparser::ast::{Expr, Function, FunctionArguments};

use super::ast::{arguments, call, text};
use super::functions::arguments_of;
use super::{AstPass, Step};

pub(super) const PASS: AstPass = AstPass {
    name: "time-words",
    bridges: "DataFusion knows now() alone, of nanoseconds, and makes no instants of parts",
    run: &[
        Step::Call(rewritten),
        Step::Expr(|expr| match expr {
            Expr::Identifier(word) if word.quote_style.is_none() => {
                now(&word.value.to_ascii_lowercase(), None)
            }
            _ => None,
        }),
    ],
};

/// The time by a word that may stand without parentheses, and may tell the digits of its seconds.
fn now(word: &str, digits: Option<&Expr>) -> Option<Expr> {
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

fn rewritten(function: &mut Function, name: &str) -> Option<Expr> {
    if matches!(function.args, FunctionArguments::None) {
        return now(name, None);
    }
    Some(match (name, arguments(function)?.as_slice()) {
        ("localtimestamp" | "localtime" | "current_timestamp", [digits]) => {
            return now(name, Some(digits));
        }
        ("statement_timestamp" | "transaction_timestamp", []) => call("now", Vec::new()),
        ("timeofday", []) => {
            let now = call("clock_timestamp", Vec::new());
            call(
                "pg_to_char",
                vec![now, text("Dy Mon DD HH24:MI:SS.US YYYY TZ")],
            )
        }
        ("make_timestamptz", args) if matches!(args.len(), 6 | 7) => {
            let mut parts = arguments_of(function, 6..=7)?;
            let zone = parts.drain(6..).next();
            let local = call("make_timestamp", parts);
            match zone {
                Some(zone) => call("timezone", vec![zone, local]),
                None => call("pg_timestamptz", vec![local]),
            }
        }
        _ => return None,
    })
}

#[cfg(test)]
rewrites! {
    PASS words_for_the_time_are_calls r"
        localtime ~> pg_time(now())
        localtimestamp(2) ~> pg_time_digits(pg_timestamp(now()), 2)
        statement_timestamp() ~> now()
        make_timestamptz(2026, 1, 2, 3, 4, 5, 'UTC') ~> timezone('UTC', make_timestamp(2026, 1, 2, 3, 4, 5))
        make_timestamptz(2026, 1, 2, 3, 4, 5) ~> pg_timestamptz(make_timestamp(2026, 1, 2, 3, 4, 5))
        now() ~> now()
    "
}
