//! Writes rows as PostgreSQL sends them: the type of each column, and each value in text or binary.
//!
//! Arrow has more types than PostgreSQL, so each column is first cast to one of a few *canonical* Arrow types
//! ([`canonical`]), each of which has one PostgreSQL type and one way to be written.

mod binary;
mod columns;
mod copy;
mod intervals;
mod rows;
mod text;
mod values;

pub use columns::{
    Column, Origin, SHOWN_AS_KEY, UNSHOWN, canonical, columns, pg_type, row_description, type_name,
    type_size,
};
pub use copy::{CopyEncoder, CopyFormat, CopyOptions};
pub use intervals::{IntervalStyle, SessionStyle};
pub use rows::{RowEncoder, Rows};
pub use values::texts_of;

use crate::types::zone::Zone;

/// The session's settings that decide how values are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The zone in which instants are written.
    pub zone: Zone,
    /// Floats are written exactly where it is 1 or more.
    pub extra_float_digits: i32,
    /// How intervals are written.
    pub intervals: IntervalStyle,
}

/// The format of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// PostgreSQL's text format.
    Text,
    /// PostgreSQL's binary format.
    Binary,
}

/// The formats of the columns of a result: a client may give none (text), one (of all columns) or each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Formats(pub Vec<i16>);

impl Formats {
    /// All columns in binary.
    pub fn binary() -> Formats {
        Formats(vec![1])
    }

    /// Returns the format of a column.
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

    /// Whether they fit a result of so many columns.
    pub fn fit(&self, columns: usize) -> bool {
        self.0.len() <= 1 || self.0.len() == columns
    }
}
