//! Folding events into one state per group: what the aggregates of this crate share.
//!
//! A [`Fold`] says what one event does to a state, how two states become one, and what a state is worth in the end.
//! [`Groups`] runs it for the groups of a hash aggregation and [`Single`] for one group (windows, no `GROUP BY`), over the
//! same states. Texts of all groups lie in one [`Pool`], so an event allocates nothing. What always holds: folding a set
//! of events gives the same state in any order, in any batches, and through any partial states (SPEC E2).

mod aggregate;
mod codec;
mod groups;
mod output;
mod pool;
mod single;
mod stamp;

pub(crate) use aggregate::aggregate;
pub(crate) use codec::{Decoder, Encoder};
pub(crate) use groups::Groups;
pub(crate) use output::{Labels, Lists, Texts, count, instants};
pub(crate) use pool::{Pool, Text};
pub(crate) use single::Single;
pub(crate) use stamp::Stamp;

use std::fmt::Debug;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{DocSection, Documentation};

use crate::columns::Parameter;

/// Where the docs list these functions.
pub(crate) const SECTION: DocSection = DocSection {
    include: true,
    label: "Event Functions",
    description: Some("Aggregates that fold events into what they mean."),
};

/// The state of one group, as events go into it.
pub(crate) trait Fold: Debug + Default + Send + Sync + 'static {
    /// The function's name.
    const NAME: &'static str;

    /// The function's parameters.
    const PARAMETERS: &'static [Parameter];

    /// The arguments of a batch of events.
    type Events<'a>;

    /// What the function returns.
    fn result_type() -> DataType;

    /// The function's documentation.
    fn documentation() -> &'static Documentation;

    /// Reads the arguments of a batch.
    fn events(arguments: &[ArrayRef]) -> Result<Self::Events<'_>>;

    /// Takes an event.
    fn add(&mut self, events: &Self::Events<'_>, row: usize, pool: &mut Pool);

    /// Writes the state down.
    fn encode(&self, pool: &Pool, out: &mut Encoder);

    /// Takes what [`Fold::encode`] wrote of another state.
    fn merge(&mut self, state: &mut Decoder<'_>, pool: &mut Pool) -> Result<()>;

    /// Shows every text of the state, so that a pool can move them.
    fn visit(&mut self, visit: &mut dyn FnMut(&mut Text));

    /// Bytes that the state owns beside its own and those in the pool. Whatever changes them tells [`Pool::boxed`].
    fn boxed(&self) -> usize {
        0
    }

    /// The results of these groups.
    fn results(groups: &[Self], pool: &Pool) -> Result<ArrayRef>;
}
