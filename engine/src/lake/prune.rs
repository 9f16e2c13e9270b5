//! Prunes the files of a scan by their partitions and statistics.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};

use super::snapshot::DataFile;
use super::stats::FileStatistics;
use super::table::{Partitioning, TableId};

/// Returns the text that a filter compares a column with by `=`, if there is such a filter.
pub(crate) fn equality_literal(column_name: &str, filters: &[Expr]) -> Option<String> {
    filters.iter().find_map(|filter| match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq,
            right,
        }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(value, _))
            | (Expr::Literal(value, _), Expr::Column(column))
                if column.name == column_name =>
            {
                value.try_as_str().flatten().map(str::to_owned)
            }
            _ => None,
        },
        _ => None,
    })
}

/// Removes the files that cannot hold a row for which all filters are true.
pub(crate) fn prune(
    state: &dyn Session,
    table: TableId,
    schema: &SchemaRef,
    filters: &[Expr],
    files: Vec<Arc<DataFile>>,
) -> Result<Vec<Arc<DataFile>>> {
    let Some(filter) = conjunction(filters.iter().cloned()) else {
        return Ok(files);
    };
    if files.is_empty() {
        return Ok(files);
    }
    let df_schema = DFSchema::try_from(Arc::clone(schema))?;
    let predicate = state.create_physical_expr(filter, &df_schema)?;
    keep_files(table, schema, &pruning_predicate(schema, predicate)?, files)
}

/// Prepares a predicate over a schema to be asked of files.
pub(super) fn pruning_predicate(
    schema: &SchemaRef,
    predicate: Arc<dyn PhysicalExpr>,
) -> Result<PruningPredicate> {
    PruningPredicateBuilder::new()
        .with_file_schema(Arc::clone(schema))
        .try_build(predicate)
}

/// Removes the files that cannot hold a row for which a predicate over a schema is true.
pub(super) fn keep_files(
    table: TableId,
    schema: &SchemaRef,
    predicate: &PruningPredicate,
    files: Vec<Arc<DataFile>>,
) -> Result<Vec<Arc<DataFile>>> {
    if predicate.always_true() {
        return Ok(files);
    }
    let keep = predicate.prune(&Candidates {
        table,
        schema,
        files: &files,
    })?;
    Ok(files
        .into_iter()
        .zip(keep)
        .filter_map(|(file, keep)| keep.then_some(file))
        .collect())
}

/// Gives the partitions and statistics of files to DataFusion's pruning predicate.
struct Candidates<'a> {
    table: TableId,
    schema: &'a SchemaRef,
    files: &'a [Arc<DataFile>],
}

impl Candidates<'_> {
    /// Returns a value of a column per file, from its partition or statistics; null where it is not known.
    fn values(
        &self,
        column: &Column,
        of: impl Fn(&FileStatistics, &str) -> Option<ScalarValue>,
    ) -> Option<ArrayRef> {
        let field = self.schema.field_with_name(&column.name).ok()?;
        if let Some(array) = self.partition_values(&column.name) {
            return Some(array);
        }
        if !self.table.statistics_columns().contains(&column.name()) {
            return None;
        }
        let unknown = ScalarValue::try_from(field.data_type()).ok()?;
        ScalarValue::iter_to_array(
            self.files
                .iter()
                .map(|file| of(&file.statistics, &column.name).unwrap_or_else(|| unknown.clone())),
        )
        .ok()
    }

    /// Returns the partition values of the files, if the column is one that the table is partitioned by.
    fn partition_values(&self, column: &str) -> Option<ArrayRef> {
        let is_date = match self.table.partitioning() {
            Partitioning::Date(name) | Partitioning::AccountAndDate(name) => name == column,
            _ => false,
        };
        let value = |file: &Arc<DataFile>| -> Option<ScalarValue> {
            if is_date {
                Some(ScalarValue::Date32(file.partition.date))
            } else if column == "account_id" && file.partition.account.is_some() {
                Some(ScalarValue::Utf8View(
                    file.partition.account.as_deref().map(str::to_owned),
                ))
            } else {
                None
            }
        };
        let values: Option<Vec<ScalarValue>> = self.files.iter().map(value).collect();
        ScalarValue::iter_to_array(values?).ok()
    }
}

impl PruningStatistics for Candidates<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, FileStatistics::least)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, FileStatistics::greatest)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        if self.partition_values(&column.name).is_some() {
            return Some(Arc::new(UInt64Array::from(vec![0; self.files.len()])));
        }
        Some(Arc::new(UInt64Array::from_iter(
            self.files
                .iter()
                .map(|file| file.statistics.nulls(&column.name)),
        )))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(
            self.files.iter().map(|file| file.rows()),
        )))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
