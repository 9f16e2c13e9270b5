//! Functions of text: `format`, `varchar(n)`, quoting for SQL and `LIKE … ESCAPE`.

pub mod format;
pub mod quoting;

use super::function::Function;

/// Returns the functions of this folder.
pub fn functions() -> Vec<Function> {
    [format::functions(), quoting::functions()].concat()
}
