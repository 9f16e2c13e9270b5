//! The kinds of values that operators tell apart.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, ExprSchemable};

use super::chains;

/// What operators tell types apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Instant,
    Local,
    Date,
    Interval,
    Time,
    Integer,
    Decimal,
    Float,
    /// A text that is written out, and may stand for anything.
    Text,
    /// A text that is one.
    Column,
    List,
    Truth,
    Other,
}

impl Kind {
    /// The kind of a type; a text is taken for a column.
    pub(super) fn of(data_type: &DataType) -> Kind {
        match data_type {
            DataType::Timestamp(_, Some(_)) => Kind::Instant,
            DataType::Timestamp(_, None) => Kind::Local,
            DataType::Date32 | DataType::Date64 => Kind::Date,
            DataType::Interval(_) | DataType::Duration(_) => Kind::Interval,
            DataType::Time32(_) | DataType::Time64(_) => Kind::Time,
            data_type if data_type.is_integer() => Kind::Integer,
            data_type if data_type.is_decimal() => Kind::Decimal,
            data_type if data_type.is_floating() => Kind::Float,
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => Kind::List,
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => Kind::Column,
            DataType::Boolean => Kind::Truth,
            _ => Kind::Other,
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Kind::Integer | Kind::Decimal | Kind::Float)
    }

    /// The one kind that stands for all whose types can be made one of another; none of one that is not told here.
    pub(super) fn family(self) -> Option<Kind> {
        match self {
            Kind::Integer | Kind::Decimal | Kind::Float => Some(Kind::Integer),
            Kind::Instant | Kind::Local | Kind::Date => Some(Kind::Date),
            Kind::Text | Kind::Column => Some(Kind::Column),
            Kind::Interval | Kind::Time | Kind::Truth | Kind::List => Some(self),
            Kind::Other => None,
        }
    }
}

/// What an expression is.
pub(super) fn kind(expr: &Expr, schema: &DFSchema) -> Kind {
    if let Expr::ScalarFunction(call) = expr
        && let Some(kind) = chains::kind(call)
    {
        return kind;
    }
    let of = expr.get_type(schema);
    match of.as_ref().map_or(Kind::Other, Kind::of) {
        Kind::Column if matches!(expr, Expr::Literal(..)) => Kind::Text,
        kind => kind,
    }
}
