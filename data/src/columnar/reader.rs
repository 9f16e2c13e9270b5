//! Reads the values of one field from a column of any accepted Arrow type.

use crate::check::Found;
use crate::error::InputError;
use crate::event::{Field, Form};
use crate::fault::Fault;
use crate::{instant, money};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array, Float64Array,
    Int64Array, ListArray, PrimitiveArray, StringViewArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field as ArrowField, TimeUnit, i256};
use std::borrow::Cow;
use std::sync::Arc;

/// Holds a column, cast without loss to one of a few types.
pub(super) enum Reader {
    Text(StringViewArray),
    TextList(ListArray),
    Whole(Int64Array),
    /// Whole numbers that may not fit into [`Reader::Whole`].
    WholeUnsigned(UInt64Array),
    /// Whole numbers as floats, from programs whose integers have no null.
    WholeFloat(Float64Array),
    Flag(BooleanArray),
    Instant(Int64Array, TimeUnit),
    Decimal(Decimal128Array),
    WideDecimal(Decimal256Array),
}

impl Reader {
    /// Creates the reader of a field's column, or an error where the column's type cannot hold the field. None where all
    /// values are null, whatever the type, since writers give a column of nulls any type.
    pub(super) fn new(field: Field, array: &ArrayRef) -> Result<Option<Reader>, InputError> {
        if array.logical_null_count() == array.len() {
            return Ok(None);
        }
        let array = match array.data_type() {
            DataType::Dictionary(_, values) if !is_text(values) => {
                &cast_column(field, array, values)?
            }
            _ => array,
        };
        let found = array.data_type();
        let into = |into: DataType| cast_column(field, array, &into);
        let text =
            || into(DataType::Utf8View).map(|array| Reader::Text(array.as_string_view().clone()));
        let whole = || match found {
            DataType::UInt64 => Ok(Reader::WholeUnsigned(array.as_primitive().clone())),
            _ => into(DataType::Int64).map(|array| Reader::Whole(array.as_primitive().clone())),
        };
        let reader = match (field.form(), found) {
            (Form::Text | Form::Instant | Form::Money, found) if is_text(found) => text()?,
            (
                Form::TextList,
                DataType::List(item)
                | DataType::LargeList(item)
                | DataType::ListView(item)
                | DataType::LargeListView(item)
                | DataType::FixedSizeList(item, _),
            ) if is_text(item.data_type()) || *item.data_type() == DataType::Null => {
                let item = ArrowField::new(item.name(), DataType::Utf8View, true);
                Reader::TextList(into(DataType::List(Arc::new(item)))?.as_list().clone())
            }
            (Form::Whole | Form::Money, found) if found.is_integer() => whole()?,
            (Form::Whole, found) if found.is_floating() => {
                Reader::WholeFloat(into(DataType::Float64)?.as_primitive().clone())
            }
            (Form::Flag, DataType::Boolean) => Reader::Flag(array.as_boolean().clone()),
            (Form::Instant, DataType::Timestamp(unit, Some(_))) => {
                Reader::Instant(into(DataType::Int64)?.as_primitive().clone(), *unit)
            }
            (
                Form::Money,
                DataType::Decimal32(_, scale)
                | DataType::Decimal64(_, scale)
                | DataType::Decimal128(_, scale),
            ) => Reader::Decimal(
                into(DataType::Decimal128(38, *scale))?
                    .as_primitive()
                    .clone(),
            ),
            (Form::Money, DataType::Decimal256(_, _)) => {
                Reader::WideDecimal(array.as_primitive().clone())
            }
            (form, found) => {
                return Err(InputError::ColumnType {
                    column: field.name().to_owned(),
                    found: found.to_string(),
                    accepted: accepted_types(form),
                });
            }
        };
        Ok(Some(reader))
    }

    pub(super) fn text(&self, row: usize) -> Found<&str> {
        match self {
            Reader::Text(array) if array.is_valid(row) => Ok(Some(array.value(row))),
            _ => Ok(None),
        }
    }

