//! `pg_collation`, as PostgreSQL 15 has it.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::error::Result;
use datafusion_pg_catalog::pg_catalog::PgCatalogStaticTables;

/// Returns `pg_collation` with `colliculocale`, which the ready-made table lacks. It is null, for no collation is ICU's.
pub(super) fn pg_collation(statics: &Arc<PgCatalogStaticTables>) -> Result<Arc<dyn TableProvider>> {
    const LOCALE: &str = "colliculocale";
    let ready = &statics.pg_collation;
    let mut fields: Vec<Arc<Field>> = ready.schema().fields().iter().cloned().collect();
    let is_there = fields.iter().any(|field| field.name() == LOCALE);
    if !is_there {
        fields.push(Arc::new(Field::new(LOCALE, DataType::Utf8, true)));
    }
    let schema = Arc::new(Schema::new(fields));
    let batches = ready.data().iter().map(|batch| {
        let mut columns = batch.columns().to_vec();
        if !is_there {
            columns.push(new_null_array(&DataType::Utf8, batch.num_rows()));
        }
        RecordBatch::try_new(Arc::clone(&schema), columns)
    });
    let batches = batches.collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(MemTable::try_new(schema, vec![batches])?))
}
