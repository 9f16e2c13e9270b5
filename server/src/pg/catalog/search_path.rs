//! Resolves table names without a schema, in the schemas of the setting `search_path`, in their order.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::error::Result;

use super::super::session::SharedSettings;

/// The schema name that the planner adds to unqualified names. No table lists it.
pub(super) const NAME: &str = "pg_search_path";

/// A schema that contains the tables of all schemas of the search path.
pub(super) struct SearchPath {
    schemas: HashMap<String, Arc<dyn SchemaProvider>>,
    settings: SharedSettings,
}

impl fmt::Debug for SearchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchPath").finish_non_exhaustive()
    }
}

impl SearchPath {
    /// Creates a search path over the schemas that a catalog has now.
    pub(super) fn new(catalog: &dyn CatalogProvider, settings: &SharedSettings) -> SearchPath {
        let named = |name: String| Some((name.clone(), catalog.schema(&name)?));
        SearchPath {
            schemas: catalog
                .schema_names()
                .into_iter()
                .filter_map(named)
                .collect(),
            settings: Arc::clone(settings),
        }
    }

    /// Returns the schemas of the path that exist; PostgreSQL ignores those that do not, too.
    pub(super) fn path(&self) -> Vec<String> {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut path = settings.search_path();
        path.retain(|name| self.schemas.contains_key(name));
        path
    }
}

#[async_trait]
impl SchemaProvider for SearchPath {
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        for schema in self.path() {
            if let Some(schema) = self.schemas.get(&schema)
                && let Some(table) = schema.table(name).await?
            {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    fn table_exist(&self, name: &str) -> bool {
        let has = |schema: &String| {
            let schema = self.schemas.get(schema);
            schema.is_some_and(|schema| schema.table_exist(name))
        };
        self.path().iter().any(has)
    }
}
