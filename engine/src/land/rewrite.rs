//! Combines the rows of several files of a partition for compaction, as one landing or derive would have written them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{
    SortColumn, SortOptions, concat_batches, lexsort_to_indices, take_record_batch,
};
use arrow::error::ArrowError;
use futures::TryStreamExt;

use super::error::LandError;
use super::merge::PartitionRows;
use super::partition::FirstRows;
use crate::lake::TableId;
use crate::lake::files::OpenFile;

/// Returns the events of all files in the table's order; `None` if two have the same identity, which landing prevents
/// (SPEC E1).
pub(crate) async fn merged(
    table: TableId,
    files: Vec<OpenFile>,
) -> Result<Option<RecordBatch>, LandError> {
    let rows = FirstRows::of(PartitionRows::whole(all_rows(table, files).await?))?;
    if rows.duplicates().total() > 0 {
        return Ok(None);
    }
    rows.sorted(table.sort_columns()[0])
}

/// Returns the rows of all files of a derived table in its order. Its sort columns identify a row.
pub(crate) async fn sorted(table: TableId, files: Vec<OpenFile>) -> Result<RecordBatch, LandError> {
    let rows = all_rows(table, files).await?;
    let columns = table.sort_columns().iter().map(|name| {
        let values = rows.column(rows.schema_ref().index_of(name)?);
        Ok(SortColumn {
            values: Arc::clone(values),
            options: Some(SortOptions::default()),
        })
    });
    let columns: Vec<SortColumn> = columns.collect::<Result<_, ArrowError>>()?;
    Ok(take_record_batch(
        &rows,
        &lexsort_to_indices(&columns, None)?,
    )?)
}

async fn all_rows(table: TableId, files: Vec<OpenFile>) -> Result<RecordBatch, LandError> {
    let schema = table.file_schema();
    let mut batches = Vec::new();
    for file in files {
        batches.extend(file.read(None)?.try_collect::<Vec<_>>().await?);
    }
    Ok(concat_batches(&schema, &batches)?)
}
