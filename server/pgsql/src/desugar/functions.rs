//! Calls of PostgreSQL's functions that are something else here, or have other arguments.

use datafusion::sql::sqlparser::ast::{
    Array, ArrayElemTypeDef, BinaryOperator, DataType, DateTimeField, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident, ObjectName, OrderByExpr,
    UnaryOperator, Value, ValueWithSpan,
};

use super::arrays::array_of_rows;
use super::json;
use super::moments;
use super::numbers::cast;
use super::regexes;
use super::{call, compare, distinct, empty_query, function, text};

/// What a call becomes; none where it stays, perhaps under another name.
pub(super) fn rewritten_function(function: &mut Function) -> Option<Expr> {
    let name = function
        .name
        .0
        .last()?
        .as_ident()?
        .value
        .to_ascii_lowercase();
    match (&mut function.args, name.as_str()) {
        (FunctionArguments::None, "user") => return Some(call("current_user", vec![])),
        (FunctionArguments::None, "current_catalog") => {
            return Some(call("current_database", vec![]));
        }
        (FunctionArguments::None, "current_user" | "session_user" | "current_role") => {
            return Some(call(&name, vec![]));
        }
        (FunctionArguments::Subquery(query), "array") => {
            let query = std::mem::replace(query, empty_query());
            return Some(array_of_rows(query));
        }
        _ => {}
    }
    if let Some(new) = moments::rewritten(function, &name) {
        return Some(new);
    }
    if let Some(new) = json::aggregate(function, &name) {
        return Some(new);
    }
    if let Some(new) = aggregate(function, &name) {
        return Some(new);
    }
    let count = arguments(function)?.len();
    let renamed = match (name.as_str(), count) {
        // PostgreSQL gives instants, DataFusion something else under the same name.
        ("to_timestamp", 1) => "pg_to_timestamp",
        ("to_timestamp", _) => "pg_to_timestamp_by",
        ("to_date", 2) => "pg_to_date",
        ("date", 1) => "pg_date",
        ("to_char", 2) => "pg_to_char",
        // What stays numeric, or has another number of digits.
        ("round", _) => "pg_round",
        ("trunc", _) => "pg_trunc",
        ("ceil" | "ceiling", 1) => "pg_ceil",
        ("floor", 1) => "pg_floor",
        ("sign", 1) => "pg_sign",
        ("ln", 1) => "pg_ln",
        ("log" | "log10", 1) => "pg_log",
        ("every", 1) => "bool_and",
        ("variance", 1) => "var_samp",
        ("to_hex", 1) => "pg_to_hex",
        ("array_length", 2) => "pg_array_length",
        ("array_replace", 3) => "array_replace_all",
        ("array_remove", 2) => "array_remove_all",
        // Of arguments of several types, while they are planned.
        ("coalesce", 1..) => "pg_coalesce",
        ("nullif", 2) => "pg_nullif",
        ("greatest", 1..) => "pg_greatest",
        ("least", 1..) => "pg_least",
        _ => "",
    };
    if !renamed.is_empty() {
        function.name = ObjectName::from(vec![Ident::new(renamed)]);
        return None;
    }
    scalar(function, &name)
}

/// The arguments of a call, if they are plain ones.
pub(super) fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    list.args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            FunctionArg::Named {
                arg: FunctionArgExpr::Expr(expr),
                ..
            }
            | FunctionArg::ExprNamed {
                arg: FunctionArgExpr::Expr(expr),
                ..
            } => Some(expr),
            _ => None,
        })
        .collect()
}

/// The functions that [`scalar`] knows, beside those of JSON and of regular expressions.
const SCALARS: &[&str] = &[
    "mod",
    "div",
    "cardinality",
    "array_ndims",
    "ntile",
    "array_position",
    "array_positions",
    "concat",
    "concat_ws",
    "encode",
    "array_to_string",
    "generate_series",
    "gen_random_uuid",
    "string_to_table",
    "substring",
    "substr",
    "make_interval",
    "text",
    "aclexplode",
];

