//! A result as one Parquet file.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{OutputError, ResultWriter};

/// How many bytes a group of rows comes to, at most: so much is held until it is written.
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// Writes Parquet.
pub(super) struct ParquetResult<W: Write + Send> {
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> ParquetResult<W> {
    pub fn new(out: W, schema: SchemaRef) -> Result<Self, OutputError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .build();
        Ok(Self {
            writer: ArrowWriter::try_new(out, schema, Some(properties))?,
        })
    }
}

impl<W: Write + Send> ResultWriter for ParquetResult<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        Ok(self.writer.write(batch)?)
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        self.writer.finish()?;
        Ok(self.writer.inner_mut().flush()?)
    }
}
