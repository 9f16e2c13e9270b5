//! Sessions: the relations, saved queries and functions that a user's SQL can use (SPEC 7, 8).
//!
//! [`Sessions`] belongs to an engine and plans the relations and saved queries once. A [`Session`] belongs to a connection.
//! It has a catalog of its own, whose relations read providers of its scope only, so that no statement, function or error
//! of a shop's session can reach another account. A statement runs in a [statement state](Session::statement_state),
//! which pins one version of the lake and one instant as now. The rules of a session's dialect never apply to the engine's
//! own plans (M7): `barrier.rs` keeps them out.

mod barrier;
mod call_planner;
mod catalog;
mod constant_sort_keys;
mod dialect;
mod error;
mod lake_sources;
mod late_materialization;
mod progress;
mod relations;
mod saved;
mod scope;
mod sources;
mod today;
mod window_guard;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider, SchemaProvider,
};
use datafusion::common::{Result, TableReference};
use datafusion::config::Dialect;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use rapport_zones::Tz;

use barrier::ViewBody;
use call_planner::CallPlanner;
use catalog::{BoundSchema, PlannedRelation};
use constant_sort_keys::ConstantSortKeys;
use late_materialization::LateMaterialization;
use relations::RELATIONS;
use saved::{SavedQueryFunction, Template};
use sources::{BoundSources, Unbound};
use today::AccountToday;

pub use dialect::QueryDialect;
pub use error::SessionError;
pub use lake_sources::LakeSources;
pub use saved::{Parameter, ParameterKind, SavedColumn, SavedQuery};
pub use scope::{Identity, Scope};
pub use sources::{Sources, Stored, WINDOW_CLASSES};

/// The name of every session's catalog.
pub const CATALOG: &str = "rapport";

/// The options of [`Sessions`].
#[derive(Debug, Clone, Default)]
pub struct SessionsOptions {
    /// The memory pool, spill folder, object store and footer cache that all plans share.
    pub runtime: Arc<RuntimeEnv>,
    /// The number of threads that a statement may use.
    pub threads: usize,
    /// The instant that `now()` returns; `None` for the clock's.
    pub now: Option<DateTime<Utc>>,
    /// The folder of a team's own saved queries.
    pub queries_dir: Option<PathBuf>,
    /// The dialect of those queries; `None` for DataFusion's own SQL.
    pub dialect: Option<Arc<dyn QueryDialect>>,
}

/// Opens sessions over relations and saved queries that are planned once. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sessions(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    sources: Arc<dyn Sources>,
    now: Option<DateTime<Utc>>,
    /// The functions, rules and settings of every session; its catalog list is empty.
    base: SessionState,
    relations: Vec<Arc<PlannedRelation>>,
    queries: Vec<Arc<Template>>,
    /// The descriptions of the `queries` that are not private.
    saved: Vec<SavedQuery>,
}

impl Sessions {
    /// Plans the relations, the built-in saved queries and a team's own.
    ///
    /// # Errors
    /// If a saved query is wrong: the error names its file and line.
    pub async fn new(
        options: SessionsOptions,
        sources: Arc<dyn Sources>,
    ) -> Result<Sessions, SessionError> {
        let base = base_state(&options);
        let planning = SessionContext::new_with_state(with_catalogs(&base, memory_catalog()?));
        let relations = plan_relations(&planning).await?;
        let folder = options.queries_dir.as_deref();
        let queries = saved::load(folder, &planning, options.dialect).await?;
        let mut base = base;
        base.register_relation_planner(Arc::new(CallPlanner::new(&queries)))?;
        let public = queries.iter().filter(|template| !template.private);
        let saved = public.map(|template| template.query.clone()).collect();
        Ok(Sessions(Arc::new(Shared {
            sources,
            now: options.now,
            base,
            relations,
            queries,
            saved,
        })))
    }

    /// Returns the saved queries, sorted by name.
    pub fn saved_queries(&self) -> &[SavedQuery] {
        &self.0.saved
    }

    /// Opens a session for a user.
    pub fn open(&self, who: Identity) -> Result<Session, SessionError> {
        let shared = &self.0;
        let operator = who.scope == Scope::Operator;
        let sources = Arc::new(BoundSources::new(shared.sources.as_ref(), &who.scope));
        let catalog = MemoryCatalogProvider::new();
        for schema in ["public", "raw"] {
            let relations = shared
                .relations
                .iter()
                .filter(|planned| planned.relation.schema == schema)
                .filter(|planned| operator || !planned.relation.operator_only);
            let bound = BoundSchema::new(relations.map(Arc::clone), Arc::clone(&sources));
            catalog.register_schema(schema, Arc::new(bound))?;
        }
        let mut state = with_catalogs(&shared.base, catalog);
        for template in &shared.queries {
            if template.private || (template.operator_only && !operator) {
                continue;
            }
            let function = SavedQueryFunction::new(template, Some(&sources));
            state.register_udtf(&template.query.name, Arc::new(function));
        }
        Ok(Session {
            who,
            shared: Arc::clone(shared),
            context: SessionContext::new_with_state(state),
        })
    }
}

/// Runs the statements of one connection.
pub struct Session {
    who: Identity,
    shared: Arc<Shared>,
    context: SessionContext,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Returns the user of this session.
    pub fn identity(&self) -> &Identity {
        &self.who
    }

