//! Literals that are written as a text, beside an operand of a type: `'5' + 3`, `at - '2026-01-01'`, `since > '1 day'`.
//!
//! PostgreSQL takes such a literal for a value of the other operand's type, if there is an operator of two such values,
//! and else for one that there is an operator of.

use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, Operator, cast};

use super::super::error::PgError;
use super::operators::{Kind, PgOperators, call};

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
            (O::Minus, Kind::Instant) => call(&self.to_instant, vec![literal]),
            (O::Minus, Kind::Local) => call(&self.to_local, vec![literal]),
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
    DataFusionError::External(Box::new(error))
}

/// A decimal has the digits that the literal has.
fn number_type(literal: &Expr, other: &DataType) -> DataType {
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
