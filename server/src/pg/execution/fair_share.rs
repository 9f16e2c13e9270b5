//! Long statements give way to short ones.
//!
//! Every account has threads of its own, which the system treats alike; so a statement of some milliseconds would wait for
//! as many long ones as there are accounts with one. Statements that go on for long therefore rest now and then while there
//! are more statements than processors and some of them have only just begun, of whichever account, and go at full speed
//! otherwise. The more long ones there are the longer each rests, so that all of them together take about a tenth of the
//! processors' time from short ones.
//! What always holds: a long statement goes on, whatever others do; and it rests for its work, not for the time in which it
//! waited for its reader.

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
use crate::pg::resources::throttle::Pace;

/// A plan that gives way once its statement has gone on for long: with what it gives, with what it reads, and with what its
/// joins, and whatever else makes many rows of few, give and take.
///
/// # Errors
/// If a node does not take another in place of its child.
pub fn giving_way(
    plan: Arc<dyn ExecutionPlan>,
    pace: &Arc<Pace>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let wrapped = |node: Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> {
        if node.is::<GivingWayExec>() {
            return node;
        }
        Arc::new(GivingWayExec {
            input: node,
            pace: Arc::clone(pace),
        })
    };
    let plan = plan.transform_up(|node| {
        if node.children().is_empty() {
            return Ok(Transformed::yes(wrapped(node)));
        }
        if !multiplies_rows(node.as_ref()) {
            return Ok(Transformed::no(node));
        }
        let inputs = node.children().into_iter().cloned().map(wrapped).collect();
        // What is put in between changes nothing of what a node tells of itself.
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
        Ok(Transformed::yes(wrapped(
            node.replace_children(inputs, options)?,
        )))
    });
    Ok(wrapped(plan.data()?))
}

/// Hands on the rows of its input, resting in between.
#[derive(Debug)]
struct GivingWayExec {
    input: Arc<dyn ExecutionPlan>,
    pace: Arc<Pace>,
}

impl DisplayAs for GivingWayExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ExecutionPlan for GivingWayExec {
    fn name(&self) -> &str {
        "GivingWayExec"
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
                "GivingWayExec has one child".into(),
            ));
        };
        Ok(Arc::new(GivingWayExec {
            input,
            pace: Arc::clone(&self.pace),
        }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        Ok(Box::pin(GivingWay {
            input: self.input.execute(partition, context)?,
            pace: Arc::clone(&self.pace),
            worked: Duration::ZERO,
            in_all: Duration::ZERO,
            rests: 0,
            gave: None,
            rest: None,
        }))
    }
}

struct GivingWay {
    input: SendableRecordBatchStream,
    pace: Arc<Pace>,
    /// What has been worked since the statement rested last: to make rows, and by whoever took them.
    worked: Duration,
    /// What making rows has taken since the beginning.
    in_all: Duration,
    /// How often the statement had rested then.
    rests: u64,
    /// When it gave rows last, and how long the statement had waited by then.
    gave: Option<(Instant, Duration)>,
    rest: Option<Pin<Box<Sleep>>>,
}

impl GivingWay {
    /// Counts the work of whoever took the rows that were given last.
    fn count_their_use(&mut self) {
        if let Some((at, waited)) = self.gave.take() {
            let waited = self.pace.waited().saturating_sub(waited);
            self.worked += at.elapsed().saturating_sub(waited);
        }
    }

    /// Forgets what was worked before another part of the statement rested: that was its work too.
    fn forget_paid(&mut self) {
        let rests = self.pace.rests();
        if rests != self.rests {
            self.rests = rests;
            self.worked = Duration::ZERO;
        }
    }
}

impl Stream for GivingWay {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.count_their_use();
        self.forget_paid();
        if self.rest.is_none()
            && let Some(rest) = self.pace.rest_for(self.worked)
        {
            self.rest = Some(Box::pin(tokio::time::sleep(rest)));
        }
        if let Some(rest) = &mut self.rest {
            ready!(rest.poll_unpin(cx));
            self.rest = None;
            self.forget_paid();
        }
        let began = Instant::now();
        let polled = self.input.poll_next_unpin(cx);
        let took = began.elapsed();
        self.worked += took;
        self.in_all += took;
        self.pace.worked(self.in_all);
        if polled.is_ready() {
            self.gave = Some((Instant::now(), self.pace.waited()));
        }
        polled
    }
}

impl RecordBatchStream for GivingWay {
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
    use crate::pg::resources::throttle::tests::{HOUR, paced, waited};

    /// So much work that it is time to rest.
    const SOME: Duration = Duration::from_millis(2);

    #[test]
    fn a_plan_without_a_join_rests_where_it_reads_and_where_it_gives() {
        let (pace, _kept) = paced(true, true);
        let read: Arc<dyn ExecutionPlan> = Arc::new(EmptyExec::new(Arc::new(Schema::empty())));
        let gathered = Arc::new(CoalescePartitionsExec::new(Arc::clone(&read)));
        let plan = giving_way(gathered, &pace).unwrap();
        let inner = |plan: &Arc<dyn ExecutionPlan>| Arc::clone(plan.children()[0]);
        assert!(plan.is::<GivingWayExec>());
        assert!(inner(&inner(&plan)).is::<GivingWayExec>());
        // Once is enough for one that does both.
        let plan = giving_way(read, &pace).unwrap();
        assert!(plan.is::<GivingWayExec>() && inner(&plan).is::<EmptyExec>());
    }

    fn stream(pace: &Arc<Pace>, worked: Duration) -> GivingWay {
        GivingWay {
            input: Box::pin(EmptyRecordBatchStream::new(Arc::new(Schema::empty()))),
            pace: Arc::clone(pace),
            worked,
            in_all: Duration::ZERO,
            rests: 0,
            gave: None,
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
        let (pace, _kept) = paced(long, others);
        let mut stream = stream(&pace, worked);
        assert_eq!(futures::poll!(stream.next()).is_pending(), rests);
        assert_eq!(pace.rests(), u64::from(rests));
        // It goes on in any case.
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn no_work_is_rested_for_twice() {
        let (pace, _kept) = paced(true, true);
        let (mut inner, mut outer) = (stream(&pace, HOUR), stream(&pace, HOUR));
        assert!(futures::poll!(inner.next()).is_pending());
        assert!(futures::poll!(outer.next()).is_ready());
    }

    #[tokio::test]
    async fn waiting_for_the_reader_is_no_work() {
        let (pace, _kept) = paced(true, true);
        let mut stream = stream(&pace, Duration::ZERO);
        // It gave rows an hour ago, and their reader has taken so long to want more.
        stream.gave = Some((Instant::now() - HOUR, Duration::ZERO));
        waited(&pace, HOUR * 2);
        assert!(futures::poll!(stream.next()).is_ready());
        stream.gave = Some((Instant::now() - HOUR, pace.waited()));
        assert!(futures::poll!(stream.next()).is_pending(), "but its use is");
    }
}
