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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use datafusion::execution::SessionStateBuilder;
    use datafusion::physical_plan::{collect, displayable};
    use datafusion::prelude::SessionConfig;

    use super::*;

    /// A context of one partition with a table of numbers up to `most`.
    async fn context(most: i64) -> SessionContext {
        let state = SessionStateBuilder::new()
            .with_config(SessionConfig::new().with_target_partitions(1))
            .with_default_features()
            .with_physical_optimizer_rule(Arc::new(AggregateOnce))
            .build();
        let context = SessionContext::new_with_state(state);
        let sql = format!("CREATE TABLE numbers AS SELECT value AS n FROM range(1, {most} + 1)");
        context.sql(&sql).await.unwrap();
        context
    }

    async fn answer(plans: &Plans, context: &SessionContext, sql: &str) -> String {
        let plan = plans.plan(context, sql).await.unwrap();
        let batches = collect(plan, context.task_ctx()).await.unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap();
        text.to_string()
    }

    #[tokio::test]
    async fn a_plan_is_made_once_and_reads_the_tables_of_each_context() {
        let plans = Plans::default();
        let sql = "SELECT sum(n) AS sum FROM numbers WHERE n > (SELECT min(n) FROM numbers)";
        for (most, sum) in [(3, "| 5 "), (10, "| 54 "), (2, "| 2 ")] {
            let answer = answer(&plans, &context(most).await, sql).await;
            assert!(answer.contains(sum), "{answer}");
        }
        assert_eq!(plans.kept().len(), 1);
        let other = context(3).await;
        let more = "CREATE OR REPLACE TABLE numbers AS SELECT 1 AS n, 2 AS m";
        other.sql(more).await.unwrap();
        answer(&plans, &other, sql).await;
        assert_eq!(
            plans.kept().len(),
            2,
            "other columns have a plan of their own"
        );
    }

    #[tokio::test]
    async fn the_parts_of_a_union_are_aggregated_once() {
        let sql = "SELECT n % 2 AS odd, count(*) AS c, sum(n) FILTER (WHERE n > 1) AS s \
                   FROM (SELECT n FROM numbers UNION ALL SELECT n * 3 FROM numbers) GROUP BY n % 2 ORDER BY odd";
        let (plans, context) = (Plans::default(), context(4).await);
        let plan = plans.plan(&context, sql).await.unwrap();
        let plan = displayable(plan.as_ref()).indent(false).to_string();
        assert!(plan.contains("mode=Single"), "{plan}");
        assert!(!plan.contains("mode=Partial"), "{plan}");
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let expected = arrow::util::pretty::pretty_format_batches(&batches).unwrap();
        assert_eq!(answer(&plans, &context, sql).await, expected.to_string());
        assert!(
            expected.to_string().contains("| 0   | 4 | 24 |"),
            "{expected}"
        );
    }
}
