//! Reading and discarding single files of the lake.
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

use super::{Lake, LakeError, TableId};

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
    open(lake, table, path, size).await?.read(columns)
}

/// Reads a file's footer.
pub(crate) async fn open(
    lake: &Lake,
    table: TableId,
    path: &str,
    size: u64,
) -> Result<OpenFile, LakeError> {
    let name = location(table, path);
    let reader = FileReader {
        store: Arc::clone(lake.store()),
        whole: match size <= WHOLE_BELOW {
            true => Some(lake.store().get(&name).await?.bytes().await?),
            false => None,
        },
        path: name.clone(),
        size,
    };
    match ParquetRecordBatchStreamBuilder::new(reader).await {
        Ok(builder) => Ok(OpenFile { name, builder }),
        Err(error) => Err(broken(&name, error)),
    }
}

fn broken(name: &Path, error: ParquetError) -> LakeError {
    LakeError::Parquet(ParquetError::General(format!("{name}: {error}")))
}

/// A file of which the footer has been read.
pub(crate) struct OpenFile {
    name: Path,
    builder: ParquetRecordBatchStreamBuilder<FileReader>,
}

impl OpenFile {
    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        let rows = self.builder.metadata().file_metadata().num_rows();
        u64::try_from(rows).unwrap_or_default()
    }

    /// About how many bytes its rows take once they are decoded. The footer says so, and it may say anything.
    pub fn decoded_bytes(&self) -> u64 {
        let groups = self.builder.metadata().row_groups().iter();
        let columns = groups.flat_map(|group| group.columns());
        columns.fold(0_u64, |sum: u64, column| {
            let texts = column.unencoded_byte_array_data_bytes().unwrap_or_default();
            // A number has eight bytes at most, and a text at least four besides its own.
            let values = column.num_values().saturating_mul(8);
            let bytes = column.uncompressed_size().max(texts).saturating_add(values);
            sum.saturating_add(u64::try_from(bytes).unwrap_or_default())
        })
    }

    /// Its rows; of all columns, or of some (in the order of the file).
    pub fn read(
        self,
        columns: Option<&[&str]>,
    ) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
        let Self { name, mut builder } = self;
        builder = builder.with_batch_size(BATCH_ROWS);
        if let Some(columns) = columns {
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        let stream = builder.build().map_err(|error| broken(&name, error))?;
        Ok(stream.map_err(move |error| broken(&name, error)).boxed())
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};

    use super::*;
    use crate::lake::{Freshness, Partition};

    #[tokio::test]
    async fn a_footer_tells_how_large_rows_are_once_they_are_decoded() {
        let options = Default::default();
        let lake = Lake::open("memory:///", &options, true).await.unwrap();
        let text = "again and again ".repeat(10_000);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec!["acme"; 100])),
            Arc::new(TimestampMicrosecondArray::from(vec![7; 100]).with_timezone("UTC")),
            Arc::new(StringArray::from(vec![text.as_str(); 100])),
        ];
        let table = TableId::Accounts;
        let rows = RecordBatch::try_new(table.file_schema(), columns).unwrap();
        let (partition, rows) = (Partition::default(), [rows]);
        let file = lake.write(table, &partition, &rows, Freshness::Closed);
        let file = file.await.unwrap();
        assert!(file.size < 1_000_000, "{}", file.size);
        let open = open(&lake, table, &file.path, file.size).await.unwrap();
        assert_eq!(open.rows(), 100);
        let decoded = open.decoded_bytes();
        assert!((16_000_000..20_000_000).contains(&decoded), "{decoded}");
    }
}
