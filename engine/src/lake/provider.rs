//! Table providers over the files of a snapshot.
//!
//! Landing and deriving get plain `DataSourceExec` plans over `ParquetSource`, without nodes of our own, so the plans can be
//! sent to another process. Footers are cached by path: a path always names the same content. Sessions read the derived
//! tables from columns that stay decoded (`resident.rs`).

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DataFusionError, Result, ScalarValue, Statistics, internal_err};
use datafusion::config::{ParquetOptions, TableParquetOptions};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetRowSelection,
};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use parquet::arrow::arrow_reader::RowSelection;

use super::files_exec::FilesExec;
use super::prune::{equality_literal, prune};
use super::resident::{ColumnReader, LakeFile, Reach, ResidentColumns, ResidentExec, ResidentScan};
use super::snapshot::{ALL_DATES, DataFile};
use super::table::{Partitioning, TableId};
use super::{Lake, LakeError, LakeSnapshot};

/// The rows per partition of a scan, about: splitting fewer costs more than it gains.
const ROWS_PER_PARTITION: u64 = 65_536;

/// Holds the version of the lake that one statement reads: an extension of its `SessionConfig`.
#[derive(Debug, Clone)]
pub struct PinnedLake(pub Arc<LakeSnapshot>);

/// Provides a table, or one account's part of it, at the version that the running statement has pinned.
///
/// The files are limited to the account here, below any plan that SQL can make: files of other accounts are not even listed.
#[derive(Debug)]
pub struct LakeTable {
    lake: Lake,
    id: TableId,
    account: Option<String>,
    consumed_only: bool,
    resident: Option<Arc<ResidentColumns>>,
}

impl LakeTable {
    /// Provides the pinned version of a table, or of one account's part. Columns of a derived table may become resident.
    pub fn pinned(
        lake: Lake,
        id: TableId,
        account: Option<String>,
        resident: &Arc<ResidentColumns>,
    ) -> Arc<dyn TableProvider> {
        let derived = TableId::DERIVED.contains(&id);
        Arc::new(Self {
            lake,
            id,
            account,
            consumed_only: false,
            resident: derived.then(|| Arc::clone(resident)),
        })
    }

    /// Provides the landed events that the pinned derived tables were made from, so that numbers computed from both agree
    /// (SPEC M7).
    pub fn consumed(lake: Lake, id: TableId, account: Option<String>) -> Arc<dyn TableProvider> {
        Arc::new(Self {
            lake,
            id,
            account,
            consumed_only: true,
            resident: None,
        })
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        self.id.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(pinned) = state.config().get_extension::<PinnedLake>() else {
            return internal_err!("a statement over {} pinned no lake", self.id.name());
        };
        let snapshot = pinned.0.get(self.id);
        let partitioned_by_account = matches!(
            self.id.partitioning(),
            Partitioning::Account | Partitioning::AccountAndDate(_)
        );
        if self.account.is_some() && !partitioned_by_account {
            return internal_err!("{} cannot be cut by account", self.id.name());
        }
        let asked = equality_literal("account_id", filters).filter(|_| partitioned_by_account);
        let account = match (&self.account, asked) {
            (Some(own), Some(asked)) if *own != asked => {
                return Ok(Arc::new(EmptyExec::new(project(
                    &self.id.schema(),
                    projection,
                )?)));
            }
            (Some(own), _) => Some(own.clone()),
            (None, asked) => asked,
        };
        let mut files = snapshot.files(account.as_deref(), ALL_DATES);
        if self.consumed_only {
            let consumed = pinned
                .0
                .get(TableId::Conversations)
                .transaction(self.id.name())
                .unwrap_or_default();
            files.retain(|file| file.version <= consumed);
        }
        let files = prune(state, self.id, &self.id.schema(), filters, files)?;
        let read = Read {
            projection,
            limit,
            is_lookup: is_lookup(filters),
            reader: None,
            rows: None,
        };
        let reader = Reader::of(&self.lake, state);
        // A lookup of one id skips nearly all pages of a file.
        let resident = self.resident.as_ref().filter(|_| !read.is_lookup);
        let Some(columns) = resident else {
            return reader.scan(self.id, &files, read);
        };
        let reach = match account {
            Some(_) => Reach::Account,
            None => Reach::All,
        };
        reader.scan_derived(columns, reach, self.id, &files, read)
    }
}

