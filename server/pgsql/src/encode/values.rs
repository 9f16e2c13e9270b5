//! Writes the values of a column, in text and in binary.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
    Decimal256Array, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    IntervalMonthDayNanoArray, ListArray, StringArray, StringBuilder, StructArray,
    Time64MicrosecondArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit};
use datafusion::arrow::util::display::FormatOptions;
use datafusion::error::DataFusionError;
use pgwire::api::Type;

use super::{Column, Style, binary, intervals, text};
use crate::error::PgError;
use crate::types::digits::Digits;
use crate::types::interval::from_durations;

/// The values of a column, by the way they are written.
pub(super) enum Values {
    Boolean(BooleanArray),
    Int16(Int16Array),
    Int32(Int32Array),
    Int64(Int64Array),
    Float32(Float32Array),
    Float64(Float64Array),
    Decimal(Decimal128Array, i8),
    /// Quotients, and the least digits after the point that each is shown with.
    Quotient(Decimal128Array, i8),
    /// Numbers that are shown without zeros at their end.
    Needed(Decimal128Array, i8),
    LargeDecimal(Decimal256Array, i8),
    Text(StringArray),
    /// PostgreSQL's one-byte `"char"`.
    Char(StringArray),
    /// Text with another binary format: a uuid, or `jsonb`.
    Special(StringArray, Type),
    Bytes(BinaryArray),
    Date(Date32Array),
    Time(Time64MicrosecondArray),
    Timestamp(TimestampMicrosecondArray),
    TimestampTz(TimestampMicrosecondArray),
    Interval(IntervalMonthDayNanoArray),
    List(ListArray, Box<Values>, Type),
    Record(StructArray, Vec<(Values, Type)>),
}

impl Values {
    /// Casts a column of a batch to what the column of the result is.
    ///
    /// # Errors
    /// If it cannot be cast.
    pub(super) fn new(array: &ArrayRef, column: &Column) -> Result<Values, PgError> {
        // Most columns need no cast, and then this costs nothing.
        let options = CastOptions {
            safe: false,
            format_options: FormatOptions::default(),
        };
        let array = if array.data_type() == &column.arrow {
            Arc::clone(array)
        } else if let DataType::Duration(_) = array.data_type() {
            let intervals = from_durations(array).map_err(DataFusionError::from);
            Arc::new(intervals.map_err(PgError::from)?)
        } else {
            cast_with_options(array, &column.arrow, &options)
                .map_err(|error| PgError::from(DataFusionError::from(error)))?
        };
        let values = Values::of(&array)?;
        Ok(match values {
            Values::Text(array) if column.pg == Type::CHAR => Values::Char(array),
            Values::Text(array) if matches!(column.pg, Type::UUID | Type::JSONB) => {
                Values::Special(array, column.pg.clone())
            }
            Values::List(array, items, _) if column.pg == Type::OID_ARRAY => {
                Values::List(array, items, Type::OID)
            }
            Values::Decimal(array, scale) => match column.digits {
                Digits::Quotient(least) => Values::Quotient(array, least),
                Digits::Needed => Values::Needed(array, scale),
                Digits::Scale => Values::Decimal(array, scale),
            },
            values => values,
        })
    }

