//! Plans the queries of a derive once for accounts with equal settings.
//!
//! Settings enter a query as literals, so accounts with equal ones run the same SQL over tables with the same columns; only the
//! rows differ. The optimised plan of the first account is kept without its tables, and bound to those of the others. What
//! depends on the rows, such as which side of a join is built, is planned for each account.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::Fields;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::prelude::SessionContext;

/// The tables that a query may read, by name.
type Tables = BTreeMap<String, Arc<dyn TableProvider>>;

/// Identifies a plan: the SQL, and the columns of the tables.
type Key = (String, Vec<(String, Fields)>);

/// The optimised plans of a run, over tables without rows.
#[derive(Debug, Default)]
pub(super) struct Plans(Mutex<HashMap<Key, LogicalPlan>>);

impl Plans {
    /// Plans a query over the tables of a context.
    pub async fn plan(
        &self,
        context: &SessionContext,
        sql: &str,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let state = context.state();
        let tables = tables(context).await?;
        let columns = tables
            .iter()
            .map(|(name, table)| (name.clone(), table.schema().fields().clone()));
        let key = (sql.to_owned(), columns.collect());
        let kept = self.kept().get(&key).cloned();
        let plan = match kept {
            Some(plan) => bind(plan, &tables)?,
            None => {
                let plan = state.optimize(&state.create_logical_plan(sql).await?)?;
                let empty = tables.iter().map(|(name, table)| {
                    let table: Arc<dyn TableProvider> = Arc::new(EmptyTable::new(table.schema()));
                    (name.clone(), table)
                });
                let without_rows = bind(plan.clone(), &empty.collect())?;
                self.kept().insert(key, without_rows);
                plan
            }
        };
        let planner = Arc::clone(state.query_planner());
        planner.create_physical_plan(&plan, &state).await
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Key, LogicalPlan>> {
        // A poisoned lock is harmless: a plan is there as a whole or not at all.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn tables(context: &SessionContext) -> Result<Tables> {
    let state = context.state();
    let names = &state.config_options().catalog;
    let catalog = context.catalog(&names.default_catalog);
    let Some(schema) = catalog.and_then(|catalog| catalog.schema(&names.default_schema)) else {
        return internal_err!(
            "the context of a derive has no schema {}",
            names.default_schema
        );
    };
    let mut tables = Tables::new();
    for name in schema.table_names() {
        if let Some(table) = schema.table(&name).await? {
            tables.insert(name, table);
        }
    }
    Ok(tables)
}

/// Lets the scans of a plan read the tables of the same names.
fn bind(plan: LogicalPlan, tables: &Tables) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = node else {
            return Ok(Transformed::no(node));
        };
        let Some(table) = tables.get(scan.table_name.table()) else {
            return internal_err!("a derive has no table {}", scan.table_name);
        };
        let source = provider_as_source(Arc::clone(table));
        Ok(Transformed::yes(LogicalPlan::TableScan(TableScan {
            source,
            ..scan
        })))
    })
    .data()
}

/// Aggregates once where a plan would aggregate each partition, write down the states and merge them, although all of it runs
/// in one thread.
///
/// An account's plans have one partition, for accounts are derived concurrently. But a `UNION` has one for each of its parts.
#[derive(Debug)]
pub(super) struct AggregateOnce;

impl PhysicalOptimizerRule for AggregateOnce {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if config.execution.target_partitions > 1 {
            return Ok(plan);
        }
        plan.transform_down(|plan| match aggregated_once(plan.as_ref())? {
            Some(once) => Ok(Transformed::yes(once)),
            None => Ok(Transformed::no(plan)),
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "AggregateOnce"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn aggregated_once(plan: &dyn ExecutionPlan) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let merge = plan.downcast_ref::<AggregateExec>();
    let Some(merge) = merge.filter(|merge| *merge.mode() == AggregateMode::Final) else {
        return Ok(None);
    };
    let Some(merged) = merge.input().downcast_ref::<CoalescePartitionsExec>() else {
        return Ok(None);
    };
    let partial = merged.input().downcast_ref::<AggregateExec>();
    let Some(partial) = partial.filter(|partial| *partial.mode() == AggregateMode::Partial) else {
        return Ok(None);
    };
    let input = Arc::new(CoalescePartitionsExec::new(Arc::clone(partial.input())));
    let once = AggregateExec::try_new(
        AggregateMode::Single,
        partial.group_expr().clone(),
        partial.aggr_expr().to_vec(),
        partial.filter_expr().to_vec(),
        input,
        partial.input_schema(),
    )?;
    Ok(Some(Arc::new(once)))
}
