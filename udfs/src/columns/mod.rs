//! What a function may be given, and typed views over what it was given.
//!
//! SQL brings the same argument in many shapes: a text as `Utf8`, `LargeUtf8`, `Utf8View` or a dictionary of them, a
//! literal `NULL`, a timestamp in any unit. [`Parameter`]s say which shapes a function takes and what the planner must
//! cast; the views ([`TextColumn`], [`ListColumn`], [`Instants`]) read what then arrives, without copying it.

mod list;
mod parameter;
mod text;
mod values;

pub(crate) use list::ListColumn;
pub(crate) use parameter::{Kind, Parameter, coerce, signature};
pub(crate) use text::TextColumn;
pub(crate) use values::{arrays, primitive, result};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, internal_datafusion_err};

/// The type of every instant that a function of ours returns (SPEC T1).
pub(crate) fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A column of instants: microseconds since 1970 in UTC.
pub(crate) struct Instants<'a> {
    values: &'a [i64],
    nulls: Option<&'a NullBuffer>,
}

impl<'a> Instants<'a> {
    /// A view over a `Timestamp(Microsecond)` array, whatever zone it displays.
    pub(crate) fn new(array: &'a ArrayRef) -> Result<Self> {
        let array = array
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| {
                internal_datafusion_err!("instants must be microseconds, got {}", array.data_type())
            })?;
        Ok(Self {
            values: array.values(),
            nulls: array.nulls().filter(|nulls| nulls.null_count() > 0),
        })
    }

    /// The instant of a row.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<i64> {
        match self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(self.values[row]),
        }
    }
}

/// A column of flags.
pub(crate) fn flags(array: &ArrayRef) -> Result<&BooleanArray> {
    array.as_boolean_opt().ok_or_else(|| {
        internal_datafusion_err!("a flag must be Boolean, got {}", array.data_type())
    })
}

/// Whether a flag is given and true.
#[inline]
pub(crate) fn is_set(flags: &BooleanArray, row: usize) -> bool {
    flags.is_valid(row) && flags.value(row)
}
