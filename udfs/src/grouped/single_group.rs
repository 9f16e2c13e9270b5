//! Runs a [`Fold`] for one group: without `GROUP BY`, and in windows.

use arrow::array::ArrayRef;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::{Fold, Groups};

/// Holds the state of the one group. Evaluating keeps the state, since a growing window adds more events afterwards.
#[derive(Debug)]
pub(crate) struct SingleGroup<F> {
    groups: Groups<F>,
}

impl<F: Fold> Default for SingleGroup<F> {
    fn default() -> Self {
        Self {
            groups: Groups::single(),
        }
    }
}

impl<F: Fold> Accumulator for SingleGroup<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.groups.update(values, None, None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.groups.merge(states, None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.groups.results()?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::try_from_array(
            &self.groups.encode_states()?,
            0,
        )?])
    }

    fn size(&self) -> usize {
        datafusion::logical_expr::GroupsAccumulator::size(&self.groups)
    }
}
