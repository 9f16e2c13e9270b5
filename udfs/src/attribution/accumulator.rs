//! The two accumulators of `attribute`: for many groups, and for one (no `GROUP BY`), which wraps the first.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, internal_err};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::columns::{Columns, RowKind, row_kinds};
use super::ledger::{Ledger, LedgerError, TouchRow, text_length};
use super::output;
use super::resolve::{Parts, resolve};
use super::rule_source::{GroupRules, RuleSource};
use super::rules::{Classes, Model};
use super::state::{self, BufferWriter, Record, Records};

fn ledger_error(error: LedgerError) -> DataFusionError {
    DataFusionError::Execution(format!("attribute: {error}"))
}

/// Collects the rows of all groups, and attributes them when evaluated.
#[derive(Debug)]
pub(super) struct AttributeGroups {
    rules: RuleSource,
    classes: Classes,
    ledger: Ledger,
    groups: usize,
}

impl AttributeGroups {
    pub(super) fn new(rules: RuleSource) -> Self {
        let classes = match &rules {
            RuleSource::Constant(_, windows) => Classes::from_windows(windows),
            RuleSource::ByGroup(_) => Classes::new(),
        };
        Self {
            rules,
            classes,
            ledger: Ledger::default(),
            groups: 0,
        }
    }

    /// Creates an empty accumulator with the same constant rules.
    fn new_empty(&self) -> Self {
        Self::new(match &self.rules {
            RuleSource::Constant(model, windows) => RuleSource::Constant(*model, windows.clone()),
            RuleSource::ByGroup(_) => RuleSource::ByGroup(GroupRules::default()),
        })
    }

    /// Grows to so many groups.
    fn grow(&mut self, groups: usize) {
        self.groups = self.groups.max(groups);
        if let RuleSource::ByGroup(by_group) = &mut self.rules {
            by_group.resize(self.groups);
        }
    }

    /// Adds a touch, without texts that no result can show.
    fn push_touch(&mut self, group: u32, touch: TouchRow<'_>) -> Result<()> {
        let unit = match &self.rules {
            // With the last touch model, the result never shows the unit of a marketing touch.
            RuleSource::Constant(Model::LastTouch, _) if !touch.agent => "",
            _ => touch.unit,
        };
        let touch = TouchRow { unit, ..touch };
        self.ledger.push_touch(group, touch).map_err(ledger_error)
    }

    /// Removes and returns the rows of the groups to emit.
    fn take_groups(&mut self, emit_to: EmitTo) -> Result<Self> {
        let classes = self.classes.clone();
        let n = match emit_to {
            EmitTo::First(n) if n < self.groups => n,
            EmitTo::First(_) | EmitTo::All => {
                let empty = self.new_empty();
                return Ok(std::mem::replace(self, empty));
            }
        };
        let first = group_code(n)?;
        self.groups -= n;
        Ok(Self {
            rules: self.rules.split_off_first(n),
            classes,
            ledger: self.ledger.split_off_first(first),
            groups: n,
        })
    }

    /// Builds the list of attributed rows of each group.
    fn attributed_rows(&self) -> Result<ArrayRef> {
        let book = self.rules.rule_book(&self.ledger, &self.classes)?;
        let credits = resolve(
            &self.ledger,
            self.groups,
            &book,
            &self.classes,
            Parts::Agent,
        );
        output::build_lists(&self.ledger, &self.classes, &credits)
    }

