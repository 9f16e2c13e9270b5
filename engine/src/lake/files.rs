//! Reads and deletes single files of the lake.
//!
//! A file is read as a stream, without a query plan: finding duplicates reads one column of a few small files per
//! partition, for thousands of partitions.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::{Lake, LakeError, Missing, TableId, conform};

const BATCH_ROWS: usize = 65_536;
/// Files up to this many bytes are fetched by one request: more requests would cost more than the bytes not needed.
const WHOLE_BELOW: u64 = 1024 * 1024;

/// Returns a file's path from the lake's root.
fn location(table: TableId, path: &str) -> Path {
    Path::from(format!("{}/{path}", table.name()))
}

/// Returns a file's rows: all columns of the table's file schema, or some of them, in the order given.
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
        Ok(builder) => Ok(OpenFile {
            table,
            name,
            builder,
        }),
        Err(error) => Err(broken(&name, error)),
    }
}

fn broken(name: &Path, error: ParquetError) -> LakeError {
    LakeError::Parquet(ParquetError::General(format!("{name}: {error}")))
}

/// A file whose footer has been read.
pub(crate) struct OpenFile {
    table: TableId,
    name: Path,
    builder: ParquetRecordBatchStreamBuilder<FileReader>,
}

impl OpenFile {
    /// Returns its number of rows.
    pub fn rows(&self) -> u64 {
        let rows = self.builder.metadata().file_metadata().num_rows();
        u64::try_from(rows).unwrap_or_default()
    }

    /// Estimates the bytes of its decoded rows from the footer. A damaged footer may state anything, so sums saturate.
    pub fn decoded_bytes(&self) -> u64 {
        let groups = self.builder.metadata().row_groups().iter();
        let columns = groups.flat_map(|group| group.columns());
        columns.fold(0_u64, |sum: u64, column| {
            let texts = column.unencoded_byte_array_data_bytes().unwrap_or_default();
            // A number takes at most eight bytes, and a string at least four more than its text.
            let values = column.num_values().saturating_mul(8);
            let bytes = column.uncompressed_size().max(texts).saturating_add(values);
            sum.saturating_add(u64::try_from(bytes).unwrap_or_default())
        })
    }

    /// Returns its rows: all columns of the table's file schema, or some of them, in the order given.
    pub fn read(
        self,
        columns: Option<&[&str]>,
    ) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
        let (name, mut builder) = (self.name, self.builder.with_batch_size(BATCH_ROWS));
        let mut schema = self.table.file_schema();
        if let Some(columns) = columns {
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
            let places = columns.iter().map(|column| schema.index_of(column));
            let places = places.collect::<Result<Vec<_>, _>>()?;
            schema = Arc::new(schema.project(&places)?);
        }
        let stream = builder.build().map_err(|error| broken(&name, error))?;
        let rows = stream.map(move |batch| -> Result<RecordBatch, LakeError> {
            let batch = batch.map_err(|error| broken(&name, error))?;
            Ok(conform(&batch, &schema, Missing::Null)?)
        });
        Ok(rows.boxed())
    }
}

/// Reads byte ranges of a file, from memory if the whole file was fetched.
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

/// Deletes a file that no version of the table names. If that fails, the file only takes up space until it is vacuumed.
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
    async fn the_footer_gives_the_size_of_the_decoded_rows() {
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
