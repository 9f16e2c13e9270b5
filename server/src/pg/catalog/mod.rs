//! Provides `pg_catalog`, `information_schema` and their functions, so that clients can treat the server as PostgreSQL.
//!
//! Tables that are the same in every PostgreSQL (types, operators, casts) come from `datafusion-pg-catalog`; they are read
//! once and shared. Tables of this server's relations, columns, comments and saved queries are made once for all accounts
//! and once for operators ([`Catalogs`]). Tables of one session, its settings and roles, are made when they are queried.
//!
//! Invariants: an object's id is computed from its name, so all connections to all servers agree on it; nothing here
//! reveals another account.

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

/// The role that owns all objects. Nobody can log in as it.
const OWNER: &str = "rapport";

/// The `server_version` sent to clients: the PostgreSQL version whose behaviour they can expect, and our own.
pub const SERVER_VERSION: &str = concat!("16.6 (Rapport ", env!("CARGO_PKG_VERSION"), ")");

/// Identifies a session: its user and its connection.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The session's user.
    pub user: UserInfo,
    /// The connection's process id.
    pub pid: i32,
    /// The client's IP address, if the operating system reports it.
    pub address: Option<IpAddr>,
}

/// Returns the tables that are the same in every PostgreSQL. They are read once and shared by all sessions.
fn static_tables() -> Result<Arc<PgCatalogStaticTables>> {
    static TABLES: OnceLock<Arc<PgCatalogStaticTables>> = OnceLock::new();
    if let Some(tables) = TABLES.get() {
        return Ok(Arc::clone(tables));
    }
    let tables = Arc::new(PgCatalogStaticTables::try_new()?);
    Ok(Arc::clone(TABLES.get_or_init(|| tables)))
}

/// Registers the catalog's schemas and functions in a session's context.
///
/// # Errors
/// If the context has no catalog named [`DATABASE`], or the tables cannot be made.
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
    // DataFusion's own `information_schema` would hide ours.
    ours.config_mut().options_mut().catalog.information_schema = false;
    *state.write() = ours;
    Ok(())
}
