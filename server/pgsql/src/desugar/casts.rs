//! Casts: to text, to times, to numbers.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CharacterLength, DataType, ExactNumberInfo, Expr, ObjectName,
    TimezoneInfo, UnaryOperator,
};

use super::array_literals::array_like;
use super::ast::{
    binary, call, cast, digits, is_placeholder, last, nested, null, number, string, take, text,
};
use super::names::is_single;
use super::{AstPass, Step};

pub(super) const MOMENTS: AstPass = AstPass {
    name: "moment-literals",
    bridges: "DataFusion has no 'today'::date, which the statement's own time decides",
    run: &[Step::Expr(|expr| {
        at_cast(expr, |value, data_type| moment(string(value)?, data_type))
    })],
};

pub(super) const PASS: AstPass = AstPass {
    name: "casts",
    bridges: "DataFusion's casts read and spell values otherwise, and cut where PostgreSQL rounds",
    run: &[Step::Expr(|expr| at_cast(expr, rewritten))],
};

/// Rewrites a cast, however it is written, by its operand and its type.
pub(super) fn at_cast(
    expr: &mut Expr,
    rewrite: impl Fn(&mut Expr, &DataType) -> Option<Expr>,
) -> Option<Expr> {
    match expr {
        Expr::Cast {
            expr, data_type, ..
        } => rewrite(expr, data_type),
        Expr::TypedString(typed) => {
            rewrite(&mut Expr::Value(typed.value.clone()), &typed.data_type)
        }
        _ => None,
    }
}

pub(super) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Text | DataType::Varchar(_) | DataType::CharacterVarying(_) => true,
        DataType::Custom(name, _) => is_named(name, "text"),
        _ => false,
    }
}

fn is_named(name: &ObjectName, word: &str) -> bool {
    last(name).is_some_and(|ident| ident.value.eq_ignore_ascii_case(word))
}

fn rewritten(inner: &mut Expr, data_type: &DataType) -> Option<Expr> {
    match data_type {
        DataType::Array(ArrayElemTypeDef::SquareBracket(item, _)) if string(inner).is_some() => {
            let one = cast(null(), item.as_ref().clone());
            let literal = take(inner);
            *inner = array_like(literal, one);
        }
        DataType::Interval { .. } if string(inner).is_some() => {
            return Some(call("pg_interval", vec![take(inner)]));
        }
        // Written as a number it would pass through a decimal, and lose digits.
        DataType::DoublePrecision | DataType::Float8 | DataType::Double(_) | DataType::Float(_)
            if !is_single(data_type) =>
        {
            if let Some(digits) = signed_digits(inner) {
                *inner = text(digits);
            }
        }
        DataType::Uuid => return Some(call("pg_uuid", vec![take(inner)])),
        DataType::JSON => return Some(call("pg_json", vec![take(inner)])),
        DataType::JSONB => return Some(call("pg_jsonb", vec![take(inner)])),
        data_type if limited(data_type).is_some() => {
            let value = take(inner);
            let value = if is_placeholder(&value) {
                cast(value, DataType::Text)
            } else {
                call("pg_text", vec![value])
            };
            let length = limited(data_type).unwrap_or_default().to_string();
            return Some(call("pg_varchar", vec![value, number(length)]));
        }
        // A parameter has the type that it is cast to.
        _ if is_placeholder(inner) => {}
        DataType::Varchar(None) | DataType::CharacterVarying(None) => {
            let value = call("pg_text", vec![take(inner)]);
            return Some(call("pg_varchar", vec![value]));
        }
        data_type if is_text(data_type) => return Some(call("pg_text", vec![take(inner)])),
        data_type if is_unlimited_number(data_type) => {
            return Some(match string(inner).and_then(number_of) {
                Some(number) => number,
                None => call("pg_numeric", vec![take(inner)]),
            });
        }
        // Floats are rounded to the digits that they surely have before they are rounded to those of the type.
        data_type if is_number(data_type) && !is_rounded(inner) => {
            let value = take(inner);
            *inner = call("pg_decimal", vec![value]);
        }
        DataType::Boolean | DataType::Bool if string(inner).is_some() => {
            return Some(call("pg_bool", vec![take(inner)]));
        }
        DataType::Time(digits, _) => {
            return Some(in_digits(call("pg_time", vec![take(inner)]), *digits));
        }
        DataType::Bytea => return Some(call("pg_bytea", vec![take(inner)])),
        DataType::Date => return Some(call("pg_date", vec![take(inner)])),
        DataType::Timestamp(digits, zone) => {
            let with_zone = matches!(zone, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone);
            let name = if with_zone {
                "pg_timestamptz"
            } else {
                "pg_timestamp"
            };
            return Some(in_digits(call(name, vec![take(inner)]), *digits));
        }
        DataType::Array(ArrayElemTypeDef::SquareBracket(item, _)) if is_integer(item) => {
            let value = take(inner);
            *inner = call("pg_round_items", vec![value]);
        }
        data_type if is_integer(data_type) && !is_rounded(inner) => {
            let value = take(inner);
            *inner = call("pg_round_int", vec![value]);
        }
        _ => {}
    }
    None
}

