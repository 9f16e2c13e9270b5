//! What makes a session look like a PostgreSQL to its client: `pg_catalog`, `information_schema`, and the functions of both.
//!
//! The relations come from `datafusion-pg-catalog`; what it says untruly of us is said here instead.

mod identity;

use std::sync::{Arc, OnceLock};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::pg_catalog::generate_series_arg_coercion::CoerceIntArgsToBigInt;
use datafusion_pg_catalog::pg_catalog::{
    self as catalog, PgCatalogSchemaProvider, PgCatalogStaticTables,
};

pub use identity::Identity;

use super::plan::PgTypes;
use super::yielding::YieldingJoins;

/// The name of the one database.
pub const DATABASE: &str = "rapport";

/// The version of PostgreSQL that clients may take this for.
pub const SERVER_VERSION: &str = concat!("16.6 (Rapport ", env!("CARGO_PKG_VERSION"), ")");

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
pub fn install(context: &SessionContext, identity: &Identity) -> Result<()> {
    let tables = static_tables()?;
    let schema = PgCatalogSchemaProvider::try_new(
        context.state().catalog_list().clone(),
        Arc::clone(&tables),
        EmptyContextProvider,
    )?;
    context
        .catalog(DATABASE)
        .ok_or_else(|| {
            DataFusionError::Internal(format!("a session without the catalog {DATABASE}"))
        })?
        .register_schema("pg_catalog", Arc::new(schema))?;
    context.register_udtf("pg_get_keywords", tables.pg_get_keywords.clone());
    functions(context);
    identity::register(context, identity);
    CoerceIntArgsToBigInt::widen(context);
    let state = context.state_ref();
    let with_types = SessionStateBuilder::new_from_existing(state.read().clone())
        .with_type_planner(Arc::new(PgTypes))
        .with_physical_optimizer_rule(Arc::new(YieldingJoins))
        .build();
    *state.write() = with_types;
    Ok(())
}

fn functions(context: &SessionContext) {
    for function in [
        catalog::create_current_schema_udf(),
        catalog::create_current_schemas_udf(),
        catalog::has_privilege_udf::create_has_privilege_udf("has_table_privilege"),
        catalog::has_privilege_udf::create_has_privilege_udf("has_schema_privilege"),
        catalog::has_privilege_udf::create_has_privilege_udf("has_database_privilege"),
        catalog::has_privilege_udf::create_has_privilege_udf("has_any_column_privilege"),
        catalog::create_pg_table_is_visible(),
        catalog::format_type::create_format_type_udf(),
        catalog::pg_get_expr_udf::create_pg_get_expr_udf(),
        catalog::create_pg_get_partkeydef_udf(),
        catalog::create_pg_relation_is_publishable_udf(),
        catalog::create_pg_get_statisticsobjdef_columns_udf(),
        catalog::create_pg_encoding_to_char_udf(),
        catalog::create_pg_relation_size_udf(),
        catalog::create_pg_total_relation_size_udf(),
        catalog::create_pg_stat_get_numscans(),
        catalog::create_pg_get_constraintdef(),
        catalog::create_pg_get_partition_ancestors_udf(),
        catalog::quote_ident_udf::create_quote_ident_udf(),
        catalog::quote_ident_udf::create_parse_ident_udf(),
        catalog::array_bounds_udf::create_array_upper_udf(),
        catalog::array_bounds_udf::create_array_lower_udf(),
    ] {
        context.register_udf(function);
    }
}
