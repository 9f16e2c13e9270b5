//! Reading columns of single files of the lake, to find duplicates.
//!
//! Each file is read by itself and as a stream, with no plan around it: finding duplicates asks for one column of a few
//! small files per partition, for thousands of partitions.

use arrow::array::RecordBatch;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use parquet::arrow::async_reader::ParquetObjectReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;

use super::error::LandError;
use crate::lake::{Lake, LakeError, TableId};

const BATCH_ROWS: usize = 65_536;

/// A file's path from the lake's root.
fn location(table: TableId, path: &str) -> Path {
    Path::from(format!("{}/{path}", table.name()))
}

/// A file's rows; of all columns, or of some (in the order of the file).
pub(super) async fn read(
    lake: &Lake,
    table: TableId,
    path: &str,
    size: u64,
    columns: Option<&[&str]>,
) -> Result<BoxStream<'static, Result<RecordBatch, LandError>>, LandError> {
    let name = location(table, path);
    let broken = {
        let input = name.to_string();
        move |source: ParquetError| LandError::Parquet {
            input: input.clone(),
            source,
        }
    };
    let reader =
        ParquetObjectReader::new(std::sync::Arc::clone(lake.store()), name).with_file_size(size);
    let mut builder = ParquetRecordBatchStreamBuilder::new(reader)
        .await
        .map_err(&broken)?
        .with_batch_size(BATCH_ROWS);
    if let Some(columns) = columns {
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        builder = builder.with_projection(mask);
    }
    let stream = builder.build().map_err(&broken)?;
    Ok(stream.map_err(broken).boxed())
}

/// Takes away a file that was written for a landing that failed, or that was replaced. It is no part of any table, so if
/// this fails too, it only takes up space.
pub(super) async fn discard(lake: &Lake, table: TableId, path: &str) {
    use object_store::ObjectStoreExt;
    let name = location(table, path);
    if let Err(error) = lake.store().delete(&name).await {
        tracing::warn!(file = %name, error = %LakeError::from(error), "a file that no table uses was left behind");
    }
}
