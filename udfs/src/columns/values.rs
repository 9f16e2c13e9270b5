//! The arguments of a scalar function as columns, and its result as what the arguments were.
//!
//! A call with constants alone is worked out for one row and gives a constant, so it folds wherever it stands.

use arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::ArrowPrimitiveType;
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

/// The arguments as arrays of one length, and whether all were constants (then of length 1).
pub(crate) fn arrays(args: &ScalarFunctionArgs) -> Result<(Vec<ArrayRef>, bool)> {
    let constant = args
        .args
        .iter()
        .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let rows = if constant { 1 } else { args.number_rows };
    let arrays = args
        .args
        .iter()
        .map(|arg| arg.to_array(rows))
        .collect::<Result<_>>()?;
    Ok((arrays, constant))
}

/// The result: a constant of constants, a column otherwise.
pub(crate) fn result(array: ArrayRef, constant: bool) -> Result<ColumnarValue> {
    Ok(if constant {
        ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)
    } else {
        ColumnarValue::Array(array)
    })
}

/// A column of numbers, as the type that the planner was asked to cast it to.
pub(crate) fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<&PrimitiveArray<T>> {
    array.as_primitive_opt::<T>().ok_or_else(|| {
        internal_datafusion_err!("{} was expected, got {}", T::DATA_TYPE, array.data_type())
    })
}