/// Provides exactly the files that it is given, for deriving, which chooses them and reads each once.
#[derive(Debug)]
pub struct LakeScan {
    lake: Lake,
    id: TableId,
    files: Vec<Arc<DataFile>>,
}

impl LakeScan {
    /// Provides some files of a table.
    pub fn over(lake: Lake, id: TableId, files: Vec<Arc<DataFile>>) -> Arc<dyn TableProvider> {
        Arc::new(Self { lake, id, files })
    }
}

#[async_trait]
impl TableProvider for LakeScan {
    fn schema(&self) -> SchemaRef {
        self.id.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = prune(
            state,
            self.id,
            &self.id.schema(),
            filters,
            self.files.clone(),
        )?;
        let schema = self.id.schema();
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project(&schema, projection)?)));
        }
        let columns = match projection {
            Some(columns) => columns.clone(),
            None => (0..schema.fields().len()).collect(),
        };
        let groups = group_files(&files, state.config().target_partitions());
        let scan = FilesExec::try_new(self.lake.clone(), self.id, groups, columns)?;
        Ok(Arc::new(scan))
    }
}

/// Describes what a scan reads of its files.
struct Read<'a> {
    projection: Option<&'a Vec<usize>>,
    limit: Option<usize>,
    /// Whether it wants the rows of one id only.
    is_lookup: bool,
    /// Reads columns of a derived table that may stay decoded.
    reader: Option<Arc<ColumnReader>>,
    /// The rows of the one file that it reads; `None` for all rows.
    rows: Option<RowSelection>,
}

/// Tells whether a filter wants the rows of one conversation, order or profile. Such a scan filters rows while it reads: of
/// the other rows it reads the ids only, which does not pay if many rows are wanted.
fn is_lookup(filters: &[Expr]) -> bool {
    let ids = ["conversation_id", "order_id", "profile_id"];
    ids.iter().any(|id| equality_literal(id, filters).is_some())
}

/// Selects the projected columns of a schema.
fn project(schema: &SchemaRef, projection: Option<&Vec<usize>>) -> Result<SchemaRef> {
    Ok(match projection {
        Some(columns) => Arc::new(schema.project(columns)?),
        None => Arc::clone(schema),
    })
}

/// Plans scans with the caches and options of a statement.
#[derive(Clone)]
struct Reader {
    lake: Lake,
    footers: Arc<FileMetadataCache>,
    parquet: ParquetOptions,
    threads: usize,
}

impl Reader {
    fn of(lake: &Lake, state: &dyn Session) -> Reader {
        Reader {
            lake: lake.clone(),
            footers: state.runtime_env().cache_manager.get_file_metadata_cache(),
            parquet: state.config_options().execution.parquet.clone(),
            threads: state.config().target_partitions(),
        }
    }

