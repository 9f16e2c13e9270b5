//! Runs the aggregates of this crate, which fold events into one state per group.
//!
//! A [`Fold`] defines how one event changes a state, how two states merge, and what result a state gives. [`Groups`] runs
//! it for the groups of a hash aggregation, [`SingleGroup`] for one group (windows, no `GROUP BY`), over the same states.
//! The texts of all groups lie in one [`Pool`], so that adding an event seldom allocates. What always holds: folding a set
//! of events gives the same result in any order, in any batches, and through any partial states (SPEC E2).

mod aggregate;
mod codec;
mod groups;
mod output;
mod pool;
mod single_group;
mod stamp;

pub(crate) use aggregate::aggregate;
pub(crate) use codec::{Decoder, Encoder};
pub(crate) use groups::Groups;
pub(crate) use output::{
    LabelBuilder, TextBuilder, TextListBuilder, append_count, instant_builder,
};
pub(crate) use pool::{Pool, Text};
pub(crate) use single_group::SingleGroup;
pub(crate) use stamp::Stamp;

use std::fmt::Debug;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{DocSection, Documentation};

use crate::columns::Parameter;

/// The section of the function documentation.
pub(crate) const SECTION: DocSection = DocSection {
    include: true,
    label: "Event Functions",
    description: Some("Aggregates that fold events into what they mean."),
};

/// Defines an aggregate function by the state of one group.
pub(crate) trait Fold: Debug + Default + Send + Sync + 'static {
    /// The function's name in SQL.
    const NAME: &'static str;

    /// The function's parameters.
    const PARAMETERS: &'static [Parameter];

    /// The argument columns of a batch of events.
    type Events<'a>;

    /// Returns the type of the function's result.
    fn result_type() -> DataType;

    /// Returns the function's documentation.
    fn documentation() -> &'static Documentation;

    /// Wraps the argument columns of a batch, which have the types of [`Self::PARAMETERS`].
    fn read_events(arguments: &[ArrayRef]) -> Result<Self::Events<'_>>;

    /// Adds the event of one row to the state.
    fn add(&mut self, events: &Self::Events<'_>, row: usize, pool: &mut Pool);

    /// Writes the state, to be passed to the next phase of the aggregation.
    fn encode(&self, pool: &Pool, out: &mut Encoder);

    /// Adds the events of another state, as [`Fold::encode`] wrote it.
    fn merge(&mut self, state: &mut Decoder<'_>, pool: &mut Pool) -> Result<()>;

    /// Calls `visit` with every text handle of the state, so that the pool can free or move the texts.
    fn visit(&mut self, visit: &mut dyn FnMut(&mut Text));

    /// Returns the bytes that the state owns on the heap, outside the pool. A method that changes them reports the change
    /// to [`Pool::track_heap`].
    fn heap_size(&self) -> usize {
        0
    }

    /// Builds the result column, one row per group.
    fn results(groups: &[Self], pool: &Pool) -> Result<ArrayRef>;
}