    /// Returns the connection's own context: catalog `rapport` with schemas `public` and `raw`, and the session's settings.
    /// Statements run in a [statement state](Session::statement_state) instead.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Returns the time zone of the session's days: its account's (SPEC T2), or UTC for an operator.
    ///
    /// # Errors
    /// If the lake cannot be read.
    pub async fn time_zone(&self) -> Result<Tz> {
        let mut unused = SessionConfig::new();
        self.shared.sources.pin(&self.who.scope, &mut unused).await
    }

    /// Returns the saved queries that this session can call, sorted by name.
    pub fn saved_queries(&self) -> impl Iterator<Item = &SavedQuery> {
        let operator = self.who.scope == Scope::Operator;
        self.shared
            .queries
            .iter()
            .filter(move |template| !template.private && (operator || !template.operator_only))
            .map(|template| &template.query)
    }

    /// Returns a state to plan and execute one statement in. It pins the current version of the lake, and `now()`.
    ///
    /// # Errors
    /// If the lake cannot be read.
    pub async fn statement_state(&self) -> Result<SessionState> {
        let mut state = self.context.state();
        let zone = self
            .shared
            .sources
            .pin(&self.who.scope, state.config_mut())
            .await?;
        if let Some(now) = self.shared.now {
            state.execution_props_mut().query_execution_start_time = Some(now);
        }
        let start = state.execution_props().query_execution_start_time;
        let zone = (self.who.scope != Scope::Operator).then_some(zone);
        let client_zone = state.config_options().execution.time_zone.as_deref();
        let today = AccountToday::udf(zone, client_zone, start.unwrap_or_else(Utc::now));
        state.register_udf(today)?;
        Ok(state)
    }

    /// Plans one read-only statement over the current version of the lake.
    ///
    /// # Errors
    /// If the statement is wrong, or would change anything.
    pub async fn sql(&self, sql: &str) -> Result<DataFrame> {
        let state = self.statement_state().await?;
        let plan = state.create_logical_plan(sql).await?;
        read_only().verify_plan(&plan)?;
        Ok(DataFrame::new(state, plan))
    }
}

/// Returns options that allow nothing but queries: the endpoint is read-only for every role (SPEC 8).
pub fn read_only() -> SQLOptions {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
}

fn base_state(options: &SessionsOptions) -> SessionState {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, "public")
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true)
        .with_target_partitions(options.threads.max(1));
    let settings = config.options_mut();
    settings.sql_parser.dialect = Dialect::PostgreSQL;
    settings.execution.time_zone = Some("UTC".to_owned());
    // `SELECT * FROM query()` must return the rows in the order that the saved query sorts them in (SPEC 7).
    settings.sql_parser.enable_subquery_sort_elimination = false;
    // Rows that are partitioned by account need no shuffle to be grouped by account and further columns.
    // `preserve_file_partitions` stays off: with it DataFusion 55.2 plans some semi-joins that its own sanity check refuses.
    settings.optimizer.subset_repartition_threshold = 1;
    let mut builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::clone(&options.runtime))
        .with_default_features()
        .with_optimizer_rules(barrier::optimizer_rules())
        .with_optimizer_rule(Arc::new(ConstantSortKeys))
        .with_physical_optimizer_rules(physical_optimizer_rules());
    // File formats and table factories read and write files by path, which no session may do.
    builder.file_formats().take();
    builder.table_factories().take();
    let context = SessionContext::new_with_state(builder.build());
    rapport_udfs::register(&context);
    let mut state = context.state();
    state.register_catalog_list(Arc::new(MemoryCatalogProviderList::new()));
    state
}

/// Returns DataFusion's rules with those of the engine.
fn physical_optimizer_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = window_guard::rules();
    // After the rule that gives sorts their limits; before those that give scans turns and sorts' filters.
    let place = rules.iter().position(|rule| rule.name() == "PushdownSort");
    rules.insert(place.unwrap_or_default(), Arc::new(LateMaterialization));
    rules
}

/// Copies a state and gives the copy a catalog of its own.
fn with_catalogs(base: &SessionState, catalog: MemoryCatalogProvider) -> SessionState {
    let mut state = base.clone();
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog(CATALOG.to_owned(), Arc::new(catalog));
    state.register_catalog_list(Arc::new(catalogs));
    state
}

/// Creates the catalog that relations and saved queries are planned in: it has the schema `stored` too, of unbound tables.
fn memory_catalog() -> Result<MemoryCatalogProvider> {
    let catalog = MemoryCatalogProvider::new();
    let stored = MemorySchemaProvider::new();
    for relation in Stored::ALL {
        stored.register_table(relation.name().to_owned(), Arc::new(Unbound(relation)))?;
    }
    catalog.register_schema("stored", Arc::new(stored))?;
    for schema in ["public", "raw"] {
        catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new()))?;
    }
    Ok(catalog)
}

async fn plan_relations(context: &SessionContext) -> Result<Vec<Arc<PlannedRelation>>> {
    let mut planned = vec![];
    for relation in RELATIONS {
        let state = context.state();
        let plan = state
            .create_logical_plan(relation.sql)
            .await
            .and_then(|plan| barrier::analyze(plan, &state))
            .map_err(|e| e.context(format!("relation {}", relation.name)))?;
        let body = ViewBody::new(plan)?;
        let view = Arc::clone(&body).view(vec![]);
        let name = TableReference::partial(relation.schema, relation.name);
        context.register_table(name, Arc::new(view))?;
        planned.push(Arc::new(PlannedRelation { relation, body }));
    }
    Ok(planned)
}
