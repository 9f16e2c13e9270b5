//! What PostgreSQL type a column is.

use std::sync::Arc;

use arrow_pg::datatypes::{PG_CHAR_KEY, PG_OID_ALIAS_KEY, pg_type_for_alias_kind};
use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, Schema, TimeUnit};
use pgwire::api::Type;
use pgwire::messages::data::{FieldDescription, RowDescription};

use super::{Format, Formats};
use crate::error::PgError;
use crate::types::digits::Digits;
use crate::types::names::format_type;

/// In the name of a column, it begins what clients are not shown: several columns may be shown by one name. No name that a
/// person writes holds it.
pub const UNSHOWN: char = '\u{1f}';

/// Returns the name of a column as clients see it.
fn shown_name(name: &str) -> &str {
    match name.split_once(UNSHOWN) {
        Some((shown, _)) => shown,
        None => name,
    }
}

/// The stored column that a column of a result shows unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The object id of its table.
    pub table: i32,
    /// Its place in the table, counted from one.
    pub column: i16,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The name that clients see.
    pub name: String,
    /// Its PostgreSQL type.
    pub pg: Type,
    /// Its canonical Arrow type.
    pub arrow: DataType,
    /// How many digits after the point its numbers are shown with.
    pub digits: Digits,
    /// The stored column, if it shows one unchanged.
    pub origin: Option<Origin>,
}

impl Column {
    /// Makes a column of text.
    pub fn text(name: &str) -> Column {
        Column {
            name: name.to_owned(),
            pg: Type::TEXT,
            arrow: DataType::Utf8,
            digits: Digits::Scale,
            origin: None,
        }
    }

    /// Returns the type modifier: precision and scale of a number, as PostgreSQL packs them, or -1.
    fn modifier(&self) -> i32 {
        if self.digits != Digits::Scale {
            return -1;
        }
        match &self.arrow {
            DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale)
                if *scale >= 0 =>
            {
                ((i32::from(*precision) << 16) | i32::from(*scale)) + 4
            }
            _ => -1,
        }
    }

    fn description(&self, format: Format) -> FieldDescription {
        FieldDescription::new(
            self.name.clone(),
            self.origin.map_or(0, |origin| origin.table),
            self.origin.map_or(0, |origin| origin.column),
            self.pg.oid(),
            type_size(&self.pg),
            self.modifier(),
            if format == Format::Binary { 1 } else { 0 },
        )
    }
}

/// Makes the message that describes the columns of a result.
pub fn row_description(columns: &[Column], formats: &Formats) -> RowDescription {
    let fields = columns
        .iter()
        .enumerate()
        .map(|(at, column)| column.description(formats.of(at)))
        .collect();
    RowDescription::new(fields)
}

/// The most columns that a result of PostgreSQL's can have; the protocol counts them in 16 bits.
const MOST: usize = 1664;

/// Returns the columns of a result.
pub fn columns(schema: &Schema) -> Result<Vec<Column>, PgError> {
    if schema.fields().len() > MOST {
        return Err(PgError::new(
            "54011",
            format!("target lists can have at most {MOST} entries"),
        ));
    }
    schema
        .fields()
        .iter()
        .map(|field| {
            let arrow = canonical(field.data_type());
            let pg = match special_type(field) {
                Some(pg) => pg,
                None => pg_type(&arrow).ok_or_else(|| {
                    PgError::unsupported(format!(
                        "column \"{}\" is of type {}, which clients cannot be sent",
                        field.name(),
                        field.data_type()
                    ))
                })?,
            };
            Ok(Column {
                name: shown_name(field.name()).to_owned(),
                pg,
                arrow,
                digits: Digits::of(field),
                origin: None,
            })
        })
        .collect()
}

/// The key of field metadata by which a function says that the text it returns is of another type.
pub const SHOWN_AS_KEY: &str = "rapport.shown_as";

/// Returns the type that a field is marked with: object ids, the one-byte `"char"`, and what functions mark.
fn special_type(field: &Field) -> Option<Type> {
    if field.data_type() == &DataType::Int32
        && let Some(kind) = field.metadata().get(PG_OID_ALIAS_KEY)
    {
        return pg_type_for_alias_kind(kind);
    }
    if let Some(kind) = field.metadata().get(SHOWN_AS_KEY) {
        return match kind.as_str() {
            "uuid" => Some(Type::UUID),
            "json" => Some(Type::JSON),
            "jsonb" => Some(Type::JSONB),
            "name" => Some(Type::NAME),
            "varchar" => Some(Type::VARCHAR),
            _ => None,
        };
    }
    let is_text = matches!(
        field.data_type(),
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
    );
    (is_text && field.metadata().contains_key(PG_CHAR_KEY)).then_some(Type::CHAR)
}

