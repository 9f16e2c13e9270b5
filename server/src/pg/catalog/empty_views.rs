//! Views of `pg_catalog` about features that do not exist here: locks, replication, vacuums, extensions, statistics about
//! writes. They have PostgreSQL's columns and no rows, for tools such as pgAdmin that query all of them.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::error::Result;

use rapport_pgsql::catalog::EMPTY_VIEWS as VIEWS;

use super::table::table;

/// Returns the views.
pub(super) fn tables() -> Result<HashMap<&'static str, Arc<dyn TableProvider>>> {
    let views = VIEWS.iter();
    views
        .map(|(name, columns)| Ok((*name, table(columns, vec![])?)))
        .collect()
}
