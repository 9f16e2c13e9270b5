//! Rows as PostgreSQL sends them: what type a column is, and every value in text and in binary.
//!
//! Arrow has more types than PostgreSQL, so each column is first brought to one of a few *canonical* Arrow types
//! ([`canonical`]), of which each has one PostgreSQL type and one way to be written.

mod binary;
mod columns;
mod copy;
mod intervals;
mod rows;
mod text;
mod values;

pub use columns::{
    Column, Origin, SHOWN_AS_KEY, UNSHOWN, canonical, columns, pg_type, row_description, sql_type,
    type_name, type_size,
};
pub use copy::{CopyEncoder, CopyFormat, CopyOptions};
pub use intervals::{IntervalStyle, SessionStyle};
pub use rows::{RowEncoder, Rows};
pub use values::texts_of;

use crate::types::zone::Zone;

/// What the session's settings say about text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// In which instants are written.
    pub zone: Zone,
    /// 1 and more: floats are written exactly.
    pub extra_float_digits: i32,
    /// How intervals are written.
    pub intervals: IntervalStyle,
}

/// The format of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As people read it.
    Text,
    /// As machines do.
    Binary,
}

/// The formats of the columns of a result, of which a client may give none (text), one (of all) or each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Formats(pub Vec<i16>);

impl Formats {
    /// Of all columns in binary.
    pub fn binary() -> Formats {
        Formats(vec![1])
    }

    /// Of a column.
    pub fn of(&self, column: usize) -> Format {
        let code = match self.0.as_slice() {
            [] => 0,
            [all] => *all,
            each => each.get(column).copied().unwrap_or(0),
        };
        if code == 1 {
            Format::Binary
        } else {
            Format::Text
        }
    }

    /// Whether they can be those of so many columns.
    pub fn fit(&self, columns: usize) -> bool {
        self.0.len() <= 1 || self.0.len() == columns
    }
}
