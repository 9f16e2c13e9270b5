//! What makes a session look like a PostgreSQL to its client: `pg_catalog`, `information_schema`, and their functions.
//!
//! Tables that are the same in every PostgreSQL (types, operators, casts) are `datafusion-pg-catalog`'s, read once and
//! shared. What tells of this server is made here, and shared by the sessions that hold the same ([`Catalogs`]): relations
//! with their columns and comments, and the functions of saved queries. So is what tells of a session, when it is asked
//! for: its settings, the roles in sight (the user's own). What always holds: the object id of a thing follows from its
//! name, so that all connections of all servers agree on it; and nothing here tells of another account.

mod access;
mod activity_tables;
mod classes;
mod collations;
mod comments;
mod empty_views;
mod functions;
mod information;
mod known;
mod live;
mod names;
mod privileges;
mod proc;
mod procedures;
mod relations;
mod search_path;
mod session_functions;
mod settings_table;
mod system;
mod system_oids;
mod table;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use datafusion::catalog::SchemaProvider;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog::PgCatalogStaticTables;

use super::activity::Activity;
use super::execution::yielding_joins::YieldingJoins;
use super::session::SharedSettings;
use super::session::backend::TableFunction;
use crate::users::UserInfo;
use rapport_pgsql::dialect;
use rapport_pgsql::plan::origins::SessionTables;

pub use known::Catalogs;

/// The name of the one database.
pub const DATABASE: &str = "rapport";

/// The role that everything belongs to, and that nobody can be.
const OWNER: &str = "rapport";

/// The version of PostgreSQL that clients may take this for.
pub const SERVER_VERSION: &str = concat!("16.6 (Rapport ", env!("CARGO_PKG_VERSION"), ")");

/// Who a session belongs to.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its user.
    pub user: UserInfo,
    /// The connection's process id.
    pub pid: i32,
    /// Where the client is.
    pub address: Option<IpAddr>,
}

/// The tables that are the same in every PostgreSQL: read once, shared by all sessions.
fn static_tables() -> Result<Arc<PgCatalogStaticTables>> {
    static TABLES: OnceLock<Arc<PgCatalogStaticTables>> = OnceLock::new();
    if let Some(tables) = TABLES.get() {
        return Ok(Arc::clone(tables));
    }
    let tables = Arc::new(PgCatalogStaticTables::try_new()?);
    Ok(Arc::clone(TABLES.get_or_init(|| tables)))
}

/// Puts the catalog and its functions into a session's context.
///
/// # Errors
/// If the context holds no catalog of ours.
pub async fn install(
    context: &SessionContext,
    identity: &Identity,
    catalogs: &Catalogs,
    functions: impl FnOnce() -> Vec<TableFunction>,
    settings: &SharedSettings,
    activity: &Arc<Activity>,
) -> Result<()> {
    let catalog = context.catalog(DATABASE).ok_or_else(|| {
        DataFusionError::Internal(format!("a session without the catalog {DATABASE}"))
    })?;
    let seen = activity_tables::schema(activity, &identity.user)?;
    catalog.register_schema("system", Arc::new(seen) as Arc<dyn SchemaProvider>)?;
    let is_operator = identity.user.account.is_none();
    let known = catalogs.of(is_operator, context, functions).await?;
    let information = information::InformationSchema::new(&known, &identity.user.name);
    let system = system::PgCatalog::new(&known, &identity.user, settings, activity);

    catalog.register_schema("pg_catalog", Arc::new(system) as Arc<dyn SchemaProvider>)?;
    catalog.register_schema(
        "information_schema",
        Arc::new(information) as Arc<dyn SchemaProvider>,
    )?;
    context.register_udtf("pg_get_keywords", known.statics.pg_get_keywords.clone());
    functions::register_all(context, &known.objects, &identity.user.name);
    access::register_all(context);
    session_functions::register_all(context, identity, settings);
    let path = Arc::new(search_path::SearchPath::new(catalog.as_ref(), settings));
    session_functions::register_path(context, &path);
    catalog.register_schema(search_path::NAME, path)?;
    activity_tables::register_levers(context, activity, &identity.user);
    dialect::install(context)?;
    let state = context.state_ref();
    let builder = SessionStateBuilder::new_from_existing(state.read().clone())
        .with_physical_optimizer_rule(Arc::new(YieldingJoins));
    let mut ours = builder.build();
    ours.config_mut().options_mut().catalog.default_schema = search_path::NAME.to_owned();
    let stored = SessionTables(Arc::new(names::CatalogTables(Arc::clone(&known.objects))));
    ours.config_mut().set_extension(Arc::new(stored));
    // DataFusion's own information_schema would hide ours.
    ours.config_mut().options_mut().catalog.information_schema = false;
    *state.write() = ours;
    Ok(())
}
