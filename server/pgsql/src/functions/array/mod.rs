//! Functions of arrays: elements, dimensions, series, and `ARRAY(SELECT …)`.

pub mod elements;
pub mod series;
pub mod subquery;

use super::call::Function;

/// Returns the functions of this folder.
pub fn functions() -> Vec<Function> {
    [
        elements::functions(),
        series::functions(),
        subquery::functions(),
    ]
    .concat()
}
