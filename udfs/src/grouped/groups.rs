//! Runs a [`Fold`] for every group of a hash aggregation.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::{Decoder, Encoder, Fold, Pool};
use crate::columns::is_set;

/// Holds the states of all groups, and the pool with their texts.
#[derive(Debug)]
pub(crate) struct Groups<F> {
    states: Vec<F>,
    pool: Pool,
}

impl<F> Default for Groups<F> {
    fn default() -> Self {
        Self {
            states: vec![],
            pool: Pool::default(),
        }
    }
}

impl<F: Fold> Groups<F> {
    /// Creates one group without events.
    pub(super) fn single() -> Self {
        Self {
            states: vec![F::default()],
            pool: Pool::default(),
        }
    }

    /// Adds a batch of events; without `groups`, all go to the first group. `total` is the number of groups so far.
    pub(super) fn update(
        &mut self,
        arguments: &[ArrayRef],
        groups: Option<&[usize]>,
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.states.resize_with(total, F::default);
        let events = F::read_events(arguments)?;
        let rows = arguments.first().map_or(0, |argument| argument.len());
        for row in 0..rows {
            if filter.is_none_or(|filter| is_set(filter, row)) {
                let group = groups.map_or(0, |groups| groups[row]);
                self.states[group].add(&events, row, &mut self.pool);
            }
        }
        self.pool.check(F::NAME)
    }

    /// Adds a batch of partial states; without `groups`, all go to the first group.
    pub(super) fn merge(
        &mut self,
        states: &[ArrayRef],
        groups: Option<&[usize]>,
        total: usize,
    ) -> Result<()> {
        self.states.resize_with(total, F::default);
        let [states] = states else {
            return internal_err!("{} has one state column, got {}", F::NAME, states.len());
        };
        let Some(states) = states.as_binary_opt::<i64>() else {
            return internal_err!("{}: foreign state {}", F::NAME, states.data_type());
        };
        for (row, state) in states.iter().enumerate() {
            if let Some(state) = state {
                let group = groups.map_or(0, |groups| groups[row]);
                let mut state = Decoder::new(state);
                self.states[group].merge(&mut state, &mut self.pool)?;
                if !state.is_empty() {
                    return internal_err!("{}: a partial state is too long", F::NAME);
                }
            }
        }
        self.pool.check(F::NAME)
    }

    /// Builds the results of all groups, and keeps the groups.
    pub(super) fn results(&self) -> Result<ArrayRef> {
        F::results(&self.states, &self.pool)
    }

    /// Encodes the states of all groups, and keeps the groups.
    pub(super) fn encode_states(&self) -> Result<ArrayRef> {
        state_column(self.states.len(), |row, out| {
            self.states[row].encode(&self.pool, out);
            Ok(())
        })
    }

    /// Passes the groups to emit to `read`, then drops them and releases their texts.
    fn emit<T>(&mut self, emit: EmitTo, read: impl FnOnce(&[F], &Pool) -> Result<T>) -> Result<T> {
        let mut emitted = emit.take_needed(&mut self.states);
        let output = read(&emitted, &self.pool)?;
        if self.states.is_empty() {
            self.states = vec![];
            self.pool = Pool::default();
        } else {
            let heap = emitted.iter().map(F::heap_size).sum();
            self.pool.track_heap(heap, 0);
            self.pool.release(
                |visit| emitted.iter_mut().for_each(|state| state.visit(visit)),
                |visit| self.states.iter_mut().for_each(|state| state.visit(visit)),
            );
        }
        Ok(output)
    }
}

/// Builds a column of encoded states, calling `encode` for each row.
fn state_column(
    rows: usize,
    mut encode: impl FnMut(usize, &mut Encoder) -> Result<()>,
) -> Result<ArrayRef> {
    let mut out = Encoder::default();
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(0_i64);
    for row in 0..rows {
        encode(row, &mut out)?;
        // A buffer is never longer than `i64::MAX`.
        offsets.push(out.position() as i64);
    }
    Ok(Arc::new(LargeBinaryArray::try_new(
        OffsetBuffer::new(ScalarBuffer::from(offsets)),
        Buffer::from_vec(out.into_bytes()),
        None,
    )?))
}

impl<F: Fold> GroupsAccumulator for Groups<F> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.update(values, Some(group_indices), opt_filter, total_num_groups)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.merge(values, Some(group_indices), total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.emit(emit_to, F::results)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let states = self.emit(emit_to, |states, pool| {
            state_column(states.len(), |row, out| {
                states[row].encode(pool, out);
                Ok(())
            })
        })?;
        Ok(vec![states])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let events = F::read_events(values)?;
        let rows = values.first().map_or(0, |argument| argument.len());
        let mut pool = Pool::default();
        let states = state_column(rows, |row, out| {
            let mut state = F::default();
            if opt_filter.is_none_or(|filter| is_set(filter, row)) {
                state.add(&events, row, &mut pool);
                pool.check(F::NAME)?;
            }
            state.encode(&pool, out);
            pool.clear();
            Ok(())
        })?;
        Ok(vec![states])
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.states.capacity() * size_of::<F>() + self.pool.size()
    }
}
