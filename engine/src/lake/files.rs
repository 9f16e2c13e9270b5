//! Reads and deletes single files of the lake.
//!
//! A file is read as a stream, without a query plan: finding duplicates reads one column of a few small files per
//! partition, for thousands of partitions.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
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
    let store = lake.store();
    let (content, footer) = if size <= WHOLE_BELOW {
        let content = store.get(&name).await?.bytes().await?;
        let footer = ParquetMetaDataReader::new().parse_and_finish(&content);
        (Content::Whole(content), footer.map(Arc::new))
    } else {
        let mut parts = PartReader {
            store: Arc::clone(store),
            path: name.clone(),
            size,
        };
        let footer = parts.get_metadata(None).await;
        (Content::Parts(parts), footer)
    };
    Ok(OpenFile {
        table,
        footer: footer.map_err(|error| broken(&name, error))?,
        name,
        content,
    })
}

fn broken(name: &Path, error: ParquetError) -> LakeError {
    LakeError::Parquet(ParquetError::General(format!("{name}: {error}")))
}

/// A file whose footer has been read.
pub(crate) struct OpenFile {
    table: TableId,
    name: Path,
    content: Content,
    footer: Arc<ParquetMetaData>,
}

/// What has been fetched of a file.
enum Content {
    /// All of it.
    Whole(Bytes),
    /// Nothing: parts are fetched as they are needed.
    Parts(PartReader),
}

impl OpenFile {
    /// Returns its number of rows.
    pub fn rows(&self) -> u64 {
        let rows = self.footer.file_metadata().num_rows();
        u64::try_from(rows).unwrap_or_default()
    }

    /// Estimates the bytes of its decoded rows from the footer. A damaged footer may state anything, so sums saturate.
    pub fn decoded_bytes(&self) -> u64 {
        let groups = self.footer.row_groups().iter();
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
        let types = self.table.file_schema();
        let places = columns.map(|columns| {
            let places = columns.iter().map(|column| types.index_of(column));
            places.collect::<Result<Vec<_>, _>>()
        });
        let wanted = match places.transpose()? {
            Some(places) => Arc::new(types.project(&places)?),
            None => Arc::clone(&types),
        };
        self.read_as(&types, wanted, BATCH_ROWS)
    }

    /// Returns its rows in the columns of `wanted`, in batches of at most so many rows. `types` has all columns of a file in
    /// the types of `wanted`, in which those of most files are decoded at once; the others' are cast.
    pub fn read_as(
        self,
        types: &SchemaRef,
        wanted: SchemaRef,
        rows: usize,
    ) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
        let name = self.name;
        let decoded = ArrowReaderOptions::new().with_schema(Arc::clone(types));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(&self.footer), decoded)
            .or_else(|_| ArrowReaderMetadata::try_new(self.footer, ArrowReaderOptions::new()))
            .map_err(|error| broken(&name, error))?;
        let columns = wanted.fields().iter().map(|field| field.name().as_str());
        let mask = ProjectionMask::columns(metadata.parquet_schema(), columns);
        let batches = match self.content {
            Content::Whole(content) => {
                ParquetRecordBatchReaderBuilder::new_with_metadata(content, metadata)
                    .with_projection(mask)
                    .with_batch_size(rows)
                    .build()
                    .map(|batches| stream::iter(batches).map_err(ParquetError::from).boxed())
            }
            Content::Parts(parts) => {
                ParquetRecordBatchStreamBuilder::new_with_metadata(parts, metadata)
                    .with_projection(mask)
                    .with_batch_size(rows)
                    .build()
                    .map(StreamExt::boxed)
            }
        };
        let batches = batches.map_err(|error| broken(&name, error))?;
        let rows = batches.map(move |batch| -> Result<RecordBatch, LakeError> {
            let batch = batch.map_err(|error| broken(&name, error))?;
            Ok(conform(&batch, &wanted, Missing::Null)?)
        });
        Ok(rows.boxed())
    }
}

/// Reads byte ranges of a file.
struct PartReader {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
}

impl AsyncFileReader for PartReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            let part = self.store.get_range(&self.path, range).await;
            part.map_err(|error| ParquetError::External(Box::new(error)))
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
