//! Events as Arrow batches: one column for each field of the contract, all types of event in one schema.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal128Builder, Int64Builder, ListBuilder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field as Column, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use super::event::Event;
use super::feed::Events;
use super::spell::{Field, Shape, Spell};

/// The columns of [`Events::next_batch`]: the fields of events, named as in the contract (`occurred_at` as
/// `Timestamp(us, UTC)`, `value` as `Decimal128(18, 4)`, lists as `List<Utf8>`), and `page`, which the contract does
/// not list.
pub fn event_schema() -> SchemaRef {
    let columns = Field::ALL.iter().enumerate().map(|(place, (name, shape))| {
        let data_type = match shape {
            Shape::Text => DataType::Utf8,
            Shape::Texts => DataType::List(Arc::new(Column::new_list_field(DataType::Utf8, true))),
            Shape::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Shape::Flag => DataType::Boolean,
            Shape::Integer => DataType::Int64,
            Shape::Money => DataType::Decimal128(18, 4),
        };
        Column::new(*name, data_type, place > Field::OccurredAt as usize)
    });
    Arc::new(Schema::new(columns.collect::<Vec<_>>()))
}

impl Events {
    /// The next events, at most `rows`, with the columns of [`event_schema`]; none at the end.
    pub fn next_batch(&mut self, rows: usize) -> Result<Option<RecordBatch>, ArrowError> {
        self.batch(rows, &mut |_| {})
    }

    /// As [`Events::next_batch`], telling `seen` each event.
    pub(super) fn batch(
        &mut self,
        rows: usize,
        seen: &mut dyn FnMut(&Event),
    ) -> Result<Option<RecordBatch>, ArrowError> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut batch = Columns::new()?;
        while batch.rows < rows {
            let Some(event) = self.next() else { break };
            event.spell(&self.shops[event.shop as usize], &mut scratch, &mut batch);
            batch.rows += 1;
            seen(&event);
        }
        self.scratch = scratch;
        if batch.rows == 0 {
            Ok(None)
        } else {
            batch.finish().map(Some)
        }
    }
}

/// A column being built.
enum Builder {
    Text(StringBuilder),
    Texts(ListBuilder<StringBuilder>),
    Instant(TimestampMicrosecondBuilder),
    Flag(BooleanBuilder),
    Integer(Int64Builder),
    Money(Decimal128Builder),
}

impl Builder {
    fn new(shape: Shape) -> Result<Self, ArrowError> {
        Ok(match shape {
            Shape::Text => Self::Text(StringBuilder::new()),
            Shape::Texts => Self::Texts(ListBuilder::new(StringBuilder::new())),
            Shape::Instant => {
                Self::Instant(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            Shape::Flag => Self::Flag(BooleanBuilder::new()),
            Shape::Integer => Self::Integer(Int64Builder::new()),
            Shape::Money => Self::Money(Decimal128Builder::new().with_precision_and_scale(18, 4)?),
        })
    }

    fn nulls(&mut self, count: usize) {
        match self {
            Self::Text(builder) => builder.append_nulls(count),
            Self::Texts(builder) => (0..count).for_each(|_| builder.append_null()),
            Self::Instant(builder) => builder.append_nulls(count),
            Self::Flag(builder) => builder.append_nulls(count),
            Self::Integer(builder) => builder.append_nulls(count),
            Self::Money(builder) => builder.append_nulls(count),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Texts(builder) => Arc::new(builder.finish()),
            Self::Instant(builder) => Arc::new(builder.finish()),
            Self::Flag(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Money(builder) => Arc::new(builder.finish()),
        }
    }
}

/// A batch being built. A column is padded with nulls only when its next value comes, or at the end.
struct Columns {
    rows: usize,
    /// Each column with its length so far.
    columns: Vec<(Builder, usize)>,
}

impl Columns {
    fn new() -> Result<Self, ArrowError> {
        let columns = Field::ALL
            .iter()
            .map(|(_, shape)| Ok((Builder::new(*shape)?, 0)));
        Ok(Self {
            rows: 0,
            columns: columns.collect::<Result<_, ArrowError>>()?,
        })
    }

    /// The column of `field`, padded up to this row, which the caller fills.
    fn column(&mut self, field: Field) -> &mut Builder {
        let (builder, length) = &mut self.columns[field as usize];
        if *length < self.rows {
            builder.nulls(self.rows - *length);
        }
        *length = self.rows + 1;
        builder
    }

    fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let rows = self.rows;
        let arrays = self.columns.iter_mut().map(|(builder, length)| {
            builder.nulls(rows - *length);
            builder.finish()
        });
        RecordBatch::try_new(event_schema(), arrays.collect())
    }
}

impl Spell for Columns {
    fn text(&mut self, field: Field, value: &str) {
        if let Builder::Text(builder) = self.column(field) {
            builder.append_value(value);
        }
    }

    fn texts<'a>(&mut self, field: Field, values: impl Iterator<Item = &'a str>) {
        if let Builder::Texts(builder) = self.column(field) {
            values.for_each(|value| builder.values().append_value(value));
            builder.append(true);
        }
    }

    fn instant(&mut self, field: Field, micros: i64) {
        if let Builder::Instant(builder) = self.column(field) {
            builder.append_value(micros);
        }
    }

    fn flag(&mut self, field: Field, value: bool) {
        if let Builder::Flag(builder) = self.column(field) {
            builder.append_value(value);
        }
    }

    fn integer(&mut self, field: Field, value: i64) {
        if let Builder::Integer(builder) = self.column(field) {
            builder.append_value(value);
        }
    }

    fn money(&mut self, field: Field, cents: i64) {
        if let Builder::Money(builder) = self.column(field) {
            builder.append_value(i128::from(cents) * 100);
        }
    }
}
