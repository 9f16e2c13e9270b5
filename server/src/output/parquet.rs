//! Writes a result as one Parquet file, compressed with Zstandard.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{OutputError, ResultWriter};

/// How large a row group may be, in bytes; it is held in memory until it is written.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray};
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn row_groups_stay_within_their_size() {
        let mut random = SmallRng::seed_from_u64(1);
        let values: Vec<[u8; 1024]> = (0..8192)
            .map(|_| std::array::from_fn(|_| random.random()))
            .collect();
        let column: ArrayRef = Arc::new(BinaryArray::from_iter_values(&values));
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let mut file = Vec::new();
        let mut writer = ParquetResult::new(&mut file, batch.schema()).unwrap();
        let batches = 3 * GROUP_BYTES / (values.len() * 1024);
        for _ in 0..batches {
            writer.write(&batch).unwrap();
        }
        writer.finish().unwrap();
        drop(writer);
        let read = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
        let groups = read.metadata().row_groups();
        let rows: i64 = groups.iter().map(|group| group.num_rows()).sum();
        assert_eq!(rows, i64::try_from(batches * values.len()).unwrap());
        for group in groups {
            let bytes = usize::try_from(group.total_byte_size()).unwrap();
            assert!(bytes < 2 * GROUP_BYTES, "{bytes}");
        }
    }
}
