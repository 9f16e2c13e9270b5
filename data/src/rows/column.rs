//! A column of which only some rows have a value.

use super::dictionary;
use crate::check::Cell;
use crate::event::Kind;
use crate::table::{MONEY, UTC, list_item};
use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Decimal128Builder, Int8Builder, Int64Builder,
    ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use std::sync::Arc;

pub(crate) enum Column {
    Text(StringBuilder),
    TextList(ListBuilder<StringBuilder>),
    Code(Int8Builder, &'static [&'static str]),
    Whole(Int64Builder),
    Flag(BooleanBuilder),
    Instant(TimestampMicrosecondBuilder),
    Money(Decimal128Builder),
}

/// Nulls for the rows before `row` that got no value.
macro_rules! at {
    ($builder:expr, $row:expr) => {{
        let missing = $row - $builder.len();
        if missing > 0 {
            $builder.append_nulls(missing);
        }
        $builder
    }};
}

impl Column {
    pub(super) fn new(kind: Kind) -> Column {
        match kind {
            Kind::Name | Kind::Words | Kind::Currency => Column::Text(StringBuilder::new()),
            Kind::TextList => {
                Column::TextList(ListBuilder::new(StringBuilder::new()).with_field(list_item()))
            }
            Kind::OneOf(names) => Column::Code(Int8Builder::new(), names),
            Kind::Whole => Column::Whole(Int64Builder::new()),
            Kind::Flag => Column::Flag(BooleanBuilder::new()),
            Kind::Instant => Column::Instant(TimestampMicrosecondBuilder::new()),
            Kind::Money => Column::Money(Decimal128Builder::new().with_data_type(MONEY)),
        }
    }

    /// Puts a value into `row`, which is after all that have one.
    #[inline]
    pub(crate) fn put(&mut self, row: usize, cell: &Cell<'_>) {
        match (self, cell) {
            (Column::Text(builder), Cell::Text(text)) => at!(builder, row).append_value(text),
            (Column::TextList(builder), Cell::TextList(list)) => {
                at!(builder, row).append_value(list.iter().map(Some));
            }
            (Column::Code(builder, _), Cell::Code(code)) => at!(builder, row).append_value(*code),
            (Column::Whole(builder), Cell::Whole(number)) => {
                at!(builder, row).append_value(*number)
            }
            (Column::Flag(builder), Cell::Flag(flag)) => at!(builder, row).append_value(*flag),
            (Column::Instant(builder), Cell::Instant(micros)) => {
                at!(builder, row).append_value(*micros)
            }
            (Column::Money(builder), Cell::Money(steps)) => {
                at!(builder, row).append_value(i128::from(*steps))
            }
            // A field is of one kind in a table's types and in its columns, which the tests hold every type to.
            _ => debug_assert!(false, "a cell of another kind than its column"),
        }
    }

    /// Puts a string into `row`, which is after all that have one.
    pub(super) fn put_text(&mut self, row: usize, text: &str) {
        if let Column::Text(builder) = self {
            at!(builder, row).append_value(text);
        }
    }

    /// The column of all `rows`.
    pub(super) fn finish(self, rows: usize) -> ArrayRef {
        match self {
            Column::Text(mut builder) => Arc::new(at!(builder, rows).finish()),
            Column::TextList(mut builder) => Arc::new(at!(builder, rows).finish()),
            Column::Code(mut builder, names) => {
                Arc::new(dictionary(at!(builder, rows).finish(), names))
            }
            Column::Whole(mut builder) => Arc::new(at!(builder, rows).finish()),
            Column::Flag(mut builder) => Arc::new(at!(builder, rows).finish()),
            Column::Instant(mut builder) => {
                Arc::new(at!(builder, rows).finish().with_timezone(UTC))
            }
            Column::Money(mut builder) => Arc::new(at!(builder, rows).finish()),
        }
    }
}
