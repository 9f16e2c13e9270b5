//! Batches in the columns and types of a schema, whoever made them.
//!
//! A file of the lake may have been written before its table had all of its columns, or by another program that knows
//! strings or dictionaries as other types; a plan gives strings as views.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

/// What becomes of a column that a batch lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It is null in every row, as in files from before the table had it.
    Null,
    /// It is an error.
    Refused,
}

/// Returns the columns of a schema, found by their names and cast to its types.
///
/// # Errors
/// A column that cannot be cast, or that is missing and may not be, by its name.
pub(crate) fn conform(
    batch: &RecordBatch,
    schema: &SchemaRef,
    missing: Missing,
) -> Result<RecordBatch, ArrowError> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) => cast(column, field.data_type()),
            None if missing == Missing::Null && field.is_nullable() => {
                Ok(new_null_array(field.data_type(), batch.num_rows()))
            }
            None => Err(ArrowError::SchemaError(format!(
                "the rows lack the column {}",
                field.name()
            ))),
        });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow::array::{Array, ArrayRef, Int64Array, StringViewArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn schema(fields: [(&str, DataType, bool); 2]) -> SchemaRef {
        let fields =
            fields.map(|(name, data_type, nullable)| Field::new(name, data_type, nullable));
        Arc::new(Schema::new(fields.to_vec()))
    }

    #[test]
    fn columns_are_found_by_name_and_cast() {
        let texts: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "b"]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter([("n", numbers), ("t", texts)]).unwrap();
        let wanted = schema([("t", DataType::Utf8, false), ("n", DataType::Int32, false)]);
        for missing in [Missing::Null, Missing::Refused] {
            let conformed = conform(&batch, &wanted, missing).unwrap();
            assert_eq!(conformed.schema(), wanted);
            assert_eq!(conformed.num_rows(), 2);
        }
    }

    #[test]
    fn a_column_that_is_missing_is_null_only_where_it_may_be() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let wanted = |nullable| {
            schema([
                ("n", DataType::Int64, false),
                ("t", DataType::Utf8, nullable),
            ])
        };
        let filled = conform(&batch, &wanted(true), Missing::Null).unwrap();
        assert_eq!(filled.column(1).null_count(), 2);
        for (nullable, missing) in [(false, Missing::Null), (true, Missing::Refused)] {
            let error = conform(&batch, &wanted(nullable), missing).unwrap_err();
            assert!(error.to_string().contains("column t"), "{error}");
        }
    }
}
