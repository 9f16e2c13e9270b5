//! The rows of some files of a partition as one landing would have written them, for whoever puts files together.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::SchemaRef;
use futures::TryStreamExt;

use super::error::LandError;
use super::files;
use super::merge::PartitionRows;
use super::partition::FirstRows;
use crate::lake::{DataFile, Lake, TableId};

/// All rows in the table's order; `None` if two have the same identity, which landing would have prevented (SPEC E1).
pub(crate) async fn merged(
    lake: &Lake,
    table: TableId,
    files: &[Arc<DataFile>],
) -> Result<Option<RecordBatch>, LandError> {
    let schema = table.file_schema();
    let mut batches = Vec::new();
    for file in files {
        let mut rows = files::read(lake, table, &file.path, file.size, None).await?;
        while let Some(batch) = rows.try_next().await? {
            batches.push(as_written(&batch, &schema)?);
        }
    }
    let rows = FirstRows::of(PartitionRows::whole(concat_batches(&schema, &batches)?))?;
    if rows.duplicates() > 0 {
        return Ok(None);
    }
    rows.sorted(table.sort_columns()[0])
}

/// A batch with the columns and types that we write, whoever wrote the file.
fn as_written(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, LandError> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            let column = batch.column(batch.schema_ref().index_of(field.name())?);
            cast(column, field.data_type())
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