    fn of(array: &ArrayRef) -> Result<Values, PgError> {
        Ok(match array.data_type() {
            DataType::Boolean => Values::Boolean(array.as_boolean().clone()),
            DataType::Int16 => Values::Int16(array.as_primitive().clone()),
            DataType::Int32 => Values::Int32(array.as_primitive().clone()),
            DataType::Int64 => Values::Int64(array.as_primitive().clone()),
            DataType::Float32 => Values::Float32(array.as_primitive().clone()),
            DataType::Float64 => Values::Float64(array.as_primitive().clone()),
            DataType::Decimal128(_, scale) => Values::Decimal(array.as_primitive().clone(), *scale),
            DataType::Decimal256(_, scale) => {
                Values::LargeDecimal(array.as_primitive().clone(), *scale)
            }
            DataType::Utf8 => Values::Text(array.as_string().clone()),
            DataType::Binary => Values::Bytes(array.as_binary().clone()),
            DataType::Date32 => Values::Date(array.as_primitive().clone()),
            DataType::Time64(_) => Values::Time(array.as_primitive().clone()),
            DataType::Timestamp(_, None) => Values::Timestamp(array.as_primitive().clone()),
            DataType::Timestamp(_, Some(_)) => Values::TimestampTz(array.as_primitive().clone()),
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                Values::Interval(array.as_primitive().clone())
            }
            DataType::List(item) => {
                let list: &ListArray = array.as_list();
                let pg = super::pg_type(item.data_type()).unwrap_or(Type::TEXT);
                Values::List(list.clone(), Box::new(Values::of(list.values())?), pg)
            }
            DataType::Struct(fields) => {
                let record = array.as_struct();
                let values = fields
                    .iter()
                    .zip(record.columns())
                    .map(|(field, column)| {
                        let pg = super::pg_type(field.data_type()).unwrap_or(Type::TEXT);
                        Ok((Values::of(column)?, pg))
                    })
                    .collect::<Result<_, PgError>>()?;
                Values::Record(record.clone(), values)
            }
            other => return Err(PgError::internal(format!("no way to write {other}"))),
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Values::Boolean(array) => array,
            Values::Int16(array) => array,
            Values::Int32(array) => array,
            Values::Int64(array) => array,
            Values::Float32(array) => array,
            Values::Float64(array) => array,
            Values::Decimal(array, _) | Values::Quotient(array, _) | Values::Needed(array, _) => {
                array
            }
            Values::LargeDecimal(array, _) => array,
            Values::Text(array) | Values::Char(array) | Values::Special(array, _) => array,
            Values::Bytes(array) => array,
            Values::Date(array) => array,
            Values::Time(array) => array,
            Values::Timestamp(array) | Values::TimestampTz(array) => array,
            Values::Interval(array) => array,
            Values::List(array, ..) => array,
            Values::Record(array, _) => array,
        }
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        self.array().is_null(row)
    }

    /// Appends a value in text, after its length; null is the length -1.
    pub(super) fn put_text(
        &self,
        out: &mut BytesMut,
        row: usize,
        scratch: &mut String,
        style: &Style,
    ) {
        if self.is_null(row) {
            return out.put_i32(-1);
        }
        // Text is not copied to the scratch.
        if let Values::Text(array) = self {
            return put_sized(out, array.value(row).as_bytes());
        }
        scratch.clear();
        self.text(scratch, row, style);
        put_sized(out, scratch.as_bytes());
    }

