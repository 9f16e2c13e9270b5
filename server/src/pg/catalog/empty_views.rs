//! Views of `pg_catalog` that tell of what there is none of here: locks, replication, vacuums, extensions, the statistics
//! of tables that nobody writes. They have PostgreSQL's columns and no row, for tools that ask for all of them (pgAdmin).

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::error::Result;

use rapport_pgsql::catalog::EMPTY_VIEWS as VIEWS;

use super::table::table;

/// The views.
pub(super) fn tables() -> Result<HashMap<&'static str, Arc<dyn TableProvider>>> {
    let views = VIEWS.iter();
    views
        .map(|(name, columns)| Ok((*name, table(columns, vec![])?)))
        .collect()
}