/// Returns the canonical type that stands for an Arrow type.
pub fn canonical(arrow: &DataType) -> DataType {
    use DataType as T;
    match arrow {
        T::Int8 | T::UInt8 => T::Int16,
        T::UInt16 => T::Int32,
        // DataFusion counts in unsigned numbers, and never beyond eight signed bytes.
        T::UInt32 | T::UInt64 => T::Int64,
        T::Float16 => T::Float32,
        T::Decimal32(precision, scale) | T::Decimal64(precision, scale) => {
            T::Decimal128(*precision, *scale)
        }
        T::LargeUtf8 | T::Utf8View | T::Null => T::Utf8,
        T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => T::Binary,
        T::Date64 => T::Date32,
        T::Time32(_) | T::Time64(_) => T::Time64(TimeUnit::Microsecond),
        T::Timestamp(_, None) => T::Timestamp(TimeUnit::Microsecond, None),
        T::Timestamp(_, Some(_)) => T::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        T::Interval(_) | T::Duration(_) => T::Interval(IntervalUnit::MonthDayNano),
        T::Dictionary(_, value) => canonical(value),
        T::RunEndEncoded(_, value) => canonical(value.data_type()),
        T::List(item)
        | T::LargeList(item)
        | T::ListView(item)
        | T::LargeListView(item)
        | T::FixedSizeList(item, _) => T::List(Arc::new(Field::new_list_field(
            canonical(item.data_type()),
            true,
        ))),
        T::Struct(fields) => T::Struct(
            fields
                .iter()
                .map(|field| Field::new(field.name(), canonical(field.data_type()), true))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// Returns the PostgreSQL type of a canonical type.
pub fn pg_type(arrow: &DataType) -> Option<Type> {
    use DataType as T;
    Some(match arrow {
        T::Boolean => Type::BOOL,
        T::Int16 => Type::INT2,
        T::Int32 => Type::INT4,
        T::Int64 => Type::INT8,
        T::Float32 => Type::FLOAT4,
        T::Float64 => Type::FLOAT8,
        T::Decimal128(..) | T::Decimal256(..) => Type::NUMERIC,
        T::Utf8 => Type::TEXT,
        T::Binary => Type::BYTEA,
        T::Date32 => Type::DATE,
        T::Time64(_) => Type::TIME,
        T::Timestamp(_, None) => Type::TIMESTAMP,
        T::Timestamp(_, Some(_)) => Type::TIMESTAMPTZ,
        T::Interval(_) => Type::INTERVAL,
        T::Struct(_) => Type::RECORD,
        T::List(item) => match item.data_type() {
            T::Boolean => Type::BOOL_ARRAY,
            T::Int16 => Type::INT2_ARRAY,
            T::Int32 => Type::INT4_ARRAY,
            T::Int64 => Type::INT8_ARRAY,
            T::Float32 => Type::FLOAT4_ARRAY,
            T::Float64 => Type::FLOAT8_ARRAY,
            T::Decimal128(..) | T::Decimal256(..) => Type::NUMERIC_ARRAY,
            T::Utf8 => Type::TEXT_ARRAY,
            T::Binary => Type::BYTEA_ARRAY,
            T::Date32 => Type::DATE_ARRAY,
            T::Time64(_) => Type::TIME_ARRAY,
            T::Timestamp(_, None) => Type::TIMESTAMP_ARRAY,
            T::Timestamp(_, Some(_)) => Type::TIMESTAMPTZ_ARRAY,
            T::Interval(_) => Type::INTERVAL_ARRAY,
            T::Struct(_) => Type::RECORD_ARRAY,
            // An array of arrays is one array of more dimensions.
            inner @ T::List(_) => return pg_type(inner),
            _ => return None,
        },
        _ => return None,
    })
}

/// Names the PostgreSQL type of an Arrow type, as SQL and error messages do; a type that clients cannot be sent by Arrow's
/// name.
pub fn type_name(arrow: &DataType) -> String {
    match pg_type(&canonical(arrow)) {
        Some(pg) => format_type(pg.oid(), -1),
        None => arrow.to_string().to_lowercase(),
    }
}

/// Returns the bytes of a value of a type, or -1 where they vary: `pg_type.typlen`.
pub fn type_size(pg: &Type) -> i16 {
    match *pg {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::OID | Type::FLOAT4 | Type::DATE => 4,
        Type::REGCLASS | Type::REGTYPE | Type::REGPROC | Type::REGNAMESPACE | Type::REGROLE => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
        Type::INTERVAL => 16,
        Type::NAME => 64,
        _ => -1,
    }
}
