//! Saved queries: files of SQL with typed parameters, each a table function in every session (SPEC 7).
//!
//! The built-in ones are compiled in; a team adds its own, or replaces one, by files in a folder. All are planned when the
//! engine opens: a wrong file is reported then, with its name and line, and a call only fills in arguments.

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

/// Describes a saved query to users.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedQuery {
    /// The name of its file and of its table function.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// Its parameters, in the order of a call's arguments.
    pub parameters: Vec<Parameter>,
    /// Its columns, in order.
    pub columns: Vec<SavedColumn>,
}

/// Describes a column of a saved query.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Its description in the file; empty if there is none.
    pub description: String,
}
