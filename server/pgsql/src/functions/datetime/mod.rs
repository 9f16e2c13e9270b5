//! Functions of dates, times, timestamps and intervals.

pub mod add;
pub mod age;
pub mod extract;
pub mod instants;
pub mod intervals;
pub mod make;
pub mod sleep;
pub mod truncate;
pub mod units;

use super::function::Function;

/// Returns the functions of this folder.
pub fn functions() -> Vec<Function> {
    [
        add::functions(),
        age::functions(),
        extract::functions(),
        instants::functions(),
        intervals::functions(),
        make::functions(),
        truncate::functions(),
    ]
    .concat()
}
