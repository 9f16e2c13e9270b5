//! Functions of numbers: casts to `numeric`, arithmetic with PostgreSQL's digits and overflow errors, and rounding.

pub mod arithmetic;
pub mod casts;
pub mod rounding;

use super::function::Function;

/// Returns the functions of this folder.
pub fn functions() -> Vec<Function> {
    [
        casts::functions(),
        arithmetic::functions(),
        rounding::functions(),
    ]
    .concat()
}