fn scalar(function: &mut Function, name: &str) -> Option<Expr> {
    // As above: the arguments of others are not copied.
    if !(SCALARS.contains(&name) || name.contains("json") || name.starts_with("regexp_")) {
        return None;
    }
    let args: Vec<Expr> = arguments(function)?.into_iter().cloned().collect();
    let integer = |expr: Expr| cast(expr, DataType::Int4(None));
    Some(match (name, args.as_slice()) {
        ("aclexplode", [list]) => call("unnest", vec![call("pg_aclexplode", vec![list.clone()])]),
        ("mod", [a, b]) => Expr::Nested(Box::new(compare(
            nested(a.clone()),
            BinaryOperator::Modulo,
            nested(b.clone()),
        ))),
        ("div", [_, _]) => call(
            "pg_trunc",
            vec![call("pg_quotient", args), Expr::Value(number("0"))],
        ),
        ("cardinality" | "array_ndims", [_]) => integer(call_of(name, args)),
        ("array_position", _) => integer(call_of(name, args)),
        ("ntile", [_]) => {
            let mut hidden = function.clone();
            hidden.name = self::hidden("ntile");
            integer(Expr::Function(hidden))
        }
        ("array_positions", _) => cast(
            call_of(name, args),
            DataType::Array(ArrayElemTypeDef::SquareBracket(
                Box::new(DataType::Int4(None)),
                None,
            )),
        ),
        ("concat", _) => call_of(name, args.into_iter().map(out).collect()),
        ("concat_ws", [between, rest @ ..]) => {
            let mut all = vec![between.clone()];
            all.extend(rest.iter().cloned().map(out));
            call_of(name, all)
        }
        // PostgreSQL pads, and begins a line after 76 characters.
        ("encode", [value, format]) if super::string(format) == Some("base64") => call(
            "pg_lines",
            vec![
                call_of(name, vec![value.clone(), text("base64pad".into())]),
                Expr::Value(number("76")),
            ],
        ),
        ("array_to_string", [array, rest @ ..]) => {
            let mut all = vec![call("pg_item_texts", vec![array.clone()])];
            all.extend_from_slice(rest);
            call_of(name, all)
        }
        ("generate_series", _) => call("unnest", vec![call("pg_series", args)]),
        (json, _) if json.contains("json") => json::rewritten(json, &args)?,
        (regexp, _) if regexp.starts_with("regexp_") => regexes::rewritten(regexp, &args)?,
        ("gen_random_uuid", []) => call("pg_uuid", vec![call("uuid", args)]),
        ("string_to_table", [_, _] | [_, _, _]) => {
            call("unnest", vec![call("string_to_array", args)])
        }
        ("substring" | "substr", [value, pattern]) if super::string(pattern).is_some() => {
            regexes::substring_by(value.clone(), pattern.clone())
        }
        ("make_interval", _) => make_interval(function)?,
        ("text", [_]) => call("pg_text", args),
        _ => return None,
    })
}

/// `make_interval(days => 10)` with all its arguments in their places.
fn make_interval(function: &Function) -> Option<Expr> {
    const NAMES: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let mut places: [Expr; 7] = std::array::from_fn(|_| Expr::Value(number("0")));
    for (at, arg) in list.args.iter().enumerate() {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                *places.get_mut(at)? = expr.clone()
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
                let at = NAMES
                    .iter()
                    .position(|known| name.value.eq_ignore_ascii_case(known))?;
                places[at] = expr.clone();
            }
            _ => return None,
        }
    }
    Some(call("pg_make_interval", places.to_vec()))
}

/// A call that is not looked at again: it has what it needs.
pub(super) fn call_of(name: &str, args: Vec<Expr>) -> Expr {
    call(&format!("pg_catalog_{name}"), args)
}

/// The name that such a call has until it has been passed.
pub(super) fn hidden(name: &str) -> ObjectName {
    ObjectName::from(vec![Ident::new(format!("pg_catalog_{name}"))])
}

/// The name that [`call_of`] has hidden.
pub(super) fn unhidden(function: &mut Function) {
    if let Some(name) = function.name.to_string().strip_prefix("pg_catalog_") {
        function.name = ObjectName::from(vec![Ident::new(name)]);
    }
}

/// A value as a text, spelled as it is sent.
fn out(expr: Expr) -> Expr {
    if super::string(&expr).is_some() {
        expr
    } else {
        call("pg_out", vec![expr])
    }
}

fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

fn number(digits: &str) -> ValueWithSpan {
    Value::Number(digits.to_owned(), false).into()
}

