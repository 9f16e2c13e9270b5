//! Casts: to names of objects, to text, to times, to numbers.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CastKind, CharacterLength, DataType, ExactNumberInfo, Expr,
    Ident, Query, SelectItem, SetExpr, TimezoneInfo, UnaryOperator, Value,
};

use super::arrays::array_like;
use super::names::is_single;
use super::{call, compare, is_placeholder, string, text};

/// A column that is cast to `regclass` and the like is shown by its name.
pub(super) fn show_objects(query: &mut Query) {
    if let SetExpr::Select(select) = query.body.as_mut() {
        for item in &mut select.projection {
            if let SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr) = item
                && let Some(kind) = object_cast(expr)
            {
                let object = std::mem::replace(expr, Expr::Identifier(Ident::new("")));
                *expr = call(&format!("{kind}_out"), vec![object]);
            }
        }
    }
}

/// Columns of `pg_type` that are functions, and are shown by name.
fn is_procedure(column: &Ident) -> bool {
    [
        "typinput",
        "typoutput",
        "typreceive",
        "typsend",
        "typmodin",
        "typmodout",
        "typanalyze",
        "typsubscript",
    ]
    .iter()
    .any(|name| column.value.eq_ignore_ascii_case(name))
}

/// `regclass` of `x::regclass`, and so on.
fn object_cast(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Cast { data_type, .. } => object_kind(data_type),
        Expr::Nested(inner) => object_cast(inner),
        Expr::Identifier(name) => is_procedure(name).then_some("regproc"),
        Expr::CompoundIdentifier(parts) => is_procedure(parts.last()?).then_some("regproc"),
        Expr::Function(function) => match function.name.to_string().to_ascii_lowercase().as_str() {
            "to_regclass" => Some("regclass"),
            "to_regtype" => Some("regtype"),
            "to_regnamespace" => Some("regnamespace"),
            "to_regrole" => Some("regrole"),
            _ => None,
        },
        _ => None,
    }
}

fn object_kind(data_type: &DataType) -> Option<&'static str> {
    let name = match data_type {
        DataType::Regclass => "regclass".to_owned(),
        DataType::Custom(name, arguments) if arguments.is_empty() => {
            name.0.last()?.as_ident()?.value.to_ascii_lowercase()
        }
        _ => return None,
    };
    Some(match name.as_str() {
        "regclass" => "regclass",
        "regtype" => "regtype",
        "regnamespace" => "regnamespace",
        "regrole" => "regrole",
        "regproc" => "regproc",
        "regprocedure" => "regprocedure",
        "regoper" | "regoperator" => "regoper",
        _ => return None,
    })
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Text | DataType::Varchar(_) | DataType::CharacterVarying(_) => true,
        DataType::Custom(name, _) => name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .is_some_and(|ident| ident.value.eq_ignore_ascii_case("text")),
        _ => false,
    }
}

pub(super) fn rewritten_cast(inner: &mut Box<Expr>, data_type: &DataType) -> Option<Expr> {
    let take =
        |expr: &mut Box<Expr>| std::mem::replace(&mut **expr, Expr::Identifier(Ident::new("")));
    if let Some(kind) = object_kind(data_type) {
        return Some(call(&format!("{kind}_in"), vec![take(inner)]));
    }
    if is_text(data_type)
        && let Some(kind) = object_cast(inner)
    {
        return Some(call(&format!("{kind}_out"), vec![take(inner)]));
    }
    if let Some(moment) = string(inner).and_then(|word| moment(word, data_type)) {
        return Some(moment);
    }
    match data_type {
        DataType::Array(ArrayElemTypeDef::SquareBracket(item, _)) if string(inner).is_some() => {
            let one = cast_null(item.as_ref().clone());
            let literal = take(inner);
            **inner = array_like(literal, one);
        }
        DataType::Interval { .. } if string(inner).is_some() => {
            return Some(call("pg_interval", vec![take(inner)]));
        }
        // Written as a number it would pass through a decimal, and lose digits.
        DataType::DoublePrecision | DataType::Float8 | DataType::Double(_) | DataType::Float(_)
            if !is_single(data_type) =>
        {
            if let Some(digits) = number(inner) {
                **inner = text(digits);
            }
        }
        DataType::Uuid => return Some(call("pg_uuid", vec![take(inner)])),
        DataType::JSON => return Some(call("pg_json", vec![take(inner)])),
        DataType::JSONB => return Some(call("pg_jsonb", vec![take(inner)])),
        data_type if limited(data_type).is_some() => {
            let value = take(inner);
            let value = if is_placeholder(&value) {
                as_text(value)
            } else {
                call("pg_text", vec![value])
            };
            let length = limited(data_type).unwrap_or_default().to_string();
            let length = Expr::Value(Value::Number(length, false).into());
            return Some(call("pg_varchar", vec![value, length]));
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
            **inner = call("pg_decimal", vec![value]);
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
            **inner = call("pg_round_items", vec![value]);
        }
        data_type if is_integer(data_type) && !is_rounded(inner) => {
            let value = take(inner);
            **inner = call("pg_round_int", vec![value]);
        }
        _ => {}
    }
    None
}

/// A time of so many digits of a second, if they are told.
fn in_digits(time: Expr, digits: Option<u64>) -> Expr {
    match digits {
        Some(digits @ 0..=5) => {
            let digits = Expr::Value(Value::Number(digits.to_string(), false).into());
            call("pg_time_digits", vec![time, digits])
        }
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

fn as_text(expr: Expr) -> Expr {
    cast(expr, DataType::Text)
}

/// No value of a type.
fn cast_null(data_type: DataType) -> Expr {
    cast(Expr::Value(Value::Null.into()), data_type)
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::DoubleColon,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
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
        DataType::Custom(name, _) => {
            let last = name.0.last().and_then(|part| part.as_ident());
            last.is_some_and(|ident| ident.value.eq_ignore_ascii_case("numeric"))
        }
        _ => false,
    }
}

/// `numeric`, of however many digits.
fn is_unlimited_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => {
            *info == ExactNumberInfo::None
        }
        DataType::Custom(name, arguments) => {
            let last = name.0.last().and_then(|part| part.as_ident());
            arguments.is_empty()
                && last.is_some_and(|ident| ident.value.eq_ignore_ascii_case("numeric"))
        }
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
    let number = Expr::Value(Value::Number(format!("{whole}{unsigned}{point}"), false).into());
    Some(if digits.starts_with('-') {
        Expr::Nested(Box::new(Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr: Box::new(number),
        }))
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
    let days = Expr::Value(Value::Number(days.to_string(), false).into());
    let day = compare(call("current_date", vec![]), BinaryOperator::Plus, days);
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

/// The digits of a number.
fn number(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => Some(digits.clone()),
            _ => None,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => number(expr).map(|digits| format!("-{digits}")),
        _ => None,
    }
}