    /// Appends the text of a value that is not null.
    pub(super) fn text(&self, out: &mut String, row: usize, style: &Style) {
        let mut integer = |value: i64| {
            use std::fmt::Write as _;
            // Writing to a String cannot fail.
            let _ = write!(out, "{value}");
        };
        match self {
            Values::Boolean(array) => out.push(if array.value(row) { 't' } else { 'f' }),
            Values::Int16(array) => integer(i64::from(array.value(row))),
            Values::Int32(array) => integer(i64::from(array.value(row))),
            Values::Int64(array) => integer(array.value(row)),
            Values::Float32(array) => text::float4(out, array.value(row), style.extra_float_digits),
            Values::Float64(array) => text::float8(out, array.value(row), style.extra_float_digits),
            Values::Decimal(..)
            | Values::Quotient(..)
            | Values::Needed(..)
            | Values::LargeDecimal(..) => self.numeric_text(out, row),
            Values::Text(array) | Values::Char(array) | Values::Special(array, _) => {
                out.push_str(array.value(row));
            }
            Values::Bytes(array) => text::bytea(out, array.value(row)),
            Values::Date(array) => text::date(out, array.value(row)),
            Values::Time(array) => text::time(out, array.value(row)),
            Values::Timestamp(array) => text::timestamp(out, array.value(row)),
            Values::TimestampTz(array) => text::timestamptz(out, array.value(row), style.zone),
            Values::Interval(array) => intervals::interval(out, array.value(row), style.intervals),
            Values::List(array, items, _) => {
                let mut item = String::new();
                out.push('{');
                for (n, at) in range(array, row).enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    if items.is_null(at) {
                        out.push_str("NULL");
                    } else if matches!(items.as_ref(), Values::List(..)) {
                        items.text(out, at, style);
                    } else {
                        item.clear();
                        items.text(&mut item, at, style);
                        text::array_element(out, &item);
                    }
                }
                out.push('}');
            }
            Values::Record(_, fields) => {
                let mut item = String::new();
                out.push('(');
                for (n, (values, _)) in fields.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    if !values.is_null(row) {
                        item.clear();
                        values.text(&mut item, row, style);
                        text::record_field(out, &item);
                    }
                }
                out.push(')');
            }
        }
    }

    /// Appends the text of a `numeric`; nothing for any other type.
    fn numeric_text(&self, out: &mut String, row: usize) {
        match self {
            Values::Decimal(array, scale) => text::decimal(out, array.value(row), *scale),
            Values::Quotient(array, least) => text::quotient(out, array.value(row), *least),
            Values::Needed(array, scale) => text::trimmed_decimal(out, array.value(row), *scale),
            Values::LargeDecimal(array, scale) => {
                text::large_decimal(out, array.value(row), *scale)
            }
            _ => {}
        }
    }

    /// Appends a value in binary, after its length; null is the length -1.
    pub(super) fn put_binary(
        &self,
        out: &mut BytesMut,
        row: usize,
        scratch: &mut String,
    ) -> Result<(), PgError> {
        if self.is_null(row) {
            out.put_i32(-1);
            return Ok(());
        }
        let start = out.len();
        out.put_i32(0);
        match self {
            Values::Boolean(array) => out.put_u8(u8::from(array.value(row))),
            Values::Int16(array) => out.put_i16(array.value(row)),
            Values::Int32(array) => out.put_i32(array.value(row)),
            Values::Int64(array) => out.put_i64(array.value(row)),
            Values::Float32(array) => out.put_f32(array.value(row)),
            Values::Float64(array) => out.put_f64(array.value(row)),
            Values::Decimal(..)
            | Values::Quotient(..)
            | Values::Needed(..)
            | Values::LargeDecimal(..) => {
                scratch.clear();
                self.numeric_text(scratch, row);
                binary::numeric(out, scratch);
            }
            Values::Text(array) => out.put_slice(array.value(row).as_bytes()),
            Values::Special(array, pg) if *pg == Type::UUID => {
                binary::uuid(out, array.value(row));
            }
            Values::Special(array, _) => {
                // The version of the format that follows.
                out.put_u8(1);
                out.put_slice(array.value(row).as_bytes());
            }
            Values::Char(array) => out.put_u8(array.value(row).bytes().next().unwrap_or(0)),
            Values::Bytes(array) => out.put_slice(array.value(row)),
            Values::Date(array) => binary::date(out, array.value(row)),
            Values::Time(array) => out.put_i64(array.value(row)),
            Values::Timestamp(array) | Values::TimestampTz(array) => {
                binary::timestamp(out, array.value(row))
            }
            Values::Interval(array) => {
                let IntervalMonthDayNano {
                    months,
                    days,
                    nanoseconds,
                } = array.value(row);
                out.put_i64(nanoseconds / 1000);
                out.put_i32(days);
                out.put_i32(months);
            }
            Values::List(array, items, pg) => put_list(out, array, items, pg, row, scratch)?,
            Values::Record(_, fields) => {
                out.put_i32(fields.len() as i32);
                for (values, pg) in fields {
                    out.put_u32(pg.oid());
                    values.put_binary(out, row, scratch)?;
                }
            }
        }
        let length = i32::try_from(out.len() - start - 4)
            .map_err(|_| PgError::new("54000", "a value of more than 2 GiB cannot be sent"))?;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }
}

/// Writes the values of an array as texts.
///
/// # Errors
/// If they are of a type that PostgreSQL has nothing for.
pub fn texts_of(array: &ArrayRef, digits: Digits, style: &Style) -> Result<StringArray, PgError> {
    let column = Column {
        name: String::new(),
        pg: Type::TEXT,
        arrow: super::canonical(array.data_type()),
        digits,
        origin: None,
    };
    let values = Values::new(array, &column)?;
    let mut texts = StringBuilder::with_capacity(array.len(), 0);
    let mut scratch = String::new();
    for row in 0..array.len() {
        if values.is_null(row) {
            texts.append_null();
            continue;
        }
        scratch.clear();
        values.text(&mut scratch, row, style);
        texts.append_value(&scratch);
    }
    Ok(texts.finish())
}

fn put_list(
    out: &mut BytesMut,
    array: &ListArray,
    items: &Values,
    pg: &Type,
    row: usize,
    scratch: &mut String,
) -> Result<(), PgError> {
    if matches!(items, Values::List(..)) {
        return Err(PgError::unsupported(
            "arrays of more than one dimension are not sent in binary",
        ));
    }
    let range = range(array, row);
    let has_null = range.clone().any(|at| items.is_null(at));
    out.put_i32(i32::from(!range.is_empty()));
    out.put_i32(i32::from(has_null));
    out.put_u32(pg.oid());
    if !range.is_empty() {
        out.put_i32(range.len() as i32);
        out.put_i32(1);
    }
    for at in range {
        items.put_binary(out, at, scratch)?;
    }
    Ok(())
}

fn range(array: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = array.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}

fn put_sized(out: &mut BytesMut, bytes: &[u8]) {
    // The length may overflow; a message that is too long is refused as a whole, see `set_length`.
    out.put_i32(bytes.len() as i32);
    out.put_slice(bytes);
}