    /// Plans a scan of Parquet files.
    fn scan(
        &self,
        id: TableId,
        files: &[Arc<DataFile>],
        read: Read<'_>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = id.schema();
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project(&schema, read.projection)?)));
        }
        let partition_fields = id.partition_fields();
        let file_columns: Vec<usize> =
            (0..schema.fields().len() - partition_fields.len()).collect();
        let table_schema = TableSchema::builder(Arc::new(schema.project(&file_columns)?))
            .with_table_partition_cols(partition_fields)
            .build();
        let url = Lake::store_url().map_err(external)?;
        let store = self.lake.store();
        let reader =
            CachedParquetFileReaderFactory::new(Arc::clone(store), Arc::clone(&self.footers));
        let mut options = TableParquetOptions {
            global: self.parquet.clone(),
            ..Default::default()
        };
        options.global.pushdown_filters |= read.is_lookup;
        let source = ParquetSource::new(table_schema)
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(reader));
        let unknown = Arc::new(Statistics::new_unknown(&schema));
        let groups = group_files(files, self.threads).into_iter().map(|files| {
            let files = files.iter();
            let files = files.map(|file| {
                let part = partitioned_file(id, file, &unknown);
                let part = match read.rows.clone() {
                    Some(rows) => part.with_extension(ParquetRowSelection::new(rows)),
                    None => part,
                };
                match &read.reader {
                    Some(reader) => part.with_extension(Arc::new(LakeFile {
                        file: Arc::clone(file),
                        reader: Arc::clone(reader),
                    })),
                    None => part,
                }
            });
            FileGroup::new(files.collect())
        });
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups.collect())
            .with_statistics(row_statistics(&schema, files.iter()))
            .with_limit(read.limit)
            .with_projection_indices(read.projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// Plans a scan of a derived table: of columns that stay decoded, if they may; else of the Parquet files, each of which
    /// states what it is, so that a rule that needs fewer columns can still choose those that stay decoded.
    fn scan_derived(
        &self,
        columns: &Arc<ResidentColumns>,
        reach: Reach,
        id: TableId,
        files: &[Arc<DataFile>],
        mut read: Read<'_>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = self.clone();
        let reader = Arc::new(ColumnReader {
            columns: Arc::clone(columns),
            table: id,
            reach,
            scan: Arc::new(move |file, columns, rows| {
                let read = Read {
                    projection: Some(&columns.to_vec()),
                    limit: None,
                    is_lookup: false,
                    reader: None,
                    rows,
                };
                scan.scan(id, std::slice::from_ref(file), read)
            }),
        });
        let projection = match read.projection {
            Some(columns) => columns.clone(),
            None => (0..id.schema().fields().len()).collect(),
        };
        if files.is_empty() || projection.is_empty() || !reader.admits(files, &projection) {
            read.reader = Some(reader);
            return self.scan(id, files, read);
        }
        Ok(Arc::new(ResidentExec::try_new(ResidentScan {
            reader,
            groups: group_files(files, self.threads),
            projection,
            with_row_ids: false,
        })?))
    }
}

/// Returns the statistics of files: the exact number of rows, unless another writer wrote no statistics for a file.
pub(super) fn row_statistics<'a>(
    schema: &Schema,
    files: impl Iterator<Item = &'a Arc<DataFile>>,
) -> Statistics {
    let mut statistics = Statistics::new_unknown(schema);
    let rows: Option<Vec<u64>> = files.map(|f| Some(f.rows()).filter(|n| *n > 0)).collect();
    if let Some(rows) = rows {
        statistics.num_rows = Precision::Exact(rows.iter().sum::<u64>() as usize);
    }
    statistics
}

/// Divides files into groups of about equal size. Within a group the files keep their order.
pub(super) fn group_files(files: &[Arc<DataFile>], threads: usize) -> Vec<Vec<Arc<DataFile>>> {
    let rows: u64 = files.iter().map(|f| f.rows()).sum();
    let groups = (rows.div_ceil(ROWS_PER_PARTITION) as usize).clamp(1, threads.max(1));
    let mut sized: Vec<(u64, Vec<Arc<DataFile>>)> = vec![(0, vec![]); groups];
    for file in files {
        if let Some(group) = sized.iter_mut().min_by_key(|(size, _)| *size) {
            group.0 += file.size;
            group.1.push(Arc::clone(file));
        }
    }
    let groups = sized.into_iter().map(|(_, files)| files);
    groups.filter(|files| !files.is_empty()).collect()
}

/// Returns a file for a scan, with its partition values. Its statistics are set, though unknown: DataFusion skips a file by
/// the partitions that a join needs only if the file has statistics. Their real values were used when files were pruned.
fn partitioned_file(id: TableId, file: &DataFile, unknown: &Arc<Statistics>) -> PartitionedFile {
    let values = partition_values(file);
    let path = format!("{}/{}", id.name(), file.path);
    let mut file = PartitionedFile::new(path, file.size).with_partition_values(values);
    file.statistics = Some(Arc::clone(unknown));
    file
}

/// Returns the values of the partition columns of a file, as a query reads them.
pub(super) fn partition_values(file: &DataFile) -> Vec<ScalarValue> {
    let account = file.partition.account.as_deref();
    let account = account.map(|account| ScalarValue::Utf8View(Some(account.to_owned())));
    let date = file.partition.date;
    let date = date.map(|date| ScalarValue::Date32(Some(date)));
    account.into_iter().chain(date).collect()
}

pub(super) fn external(error: LakeError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
