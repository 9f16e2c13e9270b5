//! Long statements give way to short ones.
//!
//! Every account has threads of its own, which the system treats alike; so a statement of some milliseconds would wait for
//! as many long ones as there are accounts with one. Statements that go on for long therefore rest now and then while there
//! are any that have only just begun, of whichever account, and go at full speed while there are none. What always holds: a
//! long statement keeps a part of its speed, whatever others do.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

use super::yielding::multiplies_rows;

/// A statement is short up to here, and long from then on.
const SHORT: Duration = Duration::from_millis(100);
/// What a long statement works between two rests, at least.
const WORK: Duration = Duration::from_millis(2);
/// It rests so many times as long as it has worked...
const REST: u32 = 4;
/// ... but no longer than this.
const LONGEST_REST: Duration = Duration::from_millis(250);

/// The statements that have a right to run, by their beginning.
#[derive(Debug, Default)]
pub struct Begun(Mutex<Statements>);

#[derive(Debug, Default)]
struct Statements {
    number: u64,
    running: BTreeSet<(Instant, u64)>,
}

/// A statement's place among the others.
#[derive(Debug)]
pub struct Beginning {
    begun: Arc<Begun>,
    place: (Instant, u64),
}

impl Begun {
    fn statements(&self) -> MutexGuard<'_, Statements> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A statement begins to run, until the answer is dropped.
    pub fn begin(self: &Arc<Self>) -> Beginning {
        let mut statements = self.statements();
        statements.number += 1;
        let place = (Instant::now(), statements.number);
        statements.running.insert(place);
        drop(statements);
        Beginning {
            begun: Arc::clone(self),
            place,
        }
    }

    /// Whether one is among them that runs for less than `time`.
    fn any_within(&self, time: Duration) -> bool {
        let statements = self.statements();
        let latest = statements.running.last();
        latest.is_some_and(|(began, _)| began.elapsed() < time)
    }
}

impl Beginning {
    /// The statements among which it is.
    pub fn others(&self) -> Arc<Begun> {
        Arc::clone(&self.begun)
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        self.begun.statements().running.remove(&self.place);
    }
}

/// A plan whose joins, and whatever else makes many rows of few, give way once its statement has gone on for long: with what
/// they give, and with what they take, which some of them gather first.
///
/// # Errors
/// If a node does not take another in place of its child.
pub fn giving_way(
    plan: Arc<dyn ExecutionPlan>,
    others: &Arc<Begun>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let began = Instant::now();
    let wrapped = |node: Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> {
        if node.is::<GivingWayExec>() {
            return node;
        }
        Arc::new(GivingWayExec {
            input: node,
            others: Arc::clone(others),
            began,
        })
    };
    plan.transform_up(|node| {
        if !multiplies_rows(node.as_ref()) {
            return Ok(Transformed::no(node));
        }
        let inputs = node.children().into_iter().cloned().map(wrapped).collect();
        // What is put in between changes nothing of what a node tells of itself.
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
        Ok(Transformed::yes(wrapped(
            node.replace_children(inputs, options)?,
        )))
    })
    .data()
}

/// Hands on the rows of its input, resting in between.
#[derive(Debug)]
struct GivingWayExec {
    input: Arc<dyn ExecutionPlan>,
    others: Arc<Begun>,
    began: Instant,
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
            others: Arc::clone(&self.others),
            began: self.began,
        }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        Ok(Box::pin(GivingWay {
            input: self.input.execute(partition, context)?,
            others: Arc::clone(&self.others),
            began: self.began,
            working_since: None,
            rest: None,
        }))
    }
}

struct GivingWay {
    input: SendableRecordBatchStream,
    others: Arc<Begun>,
    began: Instant,
    /// Since the last rest, or since it was asked for rows first. What uses the rows works in this time too.
    working_since: Option<Instant>,
    rest: Option<Pin<Box<Sleep>>>,
}

impl GivingWay {
    /// How long to rest now.
    fn due(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let worked = now - *self.working_since.get_or_insert(now);
        if worked < WORK {
            return None;
        }
        self.working_since = Some(now);
        let long = now - self.began >= SHORT;
        (long && self.others.any_within(SHORT)).then(|| (worked * REST).min(LONGEST_REST))
    }
}

impl Stream for GivingWay {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.rest.is_none()
            && let Some(rest) = self.due()
        {
            self.rest = Some(Box::pin(tokio::time::sleep(rest)));
        }
        if let Some(rest) = &mut self.rest {
            ready!(rest.poll_unpin(cx));
            self.rest = None;
            self.working_since = Some(Instant::now());
        }
        self.input.poll_next_unpin(cx)
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
    use rstest::rstest;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_statement_counts_until_it_ends() {
        let begun = Arc::new(Begun::default());
        assert!(!begun.any_within(HOUR));
        let first = begun.begin();
        let second = begun.begin();
        drop(second);
        assert!(begun.any_within(HOUR));
        assert!(!begun.any_within(Duration::ZERO));
        drop(first);
        assert!(!begun.any_within(HOUR));
    }

    #[rstest]
    #[case::a_short_one_runs(true, true, true, true)]
    #[case::no_other_runs(true, true, false, false)]
    #[case::it_is_short_itself(false, true, true, false)]
    #[case::it_has_just_rested(true, false, true, false)]
    #[tokio::test]
    async fn a_long_statement_rests_for_short_ones(
        #[case] long: bool,
        #[case] worked: bool,
        #[case] others: bool,
        #[case] rests: bool,
    ) {
        let now = Instant::now();
        // What begins later stays short however long this test takes.
        let (earlier, later) = (now - HOUR, now + HOUR);
        let begun = Arc::new(Begun::default());
        if others {
            begun.statements().running.insert((later, 0));
        }
        let mut stream = GivingWay {
            input: Box::pin(EmptyRecordBatchStream::new(Arc::new(Schema::empty()))),
            others: begun,
            began: if long { earlier } else { later },
            working_since: worked.then_some(earlier),
            rest: None,
        };
        assert_eq!(futures::poll!(stream.next()).is_pending(), rests);
        // It goes on in any case.
        assert!(stream.next().await.is_none());
    }
}
