//! Calls of PostgreSQL's functions that are something else here, or have other arguments.

use std::ops::RangeInclusive;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident,
};

use super::ast::{
    arguments, bare_function, binary, call, cast, nested, number, object, string, take, text,
};
use super::{AstPass, Step};

pub(super) const SESSION_WORDS: AstPass = AstPass {
    name: "session-words",
    bridges: "DataFusion has no words that are calls without parentheses, as CURRENT_USER and current_schema",
    run: &[
        Step::Call(|function, name| {
            if !matches!(function.args, FunctionArguments::None) {
                return None;
            }
            let name = match name {
                "user" => "current_user",
                "current_catalog" => "current_database",
                "current_user" | "session_user" | "current_role" => name,
                _ => return None,
            };
            Some(call(name, vec![]))
        }),
        Step::Expr(|expr| match expr {
            Expr::Identifier(word) if is_session_word(word) => {
                Some(call(&word.value.to_ascii_lowercase(), vec![]))
            }
            _ => None,
        }),
    ],
};

/// Returns whether a name is one of PostgreSQL's words that stand for a call and are no keywords to the parser.
pub(super) fn is_session_word(word: &Ident) -> bool {
    let words = ["current_schema", "current_role"];
    word.quote_style.is_none()
        && words
            .iter()
            .any(|known| word.value.eq_ignore_ascii_case(known))
}

pub(super) const RENAMED: AstPass = AstPass {
    name: "renamed-functions",
    bridges: "DataFusion's functions of these names answer otherwise, and the engine's own relations keep theirs",
    run: &[Step::Call(|function, name| {
        let count = arguments(function)?.len();
        let of_name = |(known, counts, _): &&Renamed| *known == name && counts.contains(&count);
        let (_, _, ours) = NAMES.iter().find(of_name)?;
        function.name = object(ours);
        None
    })],
};

/// PostgreSQL's name, of so many arguments, and ours.
type Renamed = (&'static str, RangeInclusive<usize>, &'static str);

const ANY: RangeInclusive<usize> = 0..=usize::MAX;
const SOME: RangeInclusive<usize> = 1..=usize::MAX;

const NAMES: &[Renamed] = &[
    // PostgreSQL gives instants, DataFusion something else under the same name.
    ("to_timestamp", 1..=1, "pg_to_timestamp"),
    ("to_timestamp", ANY, "pg_to_timestamp_by"),
    ("to_date", 2..=2, "pg_to_date"),
    ("date", 1..=1, "pg_date"),
    ("to_char", 2..=2, "pg_to_char"),
    ("ceiling", 1..=1, "ceil"),
    ("log", 1..=1, "pg_log"),
    ("log10", 1..=1, "pg_log"),
    ("every", 1..=1, "bool_and"),
    ("variance", 1..=1, "var_samp"),
    ("array_length", 2..=2, "pg_array_length"),
    ("array_replace", 3..=3, "array_replace_all"),
    ("array_remove", 2..=2, "array_remove_all"),
    ("text", 1..=1, "pg_text"),
    // Of arguments of several types, while they are planned.
    ("coalesce", SOME, "pg_coalesce"),
    ("nullif", 2..=2, "pg_nullif"),
    ("greatest", SOME, "pg_greatest"),
    ("least", SOME, "pg_least"),
];

pub(super) const COMPOSED: AstPass = AstPass {
    name: "composed-functions",
    bridges: "DataFusion lacks these functions, or calls them operators",
    run: &[Step::Call(composed)],
};

fn composed(function: &mut Function, name: &str) -> Option<Expr> {
    Some(match name {
        "aclexplode" => {
            let args = arguments_of(function, 1..=1)?;
            call("unnest", vec![call("pg_aclexplode", args)])
        }
        "mod" => {
            let mut args = arguments_of(function, 2..=2)?.into_iter().map(nested);
            nested(binary(args.next()?, BinaryOperator::Modulo, args.next()?))
        }
        "div" => {
            let quotient = call("pg_quotient", arguments_of(function, 2..=2)?);
            call("trunc", vec![quotient, number("0")])
        }
        "generate_series" => {
            let series = call("pg_series", arguments_of(function, ANY)?);
            call("unnest", vec![series])
        }
        "gen_random_uuid" => {
            let args = arguments_of(function, 0..=0)?;
            call("pg_uuid", vec![call("uuid", args)])
        }
        "string_to_table" => {
            let args = arguments_of(function, 2..=3)?;
            call("unnest", vec![call("string_to_array", args)])
        }
        "substring" | "substr" => {
            let pattern = arguments(function)?.get(1).copied();
            string(pattern?)?;
            call("pg_regexp_part", arguments_of(function, 2..=2)?)
        }
        _ => return None,
    })
}

pub(super) const RESULTS: AstPass = AstPass {
    name: "result-types",
    bridges: "DataFusion counts in eight bytes, and without signs",
    run: &[Step::AfterCall(|function, name| {
        let to = match (name, arguments(function)?.len()) {
            ("cardinality" | "array_ndims" | "ntile", 1) | ("array_position", _) => {
                DataType::Int4(None)
            }
            ("array_positions", _) => {
                let item = Box::new(DataType::Int4(None));
                DataType::Array(ArrayElemTypeDef::SquareBracket(item, None))
            }
            _ => return None,
        };
        let counted = std::mem::replace(function, bare_function(""));
        Some(cast(Expr::Function(counted), to))
    })],
};

