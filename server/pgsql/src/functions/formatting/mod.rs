//! Functions that write and read values by PostgreSQL's patterns: `to_char`, `to_date`, `to_timestamp`, `to_number`.

pub mod parsing;
pub mod patterns;
pub mod to_char;

use super::function::Function;

/// Returns the functions of this folder.
pub fn functions() -> Vec<Function> {
    [parsing::functions(), to_char::functions()].concat()
}
