//! Caches the part of the catalog that sessions share. The first session of a kind makes it.
//!
//! There are two kinds of session: all accounts' sessions have the same relations and functions, and so have all
//! operators'. A catalog takes about a megabyte, most of which would be the same in every session.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProviderList, MemoryCatalogProviderList, SchemaProvider, TableProvider,
};
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::pg_catalog::{
    PG_CATALOG_TABLES, PgCatalogSchemaProvider, PgCatalogStaticTables,
};
use tokio::sync::OnceCell;

use super::super::session::backend::TableFunction;
use super::names::Objects;
use super::procedures::Procedures;
use super::relations::Relations;
use super::{information, static_tables, system, system_oids};

/// Holds the shared catalogs of a server, one for each kind of session.
#[derive(Debug, Default)]
pub struct Catalogs {
    of_operators: OnceCell<Arc<Known>>,
    of_accounts: OnceCell<Arc<Known>>,
}

/// The part of the catalog that does not depend on the session or its user.
#[derive(Debug)]
pub(super) struct Known {
    /// All objects, by name and id.
    pub(super) objects: Arc<Objects>,
    /// The tables that are the same in every PostgreSQL.
    pub(super) statics: Arc<PgCatalogStaticTables>,
    /// The tables of `pg_catalog` that describe this server.
    pub(super) pg_catalog: HashMap<&'static str, Arc<dyn TableProvider>>,
    /// The other tables of `pg_catalog`.
    rest: PgCatalogSchemaProvider<Arc<dyn CatalogProviderList>, EmptyContextProvider>,
    /// The tables of `information_schema` that are the same for all users.
    pub(super) information: BTreeMap<&'static str, Arc<dyn TableProvider>>,
}

impl Catalogs {
    /// Returns the catalog for operators' or accounts' sessions. Makes it from this context, which must be of that kind,
    /// if there is none yet.
    ///
    /// # Errors
    /// If the context's tables cannot be read.
    pub(super) async fn of(
        &self,
        is_operator: bool,
        context: &SessionContext,
        functions: impl FnOnce() -> Vec<TableFunction>,
    ) -> Result<Arc<Known>> {
        let kind = if is_operator {
            &self.of_operators
        } else {
            &self.of_accounts
        };
        let known = kind.get_or_try_init(async || Known::load(context, functions()).await);
        known.await.map(Arc::clone)
    }
}

impl Known {
    /// Makes the catalog of the objects of a context.
    async fn load(context: &SessionContext, functions: Vec<TableFunction>) -> Result<Arc<Known>> {
        let statics = static_tables()?;
        let relations = Arc::new(Relations::load(context, functions).await?);
        let procedures = Procedures::of(&statics)?;
        let information = information::tables(&relations)?;
        let described = information::relations(&information);
        let system: Vec<(i32, String)> = PG_CATALOG_TABLES
            .iter()
            .map(|name| (system_oids::of_table(name), (*name).to_owned()))
            .collect();
        let objects = Objects::new(&relations, &procedures, &described, system);
        let pg_catalog = system::tables(&relations, &procedures, &described, &statics)?;
        // Only those of its tables are used that are the same everywhere, so it needs no list of our own tables.
        let nothing: Arc<dyn CatalogProviderList> = Arc::new(MemoryCatalogProviderList::new());
        let rest =
            PgCatalogSchemaProvider::try_new(nothing, Arc::clone(&statics), EmptyContextProvider)?;
        Ok(Arc::new(Known {
            objects: Arc::new(objects),
            statics,
            pg_catalog,
            rest,
            information,
        }))
    }

    /// Returns a table of `pg_catalog`.
    pub(super) async fn pg_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.pg_catalog.get(name) {
            Some(table) => Ok(Some(Arc::clone(table))),
            None => self.rest.table(name).await,
        }
    }

    /// Returns whether `pg_catalog` has a table with this name.
    pub(super) fn has_pg_table(&self, name: &str) -> bool {
        self.pg_catalog.contains_key(name) || self.rest.table_exist(name)
    }
}