/// Aggregates: sums that do not overflow, averages as PostgreSQL's, and what takes the rows in an order.
fn aggregate(function: &mut Function, name: &str) -> Option<Expr> {
    const NAMES: &[&str] = &[
        "sum",
        "avg",
        "array_agg",
        "string_agg",
        "percentile_disc",
        "mode",
        "percentile_cont",
    ];
    // What other calls have in them is not copied: that would be done again at each level of calls in calls.
    if !NAMES.contains(&name) {
        return None;
    }
    let one = match arguments(function)?.as_slice() {
        [one] => Some((*one).clone()),
        _ => None,
    };
    match (name, one) {
        ("sum", Some(value)) => {
            let FunctionArguments::List(list) = &mut function.args else {
                return None;
            };
            if !is_call(&value, "pg_summand") {
                let summand = call("pg_summand", vec![value]);
                list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(summand))];
            }
            None
        }
        ("avg", Some(_)) => {
            let of = |name: &str| {
                let mut part = function.clone();
                part.name = ObjectName::from(vec![Ident::new(name)]);
                Expr::Function(part)
            };
            Some(call("pg_quotient", vec![of("sum"), of("count")]))
        }
        ("array_agg" | "string_agg", _) => distinct::gathered(function, name),
        ("percentile_disc" | "mode" | "percentile_cont", one)
            if !function.within_group.is_empty() =>
        {
            in_order(function, name, one)
        }
        _ => None,
    }
}

/// `percentile_cont(f) WITHIN GROUP (ORDER BY x)` as an aggregate of ours.
fn percentile_cont(
    written: &Function,
    value: Expr,
    fraction: Expr,
    descending: bool,
) -> Option<Expr> {
    let descending = Expr::Value(Value::Boolean(descending).into());
    let Expr::Function(made) = call("pg_percentile_cont", vec![value, fraction, descending]) else {
        return None;
    };
    Some(Expr::Function(Function {
        filter: written.filter.clone(),
        over: written.over.clone(),
        ..made
    }))
}

/// `mode() WITHIN GROUP (ORDER BY x)` as a function of all that there is, in its order.
fn in_order(call_of: &Function, name: &str, fraction: Option<Expr>) -> Option<Expr> {
    let [
        OrderByExpr {
            expr: value,
            options,
            ..
        },
    ] = call_of.within_group.as_slice()
    else {
        return None;
    };
    if name == "percentile_cont" {
        return percentile_cont(
            call_of,
            value.clone(),
            fraction?,
            options.asc == Some(false),
        );
    }
    let order = OrderByExpr {
        expr: value.clone(),
        options: *options,
        with_fill: None,
    };
    let Expr::Function(mut gathered) = function(
        "array_agg",
        vec![value.clone()],
        vec![FunctionArgumentClause::OrderBy(vec![order])],
    ) else {
        return None;
    };
    let present = Expr::IsNotNull(Box::new(nested(value.clone())));
    gathered.filter = Some(Box::new(match &call_of.filter {
        Some(filter) => compare(nested((**filter).clone()), BinaryOperator::And, present),
        None => present,
    }));
    gathered.over.clone_from(&call_of.over);
    let mut args = vec![Expr::Function(gathered)];
    args.extend(fraction);
    Some(call(&format!("pg_{name}"), args))
}

fn is_call(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Function(function) if function.name.to_string() == name)
}

/// The field of `extract(year FROM x)`, which may be written as a text or a name in quotes.
pub(super) fn field_of(field: &DateTimeField) -> String {
    match field {
        DateTimeField::Custom(name) => name.value.to_lowercase(),
        other => other.to_string().to_lowercase(),
    }
}

/// `~x`, which DataFusion has not.
pub(super) fn inverted(expr: Expr) -> Expr {
    nested(compare(
        nested(expr),
        BinaryOperator::PGBitwiseXor,
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr: Box::new(Expr::Value(number("1"))),
        },
    ))
}

/// The elements of an array that is written out.
pub(super) fn elements(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Array(Array { elem, .. }) => Some(elem),
        Expr::Nested(inner) => elements(inner),
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("all") => {
            let FunctionArguments::List(list) = &function.args else {
                return None;
            };
            match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))] => elements(array),
                _ => None,
            }
        }
        _ => None,
    }
}
