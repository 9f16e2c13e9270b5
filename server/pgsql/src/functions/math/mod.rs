//! Functions of numbers: casts to `numeric`, arithmetic with PostgreSQL's digits and overflow errors, and rounding.

pub mod casts;
pub mod division;
pub mod rounding;

use super::call::Function;

/// Returns the functions of this folder.
pub fn functions() -> Vec<Function> {
    [
        casts::functions(),
        division::functions(),
        rounding::functions(),
    ]
    .concat()
}
