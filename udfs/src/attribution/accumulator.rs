//! The two accumulators of `attribute`: of many groups, and of one (no `GROUP BY`), which is the first with one group.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, internal_err};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::columns::{Columns, Kind, kinds};
use super::given::{ByGroup, Given};
use super::ledger::{Ledger, LedgerError, TouchRow, length};
use super::output;
use super::resolve::{Parts, resolve};
use super::rules::{Classes, Model};
use super::state::{self, At, Record, Records};

fn failed(error: LedgerError) -> DataFusionError {
    DataFusionError::Execution(format!("attribute: {error}"))
}

/// Collects the rows of all groups.
#[derive(Debug)]
pub(super) struct AttributeGroups {
    given: Given,
    classes: Classes,
    ledger: Ledger,
    groups: usize,
}

impl AttributeGroups {
    pub(super) fn new(given: Given) -> Self {
        let classes = match &given {
            Given::Constant(_, windows) => Classes::of(windows),
            Given::ByGroup(_) => Classes::new(),
        };
        Self {
            given,
            classes,
            ledger: Ledger::default(),
            groups: 0,
        }
    }

    /// An accumulator of the same rules that holds nothing.
    fn fresh(&self) -> Self {
        Self::new(match &self.given {
            Given::Constant(model, windows) => Given::Constant(*model, windows.clone()),
            Given::ByGroup(_) => Given::ByGroup(ByGroup::default()),
        })
    }

    fn grow(&mut self, groups: usize) {
        self.groups = self.groups.max(groups);
        if let Given::ByGroup(by_group) = &mut self.given {
            by_group.resize(self.groups);
        }
    }

    /// Takes a touch, without the texts that no answer can need.
    fn push_touch(&mut self, group: u32, touch: TouchRow<'_>) -> Result<()> {
        let unit = match &self.given {
            // A marketing touch takes an order away, but is never named.
            Given::Constant(Model::LastTouch, _) if !touch.agent => "",
            _ => touch.unit,
        };
        let touch = TouchRow { unit, ..touch };
        self.ledger.push_touch(group, touch).map_err(failed)
    }

    /// Takes the rows of the groups to emit out.
    fn take(&mut self, emit_to: EmitTo) -> Result<Self> {
        let classes = self.classes.clone();
        let n = match emit_to {
            EmitTo::First(n) if n < self.groups => n,
            EmitTo::First(_) | EmitTo::All => {
                let fresh = self.fresh();
                return Ok(std::mem::replace(self, fresh));
            }
        };
        let first = group_code(n)?;
        self.groups -= n;
        Ok(Self {
            given: self.given.split_off_first(n),
            classes,
            ledger: self.ledger.split_off_first(first),
            groups: n,
        })
    }

    /// The attributed rows of each group.
    fn answer(&self) -> Result<ArrayRef> {
        let book = self.given.book(&self.ledger, &self.classes)?;
        let credits = resolve(
            &self.ledger,
            self.groups,
            &book,
            &self.classes,
            Parts::OfAgent,
        );
        output::lists(&self.ledger, &self.classes, &credits)
    }

    /// The rows of each group as bytes.
    fn encode(&self) -> Result<ArrayRef> {
        let mut ends = vec![0usize; self.groups + 1];
        for order in self.ledger.orders() {
            state::put_order(&mut ends[order.group as usize + 1], &self.ledger, order);
        }
        for touch in self.ledger.touches() {
            let end = &mut ends[touch.group as usize + 1];
            state::put_touch(end, &self.ledger, touch, &self.classes);
        }
        if let Given::ByGroup(by_group) = &self.given {
            for group in 0..self.groups {
                put_given(&mut ends[group + 1], by_group, group);
            }
        }
        for group in 0..self.groups {
            ends[group + 1] += ends[group];
        }
        let mut next = ends.clone();
        let mut buffer = vec![0u8; next.last().copied().unwrap_or(0)];
        let mut write = |group: usize, put: &dyn Fn(&mut At<'_>)| {
            let mut at = At {
                buffer: &mut buffer,
                position: next[group],
            };
            put(&mut at);
            next[group] = at.position;
        };
        for order in self.ledger.orders() {
            write(order.group as usize, &|at| {
                state::put_order(at, &self.ledger, order)
            });
        }
        for touch in self.ledger.touches() {
            write(touch.group as usize, &|at| {
                state::put_touch(at, &self.ledger, touch, &self.classes);
            });
        }
        if let Given::ByGroup(by_group) = &self.given {
            for group in 0..self.groups {
                write(group, &|at| put_given(at, by_group, group));
            }
        }
        let ends: Option<Vec<i64>> = ends
            .into_iter()
            .map(|end| i64::try_from(end).ok())
            .collect();
        let Some(ends) = ends else {
            return exec_err!("attribute: partial state is too large");
        };
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        Ok(Arc::new(LargeBinaryArray::try_new(
            offsets,
            Buffer::from(buffer),
            None,
        )?))
    }
}

