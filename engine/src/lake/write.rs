//! Writes a table's Parquet files, with encodings and sizes that were chosen by measuring.
//!
//! Instants and integers are delta-packed; only columns with few distinct values are dictionaries; rows are in the table's
//! sort order, which the footer states. Files that will soon be rewritten are LZ4, the others ZSTD. A file is built in
//! memory and stored by one request, so a crash leaves no partial file, and no reader sees it until a commit names it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use uuid::Uuid;

use super::Lake;
use super::error::LakeError;
use super::snapshot::{DataFile, Partition};
use super::stats::FileStatistics;
use super::table::TableId;

/// Rows per row group: enough to compress well, few enough that a scan can skip groups.
const ROW_GROUP_ROWS: usize = 262_144;

/// Whether a file will soon be replaced; decides its compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It will soon be rewritten or compacted: LZ4.
    Moving,
    /// It is likely to stay: ZSTD.
    Closed,
}

/// A file that is written and that no commit names yet.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Its path inside the table's folder.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its partition.
    pub partition: Partition,
    /// Row count, and minimum and maximum of some columns.
    pub statistics: Arc<FileStatistics>,
}

impl NewFile {
    /// Returns the file as plans read it before a commit names it.
    pub(crate) fn to_data_file(&self) -> DataFile {
        DataFile {
            path: self.path.clone(),
            size: self.size,
            partition: self.partition.clone(),
            version: 0,
            committed_at: 0,
            statistics: Arc::clone(&self.statistics),
        }
    }
}

impl Lake {
    /// Writes one file of a table. `batches` have the table's file schema and are in its sort order. The file becomes part
    /// of the table when a commit names it.
    ///
    /// # Errors
    /// A batch of another schema, or a store that does not take the file.
    pub async fn write(
        &self,
        table: TableId,
        partition: &Partition,
        batches: &[RecordBatch],
        freshness: Freshness,
    ) -> Result<NewFile, LakeError> {
        let statistics = Arc::new(FileStatistics::of(table, batches));
        let bytes = encode(table, batches, freshness)?;
        let path = format!(
            "{}part-{}.parquet",
            partition.folder(table),
            Uuid::now_v7().simple()
        );
        let size = bytes.len() as u64;
        self.store()
            .put(
                &Path::from(format!("{}/{path}", table.name())),
                bytes.into(),
            )
            .await?;
        Ok(NewFile {
            path,
            size,
            partition: partition.clone(),
            statistics,
        })
    }
}

fn encode(
    table: TableId,
    batches: &[RecordBatch],
    freshness: Freshness,
) -> Result<Bytes, LakeError> {
    let schema = table.file_schema();
    let mut buffer = Vec::new();
    let mut writer = ArrowWriter::try_new(
        &mut buffer,
        Arc::clone(&schema),
        Some(properties(table, &schema, freshness)?),
    )?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.close()?;
    Ok(buffer.into())
}

fn properties(
    table: TableId,
    schema: &SchemaRef,
    freshness: Freshness,
) -> Result<WriterProperties, LakeError> {
    let compression = match freshness {
        Freshness::Moving => Compression::LZ4_RAW,
        Freshness::Closed => Compression::ZSTD(ZstdLevel::try_new(3)?),
    };
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(compression)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_statistics_truncate_length(None)
        .set_dictionary_enabled(false)
        .set_sorting_columns(Some(sorting_columns(table, schema)));
    for field in schema.fields() {
        let column = ColumnPath::from(field.name().as_str());
        properties = match field.data_type() {
            DataType::Timestamp(..) | DataType::Date32 | DataType::Int64 | DataType::Int32 => {
                properties.set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
            }
            DataType::Dictionary(..) => properties.set_column_dictionary_enabled(column, true),
            _ => properties,
        };
    }
    Ok(properties.build())
}

/// Returns the sort order that the footer states. It names leaf columns, whose indices equal those of the fields up to the
/// first nested field, so the order ends there: a prefix of a sort order is one too.
fn sorting_columns(table: TableId, schema: &SchemaRef) -> Vec<SortingColumn> {
    let flat_until = schema
        .fields()
        .iter()
        .position(|f| f.data_type().is_nested())
        .unwrap_or(schema.fields().len());
    table
        .sort_columns()
        .iter()
        .map_while(|name| schema.index_of(name).ok().filter(|i| *i < flat_until))
        .map(|index| SortingColumn {
            column_idx: index as i32,
            descending: false,
            nulls_first: true,
        })
        .collect()
}
