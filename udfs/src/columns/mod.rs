//! Declares the parameters of functions, and reads their argument columns.
//!
//! The same SQL argument arrives in many Arrow types: a text as `Utf8`, `LargeUtf8`, `Utf8View` or a dictionary of them, a
//! literal `NULL`, a timestamp in any unit. A [`Parameter`] says which types a function accepts and what the planner casts
//! them to; [`TextColumn`], [`ListColumn`] and [`Instants`] then read the arrays without copying them.

mod list;
mod parameter;
mod text;

pub(crate) use list::ListColumn;
pub(crate) use parameter::{Kind, Parameter, coerce, signature};
pub(crate) use text::TextColumn;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{ArrowPrimitiveType, DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, internal_datafusion_err};

/// Returns the type of every instant that these functions return: microseconds in UTC (SPEC T1).
pub(crate) fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Reads a timestamp array as microseconds since 1970 in UTC.
pub(crate) struct Instants<'a> {
    values: &'a [i64],
    nulls: Option<&'a NullBuffer>,
}

impl<'a> Instants<'a> {
    /// Wraps a `Timestamp(Microsecond)` array of any display zone.
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

    /// Returns the instant of a row, or none where it is null.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<i64> {
        match self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(self.values[row]),
        }
    }
}

/// Downcasts an argument to the number type that [`coerce`] asked the planner for.
pub(crate) fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<&PrimitiveArray<T>> {
    array.as_primitive_opt::<T>().ok_or_else(|| {
        internal_datafusion_err!("{} was expected, got {}", T::DATA_TYPE, array.data_type())
    })
}

/// Downcasts a column of flags.
pub(crate) fn flags(array: &ArrayRef) -> Result<&BooleanArray> {
    array.as_boolean_opt().ok_or_else(|| {
        internal_datafusion_err!("a flag must be Boolean, got {}", array.data_type())
    })
}

/// Returns whether a row's flag is true; null means no.
#[inline]
pub(crate) fn is_set(flags: &BooleanArray, row: usize) -> bool {
    flags.is_valid(row) && flags.value(row)
}
