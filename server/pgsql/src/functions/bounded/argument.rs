//! Measures the arguments of a call: bytes of text, elements of lists, numbers.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;

/// An argument; a constant has one value for all rows.
pub struct Argument {
    values: ArrayRef,
    pub constant: bool,
}

impl Argument {
    pub fn new(value: &ColumnarValue) -> Result<Argument> {
        Ok(Argument {
            values: value.to_array(1)?,
            constant: matches!(value, ColumnarValue::Scalar(_)),
        })
    }

    fn at(&self, row: usize) -> Option<usize> {
        let at = if self.constant { 0 } else { row };
        self.values.is_valid(at).then_some(at)
    }

    pub fn text(&self, row: usize) -> Option<&str> {
        let at = self.at(row)?;
        match self.values.data_type() {
            DataType::Utf8 => Some(self.values.as_string::<i32>().value(at)),
            DataType::LargeUtf8 => Some(self.values.as_string::<i64>().value(at)),
            DataType::Utf8View => Some(self.values.as_string_view().value(at)),
            _ => None,
        }
    }

    /// Returns the bytes of a value.
    pub fn bytes(&self, row: usize) -> usize {
        match (self.text(row), self.at(row)) {
            (Some(text), _) => text.len(),
            (None, Some(at)) => {
                let value = self.values.slice(at, 1).to_data();
                // Only views cannot be measured, which are copied as views.
                value.get_slice_memory_size().unwrap_or(0)
            }
            (None, None) => 0,
        }
    }

    /// Returns the bytes of the values of all rows, without a look at any.
    pub fn all_bytes(&self, rows: usize) -> usize {
        if self.constant {
            return self.bytes(0).saturating_mul(rows);
        }
        let (first, last) = match self.values.data_type() {
            DataType::Utf8 => offset_range(self.values.as_string::<i32>().value_offsets()),
            DataType::LargeUtf8 => offset_range(self.values.as_string::<i64>().value_offsets()),
            DataType::Utf8View => {
                let lengths = self.values.as_string_view().lengths();
                return lengths.map(|length| length as usize).sum();
            }
            _ => return self.values.to_data().get_slice_memory_size().unwrap_or(0),
        };
        last - first
    }

    /// Returns the number of elements of the values of all rows.
    pub fn all_elements(&self, rows: usize) -> usize {
        let elements = elements(&self.values);
        if self.constant {
            elements.saturating_mul(rows)
        } else {
            elements
        }
    }

    /// Returns an integer; a negative one as zero.
    pub fn count(&self, row: usize) -> usize {
        let Some(at) = self.at(row) else { return 0 };
        let number = cast(&self.values.slice(at, 1), &DataType::Int64);
        number.map_or(0, |number| {
            usize::try_from(number.as_primitive::<Int64Type>().value(0)).unwrap_or(0)
        })
    }

    /// Returns the number of elements of a value, at any depth.
    pub fn elements(&self, row: usize) -> usize {
        self.at(row)
            .map_or(0, |at| elements(&self.values.slice(at, 1)))
    }

    /// Returns a bound or a step of a series: an integer, or nanoseconds.
    pub fn place(&self, row: usize) -> Option<i128> {
        let value = self.values.slice(self.at(row)?, 1);
        let number = |to: &DataType| {
            let number = cast(&value, to).ok()?;
            let number = cast(&number, &DataType::Int64).ok()?;
            Some(i128::from(number.as_primitive::<Int64Type>().value(0)))
        };
        match value.data_type() {
            DataType::Date32 | DataType::Date64 => Some(number(&DataType::Int32)? * DAY),
            DataType::Timestamp(unit, _) => Some(number(&DataType::Int64)? * nanoseconds(*unit)),
            DataType::Interval(_) => {
                let step = cast(&value, &DataType::Interval(IntervalUnit::MonthDayNano)).ok()?;
                let step = step.as_primitive::<IntervalMonthDayNanoType>().value(0);
                // As the shortest month: a step that is too short counts too many elements, and none too few.
                let days = i128::from(step.months) * 28 + i128::from(step.days);
                Some(days * DAY + i128::from(step.nanoseconds))
            }
            _ => number(&DataType::Int64),
        }
    }
}

const DAY: i128 = 86_400_000_000_000;

fn nanoseconds(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

/// Returns where the values of an array begin and end.
fn offset_range<O: OffsetSizeTrait>(offsets: &[O]) -> (usize, usize) {
    let at = |offset: Option<&O>| offset.map_or(0, |offset| offset.as_usize());
    (at(offsets.first()), at(offsets.last()))
}

/// Returns the number of elements of lists, at any depth.
fn elements(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (first, last) = offset_range(list.value_offsets());
            elements(&list.values().slice(first, last - first))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let (first, last) = offset_range(list.value_offsets());
            elements(&list.values().slice(first, last - first))
        }
        _ => array.len(),
    }
}
