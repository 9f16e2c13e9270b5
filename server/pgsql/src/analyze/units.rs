//! Operands in the units that they are compared and reckoned with in.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, cast};

pub(super) fn days(expr: Expr) -> Expr {
    cast(expr, DataType::Int32)
}

/// Differences are exact to the microsecond, whatever the units of the operands.
pub(super) fn micros(expr: Expr) -> Expr {
    cast(
        expr,
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    )
}

/// An instant in microseconds, in which alone there is one before and one after all others. What is such stays as it is.
pub(super) fn of_micros(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    Ok(match expr.get_type(schema)? {
        DataType::Timestamp(TimeUnit::Microsecond, _) => expr,
        _ => micros(expr),
    })
}

pub(super) fn local_micros(expr: Expr) -> Expr {
    cast(expr, DataType::Timestamp(TimeUnit::Microsecond, None))
}

/// A `float4` beside any other number, and a `float8` beside a decimal: both become `float8`.
pub(super) fn with_doubles(
    left: &Expr,
    right: &Expr,
    schema: &DFSchema,
) -> Result<Option<(Expr, Expr)>> {
    let becomes = |one: &DataType, other: &DataType| match one {
        DataType::Float32 => other.is_numeric() && other != &DataType::Float32,
        DataType::Float64 => other.is_decimal(),
        _ => false,
    };
    let types = (left.get_type(schema)?, right.get_type(schema)?);
    let mixed = becomes(&types.0, &types.1) || becomes(&types.1, &types.0);
    let double = |expr: &Expr| cast(expr.clone(), DataType::Float64);
    Ok(mixed.then(|| (double(left), double(right))))
}
