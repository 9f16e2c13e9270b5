//! Reads small Parquet files whole, for landing and deriving.
//!
//! A lake has tens of thousands of small files, and a derive reads each once: asking the store for a footer and then for
//! columns, and keeping footers that nobody asks for again, costs more than reading all of a file. Files that are larger are
//! read as usual.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::{BoxFuture, FutureExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

/// The greatest size of a file that is read whole, in bytes.
const WHOLE_BELOW: u64 = 1 << 20;

/// Creates readers that read small files whole.
#[derive(Debug)]
pub(super) struct WholeFiles {
    store: Arc<dyn ObjectStore>,
    /// Reads the files that are not small.
    others: CachedParquetFileReaderFactory,
}

impl WholeFiles {
    pub fn new(store: Arc<dyn ObjectStore>, others: CachedParquetFileReaderFactory) -> Self {
        Self { store, others }
    }
}

impl ParquetFileReaderFactory for WholeFiles {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        footer_size: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        if file.object_meta.size > WHOLE_BELOW {
            return self
                .others
                .create_reader(partition, file, footer_size, metrics);
        }
        Ok(Box::new(WholeFile {
            store: Arc::clone(&self.store),
            path: file.object_meta.location,
            size: file.object_meta.size,
            content: None,
        }))
    }
}

/// A file whose content is fetched once.
struct WholeFile {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
    content: Option<Bytes>,
}

impl WholeFile {
    /// Returns all bytes of the file.
    async fn content(&mut self) -> ParquetResult<Bytes> {
        if let Some(content) = &self.content {
            return Ok(content.clone());
        }
        let content = self.store.get_range(&self.path, 0..self.size).await;
        let content = content.map_err(|error| ParquetError::External(Box::new(error)))?;
        self.content = Some(content.clone());
        Ok(content)
    }

    /// Returns a part of the file; a footer that points past its end is an error.
    fn part(content: &Bytes, range: &Range<u64>) -> ParquetResult<Bytes> {
        let (start, end) = (range.start as usize, range.end as usize);
        match start <= end && end <= content.len() {
            true => Ok(content.slice(start..end)),
            false => Err(ParquetError::EOF(format!(
                "bytes {start} to {end} of a file of {} bytes",
                content.len()
            ))),
        }
    }
}

impl AsyncFileReader for WholeFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move { Self::part(&self.content().await?, &range) }.boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move {
            let content = self.content().await?;
            ranges
                .iter()
                .map(|range| Self::part(&content, range))
                .collect()
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let content = self.content().await?;
            let footer = ParquetMetaDataReader::new().parse_and_finish(&content);
            // The file is named, as no caller does.
            let footer = footer
                .map_err(|error| ParquetError::General(format!("file {}: {error}", self.path)))?;
            Ok(Arc::new(footer))
        }
        .boxed()
    }
}
