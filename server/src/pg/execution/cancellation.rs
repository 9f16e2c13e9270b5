//! Joins that stop when their statement is cancelled.
//!
//! An aborted task ends where it yields, and a join whose filter rejects all pairs never yields: it compares pair after pair
//! within one poll, and keeps a thread of its account although the statement was cancelled. So the filter itself checks
//! whether the statement should stop, once for each batch of pairs.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec,
};

use crate::pg::resources::stop_flag::StopCheck;
use rapport_pgsql::error::{PgError, code};

/// Replaces the filters of the plan's joins by ones that fail once `should_stop` is true.
///
/// # Errors
/// If a join cannot be rebuilt.
pub fn with_cancellable_joins(
    plan: Arc<dyn ExecutionPlan>,
    should_stop: &StopCheck,
) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        let cancellable = |filter: &JoinFilter| {
            let condition = Arc::new(CancellableFilter {
                inner: Arc::clone(filter.expression()),
                should_stop: Arc::clone(should_stop),
            });
            let indices = filter.column_indices().to_vec();
            JoinFilter::new(condition, indices, Arc::clone(filter.schema()))
        };
        if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>()
            && let Some(filter) = join.filter()
        {
            let join = NestedLoopJoinExecBuilder::from(join)
                .with_filter(Some(cancellable(filter)))
                .build()?;
            return Ok(Transformed::yes(Arc::new(join) as _));
        }
        if let Some(join) = node.downcast_ref::<HashJoinExec>()
            && let Some(filter) = join.filter()
        {
            let filter = Some(cancellable(filter));
            return Ok(Transformed::yes(
                join.builder().with_filter(filter).build_exec()?,
            ));
        }
        if let Some(join) = node.downcast_ref::<SortMergeJoinExec>()
            && let Some(filter) = join.filter()
        {
            let join = SortMergeJoinExec::try_new(
                Arc::clone(join.left()),
                Arc::clone(join.right()),
                join.on().to_vec(),
                Some(cancellable(filter)),
                join.join_type(),
                join.sort_options().to_vec(),
                join.null_equality(),
            )?;
            return Ok(Transformed::yes(Arc::new(join) as _));
        }
        Ok(Transformed::no(node))
    })
    .data()
}

/// A join filter that fails once its statement should stop.
struct CancellableFilter {
    inner: Arc<dyn PhysicalExpr>,
    should_stop: StopCheck,
}

impl fmt::Debug for CancellableFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Display for CancellableFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PartialEq for CancellableFilter {
    fn eq(&self, other: &CancellableFilter) -> bool {
        self.inner.as_ref() == other.inner.as_ref()
    }
}

impl Eq for CancellableFilter {}

impl Hash for CancellableFilter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl PhysicalExpr for CancellableFilter {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if (self.should_stop)() {
            // Nobody reads this error.
            let error = PgError::new(code::CANCELED, "canceling statement");
            return Err(DataFusionError::External(Box::new(error)));
        }
        self.inner.evaluate(batch)
    }

    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.inner.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(schema)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let inner = children.into_iter().next();
        Ok(Arc::new(CancellableFilter {
            inner: inner.unwrap_or_else(|| Arc::clone(&self.inner)),
            should_stop: Arc::clone(&self.should_stop),
        }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
