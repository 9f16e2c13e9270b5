//! `ARRAY(SELECT …)`: an array without elements where there are no rows, where an aggregate gives null.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ListArray, Scalar, new_empty_array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::is_not_null;
use datafusion::arrow::compute::kernels::zip::zip;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use crate::functions::call::Call;
use crate::functions::function::{Function, first_type};

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT ARRAY(SELECT 1 WHERE false); → {}
        Function::new("pg_array_of_rows", 1..=1, DataType::Null, null_to_empty)
            .returning(first_type),
    ]
}

fn null_to_empty(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0);
    let DataType::List(item) = array.data_type() else {
        return Ok(Arc::clone(array));
    };
    if array.null_count() == 0 {
        return Ok(Arc::clone(array));
    }
    let empty = ListArray::new(
        Arc::clone(item),
        OffsetBuffer::from_lengths([0]),
        new_empty_array(item.data_type()),
        None,
    );
    Ok(zip(&is_not_null(array)?, array, &Scalar::new(empty))?)
}
