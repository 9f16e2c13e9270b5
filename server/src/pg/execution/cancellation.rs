//! Joins that stop when nobody wants their rows any more.
//!
//! To abort a task is to ask it to end where it gives way, and a join whose condition nothing fulfils never does: it
//! goes on from pair to pair within one poll, and its statement, long cancelled, keeps a thread of its account for as
//! long as there are pairs. So the condition itself looks whether the statement goes on, once for each batch of pairs.

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

use crate::pg::resources::stop_flag::GivenUp;
use rapport_pgsql::error::{PgError, code};

/// A plan whose joins stop once their statement has been given up.
///
/// # Errors
/// If a join cannot be made again.
pub fn stopping(
    plan: Arc<dyn ExecutionPlan>,
    given_up: &GivenUp,
) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        let stopping = |filter: &JoinFilter| {
            let condition = Arc::new(Condition {
                inner: Arc::clone(filter.expression()),
                given_up: Arc::clone(given_up),
            });
            let indices = filter.column_indices().to_vec();
            JoinFilter::new(condition, indices, Arc::clone(filter.schema()))
        };
        if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>()
            && let Some(filter) = join.filter()
        {
            let join = NestedLoopJoinExecBuilder::from(join)
                .with_filter(Some(stopping(filter)))
                .build()?;
            return Ok(Transformed::yes(Arc::new(join) as _));
        }
        if let Some(join) = node.downcast_ref::<HashJoinExec>()
            && let Some(filter) = join.filter()
        {
            let filter = Some(stopping(filter));
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
                Some(stopping(filter)),
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

/// A condition that fails once its statement has been given up.
struct Condition {
    inner: Arc<dyn PhysicalExpr>,
    given_up: GivenUp,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Condition) -> bool {
        self.inner.as_ref() == other.inner.as_ref()
    }
}

impl Eq for Condition {}

impl Hash for Condition {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl PhysicalExpr for Condition {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if (self.given_up)() {
            // Nobody reads it.
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
        Ok(Arc::new(Condition {
            inner: inner.unwrap_or_else(|| Arc::clone(&self.inner)),
            given_up: Arc::clone(&self.given_up),
        }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
