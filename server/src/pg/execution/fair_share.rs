//! A fair share of the processors for short statements: the operator that lets long ones rest.
//!
//! Each account has its own threads, and the system treats them alike. So a statement of some milliseconds would wait for as
//! many long ones as there are accounts that run one. Long statements therefore sleep between batches where their
//! [`Throttle`] says so, and run at full speed otherwise. What always holds: a long statement makes progress whatever others
//! do; and it rests for its work, not for the time in which it waited for its reader.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{FutureExt, Stream, StreamExt};
use tokio::time::Sleep;

use super::yielding_joins::multiplies_rows;
use crate::pg::resources::throttle::Throttle;

/// Adds a [`FairShareExec`] above the plan's root and its leaves, and above and below its joins and whatever else makes many
/// rows of few.
///
/// # Errors
/// If a node does not accept the new child.
pub fn with_fair_share(
    plan: Arc<dyn ExecutionPlan>,
    throttle: &Arc<Throttle>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let wrap = |node: Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> {
        if node.is::<FairShareExec>() {
            return node;
        }
        Arc::new(FairShareExec {
            input: node,
            throttle: Arc::clone(throttle),
        })
    };
    let plan = plan.transform_up(|node| {
        if node.children().is_empty() {
            return Ok(Transformed::yes(wrap(node)));
        }
        if !multiplies_rows(node.as_ref()) {
            return Ok(Transformed::no(node));
        }
        let inputs = node.children().into_iter().cloned().map(wrap).collect();
        // The operator changes no property of the plan.
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
        Ok(Transformed::yes(wrap(
            node.replace_children(inputs, options)?,
        )))
    });
    Ok(wrap(plan.data()?))
}

/// Passes on the batches of its input, and rests between them.
#[derive(Debug)]
struct FairShareExec {
    input: Arc<dyn ExecutionPlan>,
    throttle: Arc<Throttle>,
}

impl DisplayAs for FairShareExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ExecutionPlan for FairShareExec {
    fn name(&self) -> &str {
        "FairShareExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(input), true) = (children.pop(), children.is_empty()) else {
            return Err(DataFusionError::Internal(
                "FairShareExec has one child".into(),
            ));
        };
        Ok(Arc::new(FairShareExec {
            input,
            throttle: Arc::clone(&self.throttle),
        }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        Ok(Box::pin(FairShareStream {
            input: self.input.execute(partition, context)?,
            throttle: Arc::clone(&self.throttle),
            worked: Duration::ZERO,
            total: Duration::ZERO,
            rests: 0,
            passed_on: None,
            rest: None,
        }))
    }
}

struct FairShareStream {
    input: SendableRecordBatchStream,
    throttle: Arc<Throttle>,
    /// The work since the statement rested last: that of making batches, and that of the operators above that used them.
    worked: Duration,
    /// The time that making batches has taken since the beginning.
    total: Duration,
    /// How often the statement had rested when `worked` was last reset.
    rests: u64,
    /// When the last batch was passed on, and how long the statement had waited for its reader by then.
    passed_on: Option<(Instant, Duration)>,
    rest: Option<Pin<Box<Sleep>>>,
}

impl FairShareStream {
    /// Counts the work of the operators above since the last batch was passed on.
    fn count_work_above(&mut self) {
        if let Some((at, waited)) = self.passed_on.take() {
            let waited = self.throttle.wait_time().saturating_sub(waited);
            self.worked += at.elapsed().saturating_sub(waited);
        }
    }

    /// Resets the work if another partition of the statement has rested: it rested for this work too.
    fn reset_after_rest(&mut self) {
        let rests = self.throttle.rests();
        if rests != self.rests {
            self.rests = rests;
            self.worked = Duration::ZERO;
        }
    }
}

impl Stream for FairShareStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.count_work_above();
        self.reset_after_rest();
        if self.rest.is_none()
            && let Some(rest) = self.throttle.rest_for(self.worked)
        {
            self.rest = Some(Box::pin(tokio::time::sleep(rest)));
        }
        if let Some(rest) = &mut self.rest {
            ready!(rest.poll_unpin(cx));
            self.rest = None;
            self.reset_after_rest();
        }
        let began = Instant::now();
        let polled = self.input.poll_next_unpin(cx);
        let took = began.elapsed();
        self.worked += took;
        self.total += took;
        self.throttle.record_work(self.total);
        if polled.is_ready() {
            self.passed_on = Some((Instant::now(), self.throttle.wait_time()));
        }
        polled
    }
}