    /// Encodes the rows of each group as a column of partial states, in two passes: the first counts the bytes per group.
    fn encode_states(&self) -> Result<ArrayRef> {
        let mut ends = vec![0usize; self.groups + 1];
        for order in self.ledger.orders() {
            state::put_order(&mut ends[order.group as usize + 1], &self.ledger, order);
        }
        for touch in self.ledger.touches() {
            let end = &mut ends[touch.group as usize + 1];
            state::put_touch(end, &self.ledger, touch, &self.classes);
        }
        if let RuleSource::ByGroup(by_group) = &self.rules {
            for group in 0..self.groups {
                put_rules(&mut ends[group + 1], by_group, group);
            }
        }
        for group in 0..self.groups {
            ends[group + 1] += ends[group];
        }
        let mut next = ends.clone();
        let mut buffer = vec![0u8; next.last().copied().unwrap_or(0)];
        let mut write = |group: usize, put: &dyn Fn(&mut BufferWriter<'_>)| {
            let mut at = BufferWriter {
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
        if let RuleSource::ByGroup(by_group) = &self.rules {
            for group in 0..self.groups {
                write(group, &|at| put_rules(at, by_group, group));
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

fn put_rules(sink: &mut impl state::Sink, by_group: &GroupRules, group: usize) {
    let (model, windows) = by_group.rules_of(group);
    if let Some(model) = model {
        state::put_model(sink, model);
    }
    if let Some(windows) = windows {
        state::put_windows(sink, windows);
    }
}

fn group_code(group: usize) -> Result<u32> {
    u32::try_from(group).map_err(|_| ledger_error(LedgerError::TooMany("groups")))
}

/// Returns the code of a class. With constant windows, a class without a window has none.
fn class_code(rules: &RuleSource, classes: &mut Classes, name: &str) -> Result<Option<u16>> {
    // Partial states write the class by name, with a 32-bit length.
    text_length("touch_class", name).map_err(ledger_error)?;
    match rules {
        RuleSource::Constant(..) => Ok(classes.code(name)),
        RuleSource::ByGroup(_) => match classes.intern(name) {
            Some(code) => Ok(Some(code)),
            None => Err(ledger_error(LedgerError::TooMany("touch classes"))),
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
        let kinds = row_kinds(columns.class, |name| {
            class_code(&self.rules, &mut self.classes, name)
        })?;
        for (row, (group, kind)) in group_indices.iter().zip(kinds).enumerate() {
            if opt_filter.is_some_and(|filter| filter.is_null(row) || !filter.value(row)) {
                continue;
            }
            if let RuleSource::ByGroup(by_group) = &mut self.rules {
                by_group.set_from_row(*group, row, columns.model, columns.windows)?;
            }
            match kind {
                RowKind::Ignored => {}
                RowKind::Order => {
                    let order = columns.order(row)?;
                    self.ledger
                        .push_order(group_code(*group)?, order)
                        .map_err(ledger_error)?;
                }
                RowKind::Touch(class) => {
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
                match (record.map_err(ledger_error)?, &mut self.rules) {
                    (Record::Order(order), _) => {
                        self.ledger.push_order(code, order).map_err(ledger_error)?
                    }
                    (Record::Touch(touch, name), rules) => {
                        if let Some(class) = class_code(rules, &mut self.classes, name)? {
                            self.push_touch(code, TouchRow { class, ..touch })?;
                        }
                    }
                    (Record::Model(text), RuleSource::ByGroup(by_group)) => {
                        by_group.set_model(*group, text)?
                    }
                    (Record::Windows(text), RuleSource::ByGroup(by_group)) => {
                        by_group.set_windows(*group, text)?;
                    }
                    (Record::Model(_) | Record::Windows(_), RuleSource::Constant(..)) => {
                        return Err(ledger_error(LedgerError::Malformed));
                    }
                }
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.take_groups(emit_to)?.attributed_rows()
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.take_groups(emit_to)?.encode_states()?])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |column| column.len());
        let groups: Vec<usize> = (0..rows).collect();
        let mut each = self.new_empty();
        each.update_batch(values, &groups, opt_filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.rules.size() + self.classes.size() + self.ledger.size()
    }
}

/// Collects the rows of a single group.
#[derive(Debug)]
pub(super) struct AttributeAccumulator(AttributeGroups);

impl AttributeAccumulator {
    pub(super) fn new(rules: RuleSource) -> Self {
        let mut groups = AttributeGroups::new(rules);
        groups.grow(1);
        Self(groups)
    }
}

impl Accumulator for AttributeAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |column| column.len());
        self.0.update_batch(values, &vec![0; rows], None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |column| column.len());
        self.0.merge_batch(states, &vec![0; rows], 1)
    }

    /// Keeps the rows, since a growing window frame evaluates again.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.0.attributed_rows()?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::try_from_array(
            &self.0.encode_states()?,
            0,
        )?])
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
