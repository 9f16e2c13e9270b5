//! Converts the arguments of a scalar function to arrays, and its result array back to a value.
//!
//! A call whose arguments are all constants is computed for one row and returns a scalar, so that the planner can fold it.

use arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::ArrowPrimitiveType;
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

/// Returns how many rows to compute, and whether all arguments are constants (then 1 row).
pub(crate) fn rows_to_compute(args: &ScalarFunctionArgs) -> (usize, bool) {
    let constant = args
        .args
        .iter()
        .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    (if constant { 1 } else { args.number_rows }, constant)
}

/// Returns the arguments as arrays of one length, and whether all were constants (then of length 1).
pub(crate) fn argument_arrays(args: &ScalarFunctionArgs) -> Result<(Vec<ArrayRef>, bool)> {
    let (rows, constant) = rows_to_compute(args);
    let arrays = args
        .args
        .iter()
        .map(|arg| arg.to_array(rows))
        .collect::<Result<_>>()?;
    Ok((arrays, constant))
}

/// Wraps the result: as a scalar where all arguments were constants, as an array otherwise.
pub(crate) fn to_columnar(array: ArrayRef, constant: bool) -> Result<ColumnarValue> {
    Ok(if constant {
        ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)
    } else {
        ColumnarValue::Array(array)
    })
}

/// Downcasts an argument to the number type that [`coerce`](super::coerce) asked the planner for.
pub(crate) fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<&PrimitiveArray<T>> {
    array.as_primitive_opt::<T>().ok_or_else(|| {
        internal_datafusion_err!("{} was expected, got {}", T::DATA_TYPE, array.data_type())
    })
}
