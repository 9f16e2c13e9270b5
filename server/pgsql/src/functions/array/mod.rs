//! Functions of arrays: elements, dimensions, series, and `ARRAY(SELECT …)`.

pub mod elements;
pub mod series;
pub mod subquery;

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, ListArray};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;

use super::call::Call;
use super::function::Function;

/// Returns the functions of this folder.
pub fn functions() -> Vec<Function> {
    [
        elements::functions(),
        series::functions(),
        subquery::functions(),
    ]
    .concat()
}

/// Reads an argument as lists; one that is no list as empty lists' type, `null[]`.
pub fn lists(call: &Call, at: usize) -> Result<ListArray> {
    let array = call.array(at);
    let item = match array.data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Arc::clone(item)
        }
        _ => Arc::new(Field::new_list_field(DataType::Null, true)),
    };
    let array = call.cast(at, &DataType::List(item))?;
    Ok(array.as_list::<i32>().clone())
}

/// Returns the type of the elements of the first argument: for [`Function::returning`].
pub fn item_type(args: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(match args.first() {
        Some(
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _),
        ) => item.data_type().clone(),
        _ => DataType::Null,
    })
}