/// A time of so many digits of a second, if they are told.
fn in_digits(time: Expr, digits: Option<u64>) -> Expr {
    match digits {
        Some(digits @ 0..=5) => call("pg_time_digits", vec![time, number(digits.to_string())]),
        _ => time,
    }
}

fn is_integer(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int(_)
            | DataType::Integer(_)
            | DataType::Int4(_)
            | DataType::BigInt(_)
            | DataType::Int8(_)
            | DataType::SmallInt(_)
            | DataType::Int2(_)
    )
}

/// It has been seen to, or needs no rounding.
fn is_rounded(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => {
            matches!(
                function.name.to_string().as_str(),
                "pg_round_int" | "pg_decimal"
            )
        }
        other => string(other).is_some(),
    }
}

/// `n` of `varchar(n)` and `char(n)`.
fn limited(data_type: &DataType) -> Option<u64> {
    match data_type {
        DataType::Char(None) | DataType::Character(None) => Some(1),
        DataType::Varchar(Some(length))
        | DataType::CharacterVarying(Some(length))
        | DataType::CharVarying(Some(length))
        | DataType::Char(Some(length))
        | DataType::Character(Some(length)) => match length {
            CharacterLength::IntegerLength { length, .. } => Some(*length),
            CharacterLength::Max => None,
        },
        _ => None,
    }
}

/// `numeric`, with or without its digits.
fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => true,
        DataType::Custom(name, _) => is_named(name, "numeric"),
        _ => false,
    }
}

/// `numeric`, of however many digits.
fn is_unlimited_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => {
            *info == ExactNumberInfo::None
        }
        DataType::Custom(name, arguments) => arguments.is_empty() && is_named(name, "numeric"),
        _ => false,
    }
}

/// A text as the number that it is, with all its digits.
fn number_of(literal: &str) -> Option<Expr> {
    let digits = literal.trim();
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if unsigned.len() > 38
        || !plain(whole)
        || !plain(fraction)
        || unsigned.is_empty()
        || unsigned == "."
    {
        return None;
    }
    let point = if unsigned.contains('.') { "" } else { "." };
    let whole = if whole.is_empty() { "0" } else { "" };
    let number = number(format!("{whole}{unsigned}{point}"));
    Some(if digits.starts_with('-') {
        nested(Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr: Box::new(number),
        })
    } else {
        number
    })
}

/// `'today'::date` and the like, which the statement's own time decides.
fn moment(word: &str, data_type: &DataType) -> Option<Expr> {
    let is_time = matches!(data_type, DataType::Date | DataType::Timestamp(..));
    let days = match word.trim().to_ascii_lowercase().as_str() {
        _ if !is_time => return None,
        "now" => return Some(of_type(call("now", vec![]), data_type)),
        "today" => 0,
        "tomorrow" => 1,
        "yesterday" => -1,
        _ => return None,
    };
    let days = number(days.to_string());
    let day = binary(call("current_date", vec![]), BinaryOperator::Plus, days);
    Some(of_type(day, data_type))
}

fn of_type(expr: Expr, data_type: &DataType) -> Expr {
    let zoned = TimezoneInfo::Tz;
    let name = match data_type {
        DataType::Date => "pg_date",
        DataType::Timestamp(_, zone) if *zone == zoned || *zone == TimezoneInfo::WithTimeZone => {
            "pg_timestamptz"
        }
        _ => "pg_timestamp",
    };
    call(name, vec![expr])
}

/// The digits of a number, with its sign.
fn signed_digits(expr: &Expr) -> Option<String> {
    match expr {
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => signed_digits(expr).map(|digits| format!("-{digits}")),
        expr => digits(expr).map(str::to_owned),
    }
}

#[cfg(test)]
rewrites! {
    MOMENTS moments_are_the_statements r"
        'today'::date ~> pg_date(current_date() + 0)
        timestamptz 'now' ~> pg_timestamptz(now())
        'tomorrow'::timestamp ~> pg_timestamp(current_date() + 1)
        'today'::text ~> 'today'::TEXT
    "
    PASS values_are_read_and_rounded r"
        x::text ~> pg_text(x)
        x::varchar(3) ~> pg_varchar(pg_text(x), 3)
        x::int ~> pg_round_int(x)::INT
        '5'::int ~> '5'::INT
        x::numeric ~> pg_numeric(x)
        '1.50'::numeric ~> 1.50
        x::numeric(10, 2) ~> pg_decimal(x)::NUMERIC(10,2)
        x::timestamptz(3) ~> pg_time_digits(pg_timestamptz(x), 3)
        DATE '2026-01-01' ~> pg_date('2026-01-01')
        '{1,2}'::int[] ~> pg_array_like('{1,2}', CAST(pg_round_int(NULL) AS INT))::INT[]
        1.5::float8 ~> '1.5'::FLOAT8
        $1::int ~> $1::INT
        x::jsonb ~> pg_jsonb(x)
        't'::bool ~> pg_bool('t')
    "
}
