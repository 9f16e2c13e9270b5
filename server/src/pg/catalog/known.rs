//! What the catalogs of all sessions of a kind have in common: made once, by the first of them.
//!
//! Accounts' sessions hold the same relations and functions, and operators' do; only who looks differs. A session's own
//! catalog would be a megabyte, most of which says the same as the next one's.

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

/// The catalogs of a server, by kind of session.
#[derive(Debug, Default)]
pub struct Catalogs {
    of_operators: OnceCell<Arc<Known>>,
    of_accounts: OnceCell<Arc<Known>>,
}

/// A catalog without what tells of a session or its user.
#[derive(Debug)]
pub(super) struct Known {
    /// All that there is, by names and ids.
    pub(super) objects: Arc<Objects>,
    /// What is the same in every PostgreSQL.
    pub(super) statics: Arc<PgCatalogStaticTables>,
    /// The tables of `pg_catalog` that tell of this server.
    pub(super) pg_catalog: HashMap<&'static str, Arc<dyn TableProvider>>,
    /// Its other tables.
    rest: PgCatalogSchemaProvider<Arc<dyn CatalogProviderList>, EmptyContextProvider>,
    /// The tables of `information_schema`.
    pub(super) information: BTreeMap<&'static str, Arc<dyn TableProvider>>,
}

impl Catalogs {
    /// That of sessions of an account, or of operators, of which this context is one.
    ///
    /// # Errors
    /// If what the context holds cannot be told.
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
        // Of the ready-made tables only those that are the same everywhere are asked for, so they need no catalog.
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

    /// A table of `pg_catalog`.
    pub(super) async fn pg_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.pg_catalog.get(name) {
            Some(table) => Ok(Some(Arc::clone(table))),
            None => self.rest.table(name).await,
        }
    }

    /// Whether there is one.
    pub(super) fn has_pg_table(&self, name: &str) -> bool {
        self.pg_catalog.contains_key(name) || self.rest.table_exist(name)
    }
}
