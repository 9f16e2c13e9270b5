//! Late materialisation of `ORDER BY … LIMIT`: which rows come first is decided by the few columns that rows are filtered and
//! sorted by; the others are read for those rows only.
//!
//! A list of conversations shows 50 of hundreds of thousands of rows, with texts and lists in each. The rule finds a
//! sort with a limit over filters and projections of one scan of a derived table. It sorts rows of the needed columns and
//! a row id, takes the other columns by the row ids that are left (`LateColumnsExec`), and computes the projections last. It
//! leaves a plan as it is where the needed columns may not become resident, or where few rows or narrow ones are left out.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr, conjunction};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, Partitioning};

use crate::lake::{LateColumnsExec, ResidentExec, ResidentScan};

/// The rows of a table for each row of the limit, at least: to take one row costs more than to pass one on.
const ROWS_PER_LIMIT: u64 = 8;
/// The bytes in a row of the columns that are read late, at least: about those of one text.
const LATE_BYTES: u64 = 32;

/// Reads late the columns that a sort with a limit does not need.
#[derive(Debug)]
pub(super) struct LateMaterialization;

impl PhysicalOptimizerRule for LateMaterialization {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_down(|node| {
            Ok(match read_late(&node, config)? {
                Some(late) => Transformed::new(late, true, TreeNodeRecursion::Jump),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "late_materialization"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A chain of filters and projections over a scan, as expressions over the scan's columns.
struct Chain {
    scan: ResidentScan,
    filters: Vec<Arc<dyn PhysicalExpr>>,
    output: Vec<ProjectionExpr>,
}

impl Chain {
    /// Describes a plan, if it is such a chain and none of its expressions is volatile.
    fn of(plan: &Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Option<Chain>> {
        if let Some(scan) = ResidentScan::of(plan.as_ref(), config) {
            let schema = plan.schema();
            let fields = schema.fields().iter().enumerate();
            let output = fields.map(|(index, field)| {
                ProjectionExpr::new(Arc::new(Column::new(field.name(), index)), field.name())
            });
            return Ok(Some(Chain {
                scan,
                filters: vec![],
                output: output.collect(),
            }));
        }
        let passes = plan.downcast_ref::<CooperativeExec>().is_some()
            || plan.downcast_ref::<RepartitionExec>().is_some_and(|deal| {
                matches!(deal.partitioning(), Partitioning::RoundRobinBatch(_))
            });
        let filter = plan.downcast_ref::<FilterExec>();
        let projection = plan.downcast_ref::<ProjectionExec>();
        let [input] = plan.children()[..] else {
            return Ok(None);
        };
        if plan.fetch().is_some() || !(passes || filter.is_some() || projection.is_some()) {
            return Ok(None);
        }
        let Some(mut chain) = Chain::of(input, config)? else {
            return Ok(None);
        };
        let mut computed = vec![];
        if let Some(filter) = filter {
            let predicate = chain.over_scan(filter.predicate())?;
            computed.push(Arc::clone(&predicate));
            chain.filters.push(predicate);
            if let Some(kept) = filter.projection() {
                let kept = kept.iter().filter_map(|index| chain.output.get(*index));
                chain.output = kept.cloned().collect();
            }
        }
        if let Some(projection) = projection {
            let output = projection.expr().iter().map(|column| {
                let expr = chain.over_scan(&column.expr)?;
                Ok(ProjectionExpr::new(expr, column.alias.clone()))
            });
            chain.output = output.collect::<Result<_>>()?;
            computed.extend(chain.output.iter().map(|column| Arc::clone(&column.expr)));
        }
        Ok((!computed.iter().any(is_volatile)).then_some(chain))
    }

    /// Rewrites an expression over the chain's output as one over the scan.
    fn over_scan(&self, expr: &Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        replace_columns(expr, |index| {
            let column = self.output.get(index)?;
            Some(Arc::clone(&column.expr))
        })
    }
}

/// Replaces each column of an expression by an expression, found by its index.
fn replace_columns(
    expr: &Arc<dyn PhysicalExpr>,
    by: impl Fn(usize) -> Option<Arc<dyn PhysicalExpr>>,
) -> Result<Arc<dyn PhysicalExpr>> {
    let replaced = Arc::clone(expr).transform_up(|node| {
        let column = node.downcast_ref::<Column>();
        Ok(match column.and_then(|column| by(column.index())) {
            Some(other) => Transformed::yes(other),
            None => Transformed::no(node),
        })
    });
    replaced.data()
}

/// Returns a sort, or the merge of its partitions, with late columns; `None` where that does not apply or pay.
fn read_late(
    node: &Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let merge = node.downcast_ref::<SortPreservingMergeExec>();
    let sort = merge.map_or(node, |merge| merge.input());
    let Some(sort) = sort.downcast_ref::<SortExec>() else {
        return Ok(None);
    };
    let Some(limit) = sort.fetch() else {
        return Ok(None);
    };
    let one_partition = node.output_partitioning().partition_count() == 1;
    if !one_partition || merge.is_some_and(|merge| merge.fetch() != Some(limit)) {
        return Ok(None);
    }
    let Some(chain) = Chain::of(sort.input(), config)? else {
        return Ok(None);
    };
    let keys = sort.expr().iter().map(|key| {
        let expr = chain.over_scan(&key.expr)?;
        Ok(PhysicalSortExpr::new(expr, key.options))
    });
    let keys: Vec<PhysicalSortExpr> = keys.collect::<Result<_>>()?;
    let columns_of = |expr: &Arc<dyn PhysicalExpr>| {
        let columns = collect_columns(expr).into_iter();
        columns.map(|column| column.index()).collect::<Vec<_>>()
    };
    let needing = chain.filters.iter().chain(keys.iter().map(|key| &key.expr));
    let early: BTreeSet<usize> = needing.flat_map(columns_of).collect();
    let output = chain.output.iter().map(|column| &column.expr);
    let all: BTreeSet<usize> = output.flat_map(columns_of).collect();
    let late: Vec<usize> = all.difference(&early).copied().collect();
    let in_table = |columns: &mut dyn Iterator<Item = &usize>| -> Vec<usize> {
        columns
            .filter_map(|column| chain.scan.projection.get(*column).copied())
            .collect()
    };
    let mut scan = ResidentScan {
        projection: in_table(&mut early.iter()),
        with_row_ids: true,
        ..chain.scan.clone()
    };
    let late_in_table = in_table(&mut late.iter());
    let few = scan.rows() < ROWS_PER_LIMIT.saturating_mul(limit as u64);
    let narrow = scan.reader.row_bytes(&late_in_table) < LATE_BYTES;
    if early.is_empty() || few || narrow || !scan.is_admitted() {
        return Ok(None);
    }
    if let Some(first) = keys.first()
        && let Some(column) = first.expr.downcast_ref::<Column>()
    {
        scan.order_by(column.name(), first.options.descending);
    }
    let read = Arc::new(scan.clone());
    let plan: Arc<dyn ExecutionPlan> = Arc::new(ResidentExec::try_new(scan)?);
    // The early columns come first, then, in the place of the row id, the late ones.
    let places: Vec<usize> = early.iter().chain(&late).copied().collect();
    let table = read.reader.table().schema();
    let moved = |expr: &Arc<dyn PhysicalExpr>| {
        replace_columns(expr, |index| {
            let place = places.iter().position(|column| *column == index)?;
            let name = table.field(*chain.scan.projection.get(index)?).name();
            Some(Arc::new(Column::new(name, place)))
        })
    };
    let filters: Vec<_> = chain.filters.iter().map(&moved).collect::<Result<_>>()?;
    let plan: Arc<dyn ExecutionPlan> = match filters.is_empty() {
        true => plan,
        false => Arc::new(FilterExec::try_new(conjunction(filters), plan)?),
    };
    let keys = keys
        .into_iter()
        .map(|key| Ok(PhysicalSortExpr::new(moved(&key.expr)?, key.options)));
    let Some(keys) = LexOrdering::new(keys.collect::<Result<Vec<_>>>()?) else {
        return Ok(None);
    };
    let partitions = plan.output_partitioning().partition_count();
    let sort = SortExec::new(keys.clone(), plan).with_fetch(Some(limit));
    let sorted: Arc<dyn ExecutionPlan> = Arc::new(sort.with_preserve_partitioning(partitions > 1));
    let sorted = match partitions > 1 {
        true => Arc::new(SortPreservingMergeExec::new(keys, sorted).with_fetch(Some(limit))),
        false => sorted,
    };
    let rows = LateColumnsExec::try_new(sorted, read, late_in_table)?;
    let output = chain.output.iter().map(|column| {
        let expr = moved(&column.expr)?;
        Ok(ProjectionExpr::new(expr, column.alias.clone()))
    });
    let output: Vec<ProjectionExpr> = output.collect::<Result<_>>()?;
    let plan: Arc<dyn ExecutionPlan> = Arc::new(ProjectionExec::try_new(output, Arc::new(rows))?);
    let known = plan.equivalence_properties();
    let is_sorted = match node.output_ordering() {
        Some(order) => known.ordering_satisfy(order.iter().cloned())?,
        None => true,
    };
    Ok((is_sorted && plan.schema() == node.schema()).then_some(plan))
}