pub(super) const SPELLED: AstPass = AstPass {
    name: "spelled-arguments",
    bridges: "DataFusion's texts of other values are spelled otherwise, and its base64 has neither padding nor lines",
    run: &[Step::AfterCall(|function, name| {
        let spelled = match name {
            "concat" => {
                let args = arguments_of(function, ANY)?;
                args.into_iter().map(spelled).collect()
            }
            "concat_ws" => {
                let mut args = arguments_of(function, SOME)?.into_iter();
                args.next().into_iter().chain(args.map(spelled)).collect()
            }
            "array_to_string" => {
                let mut args = arguments_of(function, SOME)?;
                args[0] = call("pg_item_texts", vec![take(&mut args[0])]);
                args
            }
            "encode" => {
                let format = arguments(function)?
                    .get(1)
                    .and_then(|format| string(format));
                if format != Some("base64") {
                    return None;
                }
                let mut args = arguments_of(function, 2..=2)?;
                args[1] = text("base64pad");
                let length = cast(number("76"), DataType::Int4(None));
                return Some(call("pg_lines", vec![call(name, args), length]));
            }
            _ => return None,
        };
        Some(call(name, spelled))
    })],
};

/// A value as a text, spelled as it is sent.
fn spelled(expr: Expr) -> Expr {
    if string(&expr).is_some() {
        expr
    } else {
        call("pg_out", vec![expr])
    }
}

pub(super) const MAKE_INTERVAL: AstPass = AstPass {
    name: "make-interval",
    bridges: "DataFusion has no functions whose arguments have both names and defaults",
    run: &[Step::Call(make_interval)],
};

/// `make_interval(days => 10)` with all its arguments in their places.
fn make_interval(function: &mut Function, name: &str) -> Option<Expr> {
    const NAMES: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    if name != "make_interval" {
        return None;
    }
    let mut places: [Expr; 7] = std::array::from_fn(|_| number("0"));
    for (at, arg) in list.args.iter().enumerate() {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                *places.get_mut(at)? = expr.clone();
            }
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(expr),
                ..
            }
            | FunctionArg::ExprNamed {
                name: Expr::Identifier(name),
                arg: FunctionArgExpr::Expr(expr),
                ..
            } => {
                let named = |known: &&str| name.value.eq_ignore_ascii_case(known);
                let (_, place) = NAMES
                    .iter()
                    .zip(&mut places)
                    .find(|(known, _)| named(known))?;
                *place = expr.clone();
            }
            _ => return None,
        }
    }
    Some(call("pg_make_interval", places.to_vec()))
}

/// Returns the arguments of a call that has so many.
pub(super) fn arguments_of(
    function: &Function,
    counts: RangeInclusive<usize>,
) -> Option<Vec<Expr>> {
    let args = arguments(function)?;
    counts
        .contains(&args.len())
        .then(|| args.into_iter().cloned().collect())
}

#[cfg(test)]
rewrites! {
    SESSION_WORDS words_become_calls r#"
        user ~> current_user()
        current_catalog ~> current_database()
        current_schema ~> current_schema()
        current_role ~> current_role()
        "current_schema" ~> "current_schema"
    "#
    RENAMED functions_are_ours r"
        round(x, 2) ~> round(x, 2)
        ceiling(x) ~> ceil(x)
        coalesce(a, b) ~> pg_coalesce(a, b)
        to_timestamp(a) ~> pg_to_timestamp(a)
        to_timestamp(a, b) ~> pg_to_timestamp_by(a, b)
        abs(x) ~> abs(x)
    "
    COMPOSED functions_are_put_together r"
        mod(a, b) ~> ((a) % (b))
        div(a, b) ~> trunc(pg_quotient(a, b), 0)
        generate_series(1, 3) ~> unnest(pg_series(1, 3))
        gen_random_uuid() ~> pg_uuid(uuid())
        string_to_table(a, ',') ~> unnest(string_to_array(a, ','))
    "
    RESULTS counts_are_int4 r"
        cardinality(a) ~> CAST(cardinality(a) AS INT4)
        array_positions(a, 1) ~> CAST(array_positions(a, 1) AS INT4[])
        ntile(4) OVER (ORDER BY x) ~> CAST(ntile(4) OVER (ORDER BY x) AS INT4)
    "
    SPELLED arguments_are_spelled_as_they_are_sent r"
        concat(a, 'b') ~> concat(pg_out(a), 'b')
        concat_ws(',', a, b) ~> concat_ws(',', pg_out(a), pg_out(b))
        array_to_string(a, ',', '*') ~> array_to_string(pg_item_texts(a), ',', '*')
        encode(a, 'base64') ~> pg_lines(encode(a, 'base64pad'), CAST(76 AS INT4))
        encode(a, 'hex') ~> encode(a, 'hex')
    "
    MAKE_INTERVAL all_arguments_stand_in_their_places r"
        make_interval(1, days => 2) ~> pg_make_interval(1, 0, 0, 2, 0, 0, 0)
        make_interval(hours => 3) ~> pg_make_interval(0, 0, 0, 0, 3, 0, 0)
    "
}
