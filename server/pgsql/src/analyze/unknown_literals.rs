//! Literals that are written as a text, beside an operand of a type: `'5' + 3`, `at - '2026-01-01'`, `since > '1 day'`.
//!
//! PostgreSQL takes such a literal for a value of the other operand's type, if there is an operator of two such values,
//! and else for one that there is an operator of.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, cast, lit};
use datafusion::scalar::ScalarValue;

use super::kinds::Kind;
use super::operators::{PgOperators, call};
use crate::error::{PgError, code};
use crate::functions::raise;
use crate::params::{array_elements, parse_boolean};

/// Which side of an operator a literal stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl PgOperators {
    /// The literal as a value of the type that it is taken for; none where DataFusion finds that itself.
    pub(super) fn meant(
        &self,
        literal: &Expr,
        side: Side,
        operator: Operator,
        (other, other_type): (Kind, &DataType),
    ) -> Result<Option<Expr>> {
        use Operator as O;
        let functions = &self.functions;
        let literal = literal.clone();
        Ok(Some(match (operator, other) {
            (O::Plus | O::Minus, Kind::Interval) => call(&functions.interval, vec![literal]),
            (O::Plus, Kind::Instant | Kind::Local | Kind::Time) => {
                call(&functions.interval, vec![literal])
            }
            (O::Multiply, Kind::Interval) => cast(literal, DataType::Float64),
            (O::Divide, Kind::Interval) if side == Side::Right => cast(literal, DataType::Float64),
            (O::Minus, Kind::Instant) => call(&functions.instant, vec![literal]),
            (O::Minus, Kind::Local) => call(&functions.local, vec![literal]),
            (O::Minus, Kind::Date) => call(&functions.date, vec![literal]),
            (O::Minus, Kind::Time) => call(&functions.time, vec![literal]),
            // Days, a length of time and a time can be added to a date.
            (O::Plus, Kind::Date) => return Err(not_unique(operator, ("date", "unknown"), side)),
            (O::Plus | O::Minus | O::Multiply | O::Divide | O::Modulo, number)
                if number.is_number() =>
            {
                cast(literal.clone(), number_type(&literal, other_type))
            }
            (O::Eq | O::NotEq | O::Lt | O::LtEq | O::Gt | O::GtEq, Kind::Interval) => {
                call(&functions.interval, vec![literal])
            }
            _ => return Ok(None),
        }))
    }
}

/// The error of an operator that a literal may be taken for more than one thing by.
pub(super) fn not_unique(
    operator: Operator,
    (other, literal): (&str, &str),
    side: Side,
) -> DataFusionError {
    let (left, right) = match side {
        Side::Left => (literal, other),
        Side::Right => (other, literal),
    };
    let error = PgError::new(
        "42725",
        format!("operator is not unique: {left} {operator} {right}"),
    )
    .hint("Could not choose a best candidate operator. You might need to add explicit type casts.");
    raise(error)
}

/// A decimal has the digits that the literal has.
pub(super) fn number_type(literal: &Expr, other: &DataType) -> DataType {
    if !other.is_decimal() {
        return other.clone();
    }
    let Expr::Literal(value, _) = literal else {
        return other.clone();
    };
    let text = value.try_as_str().flatten().unwrap_or_default().trim();
    let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
    DataType::Decimal128(38, i8::try_from(digits).unwrap_or(0).min(37))
}

/// A list that is compared with `'{…}'`, and that as a list.
pub(super) fn with_lists(left: &Expr, right: &Expr, schema: &DFSchema) -> Option<(Expr, Expr)> {
    if let Some(list) = as_list(right, left, schema) {
        return Some((left.clone(), list));
    }
    as_list(left, right, schema).map(|list| (list, right.clone()))
}

/// `cancelled = '0'`: the literal is a truth, as the column is.
pub(super) fn with_truths(
    left: &Expr,
    right: &Expr,
    schema: &DFSchema,
) -> Result<Option<(Expr, Expr)>> {
    if let Some(truth) = as_truth(right, left, schema)? {
        return Ok(Some((left.clone(), truth)));
    }
    Ok(as_truth(left, right, schema)?.map(|truth| (truth, right.clone())))
}

fn as_truth(literal: &Expr, other: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let Some(text) = written(literal) else {
        return Ok(None);
    };
    if other.get_type(schema)? != DataType::Boolean {
        return Ok(None);
    }
    truth(text).map(Some)
}

/// The text of a literal that is written as one.
pub(super) fn written(literal: &Expr) -> Option<&str> {
    match literal {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

/// A text as a truth.
pub(super) fn truth(text: &str) -> Result<Expr> {
    parse_boolean(text).map(lit).ok_or_else(|| {
        let error = PgError::new(
            code::INVALID_TEXT,
            format!("invalid input syntax for type boolean: \"{text}\""),
        );
        raise(error)
    })
}

fn as_list(literal: &Expr, list: &Expr, schema: &DFSchema) -> Option<Expr> {
    let text = written(literal)?;
    let DataType::List(item) = list.get_type(schema).ok()? else {
        return None;
    };
    list_of(text, item.data_type())
}

/// A text as a list of such items.
pub(super) fn list_of(text: &str, item: &DataType) -> Option<Expr> {
    let elements = array_elements(text)?
        .into_iter()
        .map(|element| ScalarValue::Utf8(element).cast_to(item).ok())
        .collect::<Option<Vec<_>>>()?;
    let list = ScalarValue::new_list_nullable(&elements, item);
    Some(lit(ScalarValue::List(list)))
}