    pub(super) fn text_list(&self, row: usize) -> Found<Vec<Cow<'_, str>>> {
        let Reader::TextList(array) = self else {
            return Ok(None);
        };
        if array.is_null(row) {
            return Ok(None);
        }
        let offsets = array.value_offsets();
        let texts = array.values().as_string_view();
        let elements = (offsets[row] as usize..offsets[row + 1] as usize).map(|element| {
            if texts.is_valid(element) {
                Ok(Cow::Borrowed(texts.value(element)))
            } else {
                Err(Fault::NotATextList)
            }
        });
        elements.collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn whole(&self, row: usize) -> Found<i128> {
        Ok(match self {
            Reader::Whole(array) => value(array, row).map(i128::from),
            Reader::WholeUnsigned(array) => value(array, row).map(i128::from),
            Reader::WholeFloat(array) => value(array, row).map(whole_float).transpose()?,
            _ => None,
        })
    }

    pub(super) fn flag(&self, row: usize) -> Option<bool> {
        match self {
            Reader::Flag(array) if array.is_valid(row) => Some(array.value(row)),
            _ => None,
        }
    }

    pub(super) fn instant(&self, row: usize) -> Found<i64> {
        match self {
            Reader::Instant(array, unit) => Ok(value(array, row).map(|instant| match unit {
                TimeUnit::Second => instant.saturating_mul(1_000_000),
                TimeUnit::Millisecond => instant.saturating_mul(1_000),
                TimeUnit::Microsecond => instant,
                TimeUnit::Nanosecond => instant.div_euclid(1_000),
            })),
            _ => self.text(row)?.map(instant::parse).transpose(),
        }
    }

    pub(super) fn money(&self, row: usize) -> Found<i64> {
        match self {
            Reader::Decimal(array) => value(array, row)
                .map(|number| money::from_decimal(number, array.scale()))
                .transpose(),
            Reader::WideDecimal(array) => value(array, row)
                .map(|number| from_wide_decimal(number, array.scale()))
                .transpose(),
            Reader::Text(_) => self.text(row)?.map(money::parse).transpose(),
            _ => self
                .whole(row)?
                .map(|number| money::from_decimal(number, 0))
                .transpose(),
        }
    }
}

fn value<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    array.is_valid(row).then(|| array.value(row))
}

/// Converts a float to a whole number. Floats of 2^53 and more are refused, because they may be a rounded other number.
fn whole_float(number: f64) -> Result<i128, Fault> {
    const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    if number.fract() == 0.0 && number.abs() < EXACT {
        Ok(number as i128)
    } else {
        Err(Fault::NotWhole)
    }
}

fn cast_column(field: Field, array: &ArrayRef, into: &DataType) -> Result<ArrayRef, InputError> {
    cast(array, into).map_err(|error| InputError::Convert {
        column: field.name().to_owned(),
        error,
    })
}

/// Converts a wide decimal to steps of 0.0001, dropping trailing zeros first.
fn from_wide_decimal(mut number: i256, mut scale: i8) -> Result<i64, Fault> {
    let ten = i256::from_i128(10);
    while scale > 4 && number.checked_rem(ten) == Some(i256::ZERO) {
        (number, scale) = (number / ten, scale - 1);
    }
    let narrow = number.to_i128();
    narrow.map_or(
        Err(if number < i256::ZERO {
            Fault::Negative
        } else {
            Fault::TooLarge
        }),
        |number| money::from_decimal(number, scale),
    )
}

fn is_text(found: &DataType) -> bool {
    match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn accepted_types(form: Form) -> &'static str {
    match form {
        Form::Text => "strings (Utf8, LargeUtf8, Utf8View, or a dictionary of them)",
        Form::TextList => "lists (List, LargeList) of strings",
        Form::Whole => "integers, or floats that are whole",
        Form::Flag => "booleans",
        Form::Instant => {
            "timestamps with a time zone (Spark: TIMESTAMP, not TIMESTAMP_NTZ), or strings in RFC 3339 with an offset"
        }
        Form::Money => "decimals, integers, or strings of decimal numbers (never floats)",
    }
}
