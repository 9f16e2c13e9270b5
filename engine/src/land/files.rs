//! Reading columns of single files of the lake, to find duplicates.
//!
//! Each file is read by itself and as a stream, with no plan around it: finding duplicates asks for one column of a few
//! small files per partition, for thousands of partitions.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use crate::lake::{Lake, LakeError, TableId};

const BATCH_ROWS: usize = 65_536;
/// A file up to here is fetched in one request: asking for its pieces costs more than the bytes that are not needed.
const WHOLE_BELOW: u64 = 1024 * 1024;

/// A file's path from the lake's root.
fn location(table: TableId, path: &str) -> Path {
    Path::from(format!("{}/{path}", table.name()))
}

/// A file's rows; of all columns, or of some (in the order of the file).
pub(crate) async fn read(
    lake: &Lake,
    table: TableId,
    path: &str,
    size: u64,
    columns: Option<&[&str]>,
) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
    let name = location(table, path);
    let broken = {
        let input = name.to_string();
        move |error| LakeError::Parquet(ParquetError::General(format!("{input}: {error}")))
    };
    let reader = FileReader {
        store: Arc::clone(lake.store()),
        whole: match size <= WHOLE_BELOW {
            true => Some(lake.store().get(&name).await?.bytes().await?),
            false => None,
        },
        path: name,
        size,
    };
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

/// Reads ranges of a file, from memory if it is there.
struct FileReader {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
    whole: Option<Bytes>,
}

impl AsyncFileReader for FileReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            match &self.whole {
                Some(whole) if range.end <= whole.len() as u64 => {
                    Ok(whole.slice(range.start as usize..range.end as usize))
                }
                Some(_) => Err(ParquetError::EOF(format!(
                    "bytes {range:?} of a shorter file were asked for"
                ))),
                None => self
                    .store
                    .get_range(&self.path, range)
                    .await
                    .map_err(|error| ParquetError::External(Box::new(error))),
            }
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let size = self.size;
            let metadata = ParquetMetaDataReader::new()
                .with_arrow_reader_options(options)
                .load_and_finish(self, size)
                .await?;
            Ok(Arc::new(metadata))
        }
        .boxed()
    }
}

/// Takes away a file that was written for work that failed, or that was replaced. It is no part of any table, so if
/// this fails too, it only takes up space.
pub(crate) async fn discard(lake: &Lake, table: TableId, path: &str) {
    let name = location(table, path);
    if let Err(error) = lake.store().delete(&name).await {
        tracing::warn!(file = %name, error = %LakeError::from(error), "a file that no table uses was left behind");
    }
}