impl RecordBatchStream for FairShareStream {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use datafusion::arrow::datatypes::Schema;
    use datafusion::physical_plan::EmptyRecordBatchStream;
    use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
    use datafusion::physical_plan::empty::EmptyExec;
    use rstest::rstest;

    use super::*;
    use crate::pg::resources::throttle::tests::{HOUR, add_wait, throttle_among};

    /// Work enough for a rest.
    const SOME: Duration = Duration::from_millis(2);

    #[test]
    fn a_plan_without_joins_rests_at_its_leaves_and_its_root() {
        let (throttle, _guards) = throttle_among(true, true);
        let read: Arc<dyn ExecutionPlan> = Arc::new(EmptyExec::new(Arc::new(Schema::empty())));
        let gathered = Arc::new(CoalescePartitionsExec::new(Arc::clone(&read)));
        let plan = with_fair_share(gathered, &throttle).unwrap();
        let inner = |plan: &Arc<dyn ExecutionPlan>| Arc::clone(plan.children()[0]);
        assert!(plan.is::<FairShareExec>());
        assert!(inner(&inner(&plan)).is::<FairShareExec>());
        // A plan of one node is wrapped once.
        let plan = with_fair_share(read, &throttle).unwrap();
        assert!(plan.is::<FairShareExec>() && inner(&plan).is::<EmptyExec>());
    }

    fn stream(throttle: &Arc<Throttle>, worked: Duration) -> FairShareStream {
        FairShareStream {
            input: Box::pin(EmptyRecordBatchStream::new(Arc::new(Schema::empty()))),
            throttle: Arc::clone(throttle),
            worked,
            total: Duration::ZERO,
            rests: 0,
            passed_on: None,
            rest: None,
        }
    }

    #[rstest]
    #[case::a_short_one_runs(true, SOME, true, true)]
    #[case::no_other_runs(true, SOME, false, false)]
    #[case::it_is_short_itself(false, SOME, true, false)]
    #[case::it_has_not_worked(true, Duration::ZERO, true, false)]
    #[tokio::test]
    async fn a_long_statement_rests_for_short_ones(
        #[case] long: bool,
        #[case] worked: Duration,
        #[case] others: bool,
        #[case] rests: bool,
    ) {
        let (throttle, _guards) = throttle_among(long, others);
        let mut stream = stream(&throttle, worked);
        assert_eq!(futures::poll!(stream.next()).is_pending(), rests);
        assert_eq!(throttle.rests(), u64::from(rests));
        // It makes progress in any case.
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn operators_do_not_rest_twice_for_the_same_work() {
        let (throttle, _guards) = throttle_among(true, true);
        let (mut inner, mut outer) = (stream(&throttle, HOUR), stream(&throttle, HOUR));
        assert!(futures::poll!(inner.next()).is_pending());
        assert!(futures::poll!(outer.next()).is_ready());
    }

    #[tokio::test]
    async fn time_spent_waiting_for_the_reader_is_not_work() {
        let (throttle, _guards) = throttle_among(true, true);
        let mut stream = stream(&throttle, Duration::ZERO);
        // A batch was passed on an hour ago, and the reader has taken as long to ask for more.
        stream.passed_on = Some((Instant::now() - HOUR, Duration::ZERO));
        add_wait(&throttle, HOUR * 2);
        assert!(futures::poll!(stream.next()).is_ready());
        stream.passed_on = Some((Instant::now() - HOUR, throttle.wait_time()));
        assert!(
            futures::poll!(stream.next()).is_pending(),
            "work above counts"
        );
    }
}
