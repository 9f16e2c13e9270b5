//! Saved queries: files of SQL with typed parameters, each a table function in every session (SPEC 7).
//!
//! The built-in ones are compiled in; a team adds its own, or replaces one, by files in a folder. All are checked and
//! planned when the engine opens, so a wrong file is reported then, by name and line, and a call only fills in its
//! arguments.

mod call;
mod check;
mod file;
mod load;
mod parameter;
mod template;

use datafusion::arrow::datatypes::DataType;

pub(super) use load::load;
pub use parameter::{Parameter, ParameterKind};
pub(super) use template::{SavedQueryFunction, Template, unaliased};

/// What a user may know of a saved query.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedQuery {
    /// Its name: of its file, and of the table function.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// Its parameters, in the order of its arguments.
    pub parameters: Vec<Parameter>,
    /// Its columns, in order.
    pub columns: Vec<SavedColumn>,
}

/// A column of a saved query.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// What it is, as the file documents it; may be empty.
    pub description: String,
}
