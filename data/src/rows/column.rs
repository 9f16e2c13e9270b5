//! Builds a sparse column, in which only some rows have a value.

use super::enum_column;
use crate::check::Cell;
use crate::event::Kind;
use crate::table::{MONEY, UTC, list_item};
use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Decimal128Builder, Int8Builder, Int64Builder,
    ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use std::sync::Arc;

/// Builds a sparse column of one of the contract's types.
pub(crate) enum Column {
    Text(StringBuilder),
    TextList(ListBuilder<StringBuilder>),
    Code(Int8Builder, &'static [&'static str]),
    Whole(Int64Builder),
    Flag(BooleanBuilder),
    Instant(TimestampMicrosecondBuilder),
    Money(Decimal128Builder),
}

/// Appends nulls for the rows before `row` that have no value, and returns the builder.
macro_rules! padded_to {
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
            Kind::Whole | Kind::Rating => Column::Whole(Int64Builder::new()),
            Kind::Flag => Column::Flag(BooleanBuilder::new()),
            Kind::Instant => Column::Instant(TimestampMicrosecondBuilder::new()),
            Kind::Money => Column::Money(Decimal128Builder::new().with_data_type(MONEY)),
        }
    }

    /// Sets the value of `row`, which must come after all rows with a value.
    #[inline]
    pub(crate) fn put(&mut self, row: usize, cell: &Cell<'_>) {
        match (self, cell) {
            (Column::Text(builder), Cell::Text(text)) => {
                padded_to!(builder, row).append_value(text)
            }
            (Column::TextList(builder), Cell::TextList(list)) => {
                padded_to!(builder, row).append_value(list.iter().map(Some));
            }
            (Column::Code(builder, _), Cell::Code(code)) => {
                padded_to!(builder, row).append_value(*code)
            }
            (Column::Whole(builder), Cell::Whole(number)) => {
                padded_to!(builder, row).append_value(*number)
            }
            (Column::Flag(builder), Cell::Flag(flag)) => {
                padded_to!(builder, row).append_value(*flag)
            }
            (Column::Instant(builder), Cell::Instant(micros)) => {
                padded_to!(builder, row).append_value(*micros)
            }
            (Column::Money(builder), Cell::Money(steps)) => {
                padded_to!(builder, row).append_value(i128::from(*steps))
            }
            // The kind of a field in an event type is that of the table's column; a test checks every type.
            _ => debug_assert!(false, "a cell of another kind than its column"),
        }
    }

    /// Sets the text of `row`, which must come after all rows with a value.
    pub(super) fn put_text(&mut self, row: usize, text: &str) {
        if let Column::Text(builder) = self {
            padded_to!(builder, row).append_value(text);
        }
    }

    /// Returns the column, padded with nulls to `rows` rows.
    pub(super) fn finish(self, rows: usize) -> ArrayRef {
        match self {
            Column::Text(mut builder) => Arc::new(padded_to!(builder, rows).finish()),
            Column::TextList(mut builder) => Arc::new(padded_to!(builder, rows).finish()),
            Column::Code(mut builder, names) => {
                Arc::new(enum_column(padded_to!(builder, rows).finish(), names))
            }
            Column::Whole(mut builder) => Arc::new(padded_to!(builder, rows).finish()),
            Column::Flag(mut builder) => Arc::new(padded_to!(builder, rows).finish()),
            Column::Instant(mut builder) => {
                Arc::new(padded_to!(builder, rows).finish().with_timezone(UTC))
            }
            Column::Money(mut builder) => Arc::new(padded_to!(builder, rows).finish()),
        }
    }
}
