//! Helpers that go through the rows of arguments and collect the rows of results.
//!
//! PostgreSQL's functions are strict: a row with a null argument gives null. [`map`] and [`zip`] see to it, so that a body
//! says only what becomes of values.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Decimal128Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use super::call::raise;
use crate::error::PgError;

/// Applies a function to each row that is not null.
pub fn map<T, U>(
    rows: impl IntoIterator<Item = Option<T>>,
    mut each: impl FnMut(T) -> Result<U>,
) -> impl Iterator<Item = Result<Option<U>>> {
    let rows = rows.into_iter();
    rows.map(move |row| row.map(&mut each).transpose())
}

/// Applies a function to each pair of rows of which neither is null.
pub fn zip<A, B, U>(
    left: impl IntoIterator<Item = Option<A>>,
    right: impl IntoIterator<Item = Option<B>>,
    mut each: impl FnMut(A, B) -> Result<U>,
) -> impl Iterator<Item = Result<Option<U>>> {
    let pairs = left.into_iter().zip(right);
    map(
        pairs.map(|(left, right)| left.zip(right)),
        move |(left, right)| each(left, right),
    )
}

/// Collects rows into an array: `rows::collect::<StringArray, _>(texts)`.
///
/// # Errors
/// The error of the first row that has one.
pub fn collect<A, T>(rows: impl Iterator<Item = Result<T>>) -> Result<ArrayRef>
where
    A: Array + FromIterator<T> + 'static,
{
    Ok(Arc::new(rows.collect::<Result<A>>()?))
}

/// Collects rows, in steps of the last digit, into an array of a decimal type.
///
/// # Errors
/// The error of the first row that has one; an internal error for any other type.
pub fn decimals(
    rows: impl Iterator<Item = Result<Option<i128>>>,
    to: &DataType,
) -> Result<ArrayRef> {
    let DataType::Decimal128(precision, scale) = to else {
        return Err(raise(PgError::internal(format!("decimals of type {to}"))));
    };
    let array = rows.collect::<Result<Decimal128Array>>()?;
    Ok(Arc::new(
        array.with_precision_and_scale(*precision, *scale)?,
    ))
}