fn put_given(sink: &mut impl state::Sink, by_group: &ByGroup, group: usize) {
    let (model, windows) = by_group.told(group);
    if let Some(model) = model {
        state::put_model(sink, model);
    }
    if let Some(windows) = windows {
        state::put_windows(sink, windows);
    }
}

fn group_code(group: usize) -> Result<u32> {
    u32::try_from(group).map_err(|_| failed(LedgerError::TooMany("groups")))
}

/// The code of a class: where all windows are known, only of those that have one.
fn class_code(given: &Given, classes: &mut Classes, name: &str) -> Result<Option<u16>> {
    // A class goes into the state by name.
    length("touch_class", name).map_err(failed)?;
    match given {
        Given::Constant(..) => Ok(classes.code(name)),
        Given::ByGroup(_) => match classes.intern(name) {
            Some(code) => Ok(Some(code)),
            None => Err(failed(LedgerError::TooMany("touch classes"))),
        },
    }
}

impl GroupsAccumulator for AttributeGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let columns = Columns::new(values)?;
        let kinds = kinds(columns.class, |name| {
            class_code(&self.given, &mut self.classes, name)
        })?;
        for (row, (group, kind)) in group_indices.iter().zip(kinds).enumerate() {
            if opt_filter.is_some_and(|filter| filter.is_null(row) || !filter.value(row)) {
                continue;
            }
            if let Given::ByGroup(by_group) = &mut self.given {
                by_group.tell(*group, row, columns.model, columns.windows)?;
            }
            match kind {
                Kind::Passed => {}
                Kind::Order => {
                    let order = columns.order(row)?;
                    self.ledger
                        .push_order(group_code(*group)?, order)
                        .map_err(failed)?;
                }
                Kind::Touch(class) => {
                    self.push_touch(group_code(*group)?, columns.touch(row, class)?)?;
                }
            }
        }
        Ok(())
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let [states] = values else {
            return internal_err!("attribute has one state, got {}", values.len());
        };
        let states = states.as_binary::<i64>();
        for (row, group) in group_indices.iter().enumerate() {
            if states.is_null(row) {
                continue;
            }
            let code = group_code(*group)?;
            for record in Records(states.value(row)) {
                match (record.map_err(failed)?, &mut self.given) {
                    (Record::Order(order), _) => {
                        self.ledger.push_order(code, order).map_err(failed)?
                    }
                    (Record::Touch(touch, name), given) => {
                        if let Some(class) = class_code(given, &mut self.classes, name)? {
                            self.push_touch(code, TouchRow { class, ..touch })?;
                        }
                    }
                    (Record::Model(text), Given::ByGroup(by_group)) => {
                        by_group.tell_model(*group, text)?
                    }
                    (Record::Windows(text), Given::ByGroup(by_group)) => {
                        by_group.tell_windows(*group, text)?;
                    }
                    (Record::Model(_) | Record::Windows(_), Given::Constant(..)) => {
                        return Err(failed(LedgerError::Malformed));
                    }
                }
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.take(emit_to)?.answer()
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.take(emit_to)?.encode()?])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |column| column.len());
        let groups: Vec<usize> = (0..rows).collect();
        let mut each = self.fresh();
        each.update_batch(values, &groups, opt_filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.given.size() + self.classes.size() + self.ledger.size()
    }
}

/// Collects the rows of a single group.
#[derive(Debug)]
pub(super) struct Attribute(AttributeGroups);

impl Attribute {
    pub(super) fn new(given: Given) -> Self {
        let mut groups = AttributeGroups::new(given);
        groups.grow(1);
        Self(groups)
    }
}

impl Accumulator for Attribute {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |column| column.len());
        self.0.update_batch(values, &vec![0; rows], None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |column| column.len());
        self.0.merge_batch(states, &vec![0; rows], 1)
    }

    /// Keeps the rows, since a window frame that grows asks again.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.0.answer()?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::try_from_array(&self.0.encode()?, 0)?])
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
