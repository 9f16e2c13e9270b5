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
    Other,
}

impl Kind {
    pub(super) fn is_number(self) -> bool {
        matches!(self, Kind::Integer | Kind::Decimal | Kind::Float)
    }
}

/// What an expression is.
pub(super) fn kind(expr: &Expr, schema: &DFSchema) -> Kind {
    if let Expr::ScalarFunction(call) = expr
        && let Some(kind) = chains::kind(call)
    {
        return kind;
    }
    match expr.get_type(schema) {
        Ok(DataType::Timestamp(_, Some(_))) => Kind::Instant,
        Ok(DataType::Timestamp(_, None)) => Kind::Local,
        Ok(DataType::Date32 | DataType::Date64) => Kind::Date,
        Ok(DataType::Interval(_) | DataType::Duration(_)) => Kind::Interval,
        Ok(DataType::Time32(_) | DataType::Time64(_)) => Kind::Time,
        Ok(data_type) if data_type.is_integer() => Kind::Integer,
        Ok(data_type) if data_type.is_decimal() => Kind::Decimal,
        Ok(data_type) if data_type.is_floating() => Kind::Float,
        Ok(DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)) => Kind::List,
        Ok(DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
            if matches!(expr, Expr::Literal(..)) =>
        {
            Kind::Text
        }
        Ok(DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8) => Kind::Column,
        _ => Kind::Other,
    }
}
