//! Collects the model and windows of a call of `attribute`: usually constants, else columns that are constant per group.

use std::collections::HashMap;

use arrow::array::{Array, StringViewArray};
use datafusion::common::{DataFusionError, Result, exec_err};

use super::ledger::Ledger;
use super::resolve::RuleBook;
use super::rules::{Classes, Lanes, Model, RuleError, Windows};

const UNKNOWN: u32 = u32::MAX;

/// Gives the model and windows of each group.
#[derive(Debug, Clone)]
pub(super) enum RuleSource {
    /// The same for all groups.
    Constant(Model, Windows),
    /// Read from the rows of each group.
    ByGroup(GroupRules),
}

/// Holds the model and windows read so far, by group. Rows where they are null are skipped.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupRules {
    models: Vec<Option<Model>>,
    /// By group, an index into `known`, or [`UNKNOWN`].
    windows: Vec<u32>,
    /// The distinct windows, as text and parsed.
    known: Vec<(String, Windows)>,
    /// The index in `known` of each text.
    codes: HashMap<String, u32>,
}

/// Makes a planning error of a model or windows that `function` refuses.
pub(super) fn rule_error(function: &str, error: &RuleError) -> DataFusionError {
    DataFusionError::Plan(format!("{function}: {error}"))
}

fn attribute_rule_error(error: RuleError) -> DataFusionError {
    rule_error("attribute", &error)
}

impl Model {
    fn name(self) -> &'static str {
        match self {
            Self::LastTouch => "last_touch",
            Self::Linear => "linear",
        }
    }
}

impl GroupRules {
    /// Grows to so many groups.
    pub(super) fn resize(&mut self, groups: usize) {
        self.models.resize(groups, None);
        self.windows.resize(groups, UNKNOWN);
    }

    /// Reads the model and windows of a row; they must equal those of the group's other rows.
    pub(super) fn set_from_row(
        &mut self,
        group: usize,
        row: usize,
        model: &StringViewArray,
        windows: &StringViewArray,
    ) -> Result<()> {
        if model.is_valid(row) {
            self.set_model(group, model.value(row))?;
        }
        if windows.is_valid(row) {
            self.set_windows(group, windows.value(row))?;
        }
        Ok(())
    }

    /// Sets the model of a group; an error where it differs from the one set before.
    pub(super) fn set_model(&mut self, group: usize, text: &str) -> Result<()> {
        match self.models[group] {
            Some(known) if known.name() == text => Ok(()),
            Some(known) => exec_err!(
                "attribute: model differs within a group: '{}' and '{text}'; give one for all rows of a group",
                known.name()
            ),
            None => {
                self.models[group] = Some(text.parse().map_err(attribute_rule_error)?);
                Ok(())
            }
        }
    }

    /// Sets the windows of a group; an error where they differ from those set before.
    pub(super) fn set_windows(&mut self, group: usize, text: &str) -> Result<()> {
        if let Some((known, _)) = self.known.get(self.windows[group] as usize) {
            if known == text {
                return Ok(());
            }
            return exec_err!(
                "attribute: windows differ within a group: '{known}' and '{text}'; give the same for all rows of a group"
            );
        }
        self.windows[group] = match self.codes.get(text) {
            Some(code) => *code,
            None => {
                let windows = text.parse().map_err(attribute_rule_error)?;
                // There are fewer distinct windows than groups, so below 2^32.
                let code = self.known.len() as u32;
                self.known.push((text.to_owned(), windows));
                self.codes.insert(text.to_owned(), code);
                code
            }
        };
        Ok(())
    }

    /// Returns the model and windows of a group as texts, where they are set.
    pub(super) fn rules_of(&self, group: usize) -> (Option<&'static str>, Option<&str>) {
        let model = self.models.get(group).copied().flatten().map(Model::name);
        let windows = self
            .windows
            .get(group)
            .and_then(|code| self.known.get(*code as usize));
        (model, windows.map(|(text, _)| text.as_str()))
    }

    /// Removes and returns the first `n` groups.
    fn split_off_first(&mut self, n: usize) -> Self {
        let rest = |all: &mut Vec<_>| all.split_off(n);
        let (models, windows) = (self.models.split_off(n), rest(&mut self.windows));
        Self {
            models: std::mem::replace(&mut self.models, models),
            windows: std::mem::replace(&mut self.windows, windows),
            known: self.known.clone(),
            codes: HashMap::new(),
        }
    }
}

impl RuleSource {
    /// Removes and returns the rules of the first `n` groups.
    pub(super) fn split_off_first(&mut self, n: usize) -> Self {
        match self {
            Self::Constant(model, windows) => Self::Constant(*model, windows.clone()),
            Self::ByGroup(by_group) => Self::ByGroup(by_group.split_off_first(n)),
        }
    }

    /// Resolves the rules of each group for matching. A group with orders but without model or windows is an error.
    pub(super) fn rule_book(&self, ledger: &Ledger, classes: &Classes) -> Result<RuleBook> {
        let by_group = match self {
            Self::Constant(model, windows) => {
                return Ok(RuleBook {
                    rules: vec![(*model, Lanes::new(windows, classes))],
                    of_group: None,
                });
            }
            Self::ByGroup(by_group) => by_group,
        };
        for order in ledger.orders() {
            let missing = match by_group.rules_of(order.group as usize) {
                (None, _) => "model",
                (_, None) => "windows",
                _ => continue,
            };
            return exec_err!(
                "attribute: {missing} is null in all rows of the group of order '{}'; give it as a constant, or in some row of each group",
                ledger.order_id(order)
            );
        }
        let mut rules = Vec::new();
        for (_, windows) in &by_group.known {
            let lanes = Lanes::new(windows, classes);
            rules.push((Model::LastTouch, lanes.clone()));
            rules.push((Model::Linear, lanes));
        }
        let of_group = by_group.models.iter().zip(&by_group.windows);
        let of_group = of_group.map(|(model, windows)| match model {
            None => UNKNOWN,
            Some(_) if *windows == UNKNOWN => UNKNOWN,
            Some(Model::LastTouch) => windows * 2,
            Some(Model::Linear) => windows * 2 + 1,
        });
        Ok(RuleBook {
            rules,
            of_group: Some(of_group.collect()),
        })
    }

    /// Returns an estimate of the heap bytes held.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Constant(..) => 0,
            Self::ByGroup(by_group) => {
                by_group.models.capacity() * size_of::<Option<Model>>()
                    + by_group.windows.capacity() * size_of::<u32>()
                    + by_group
                        .known
                        .iter()
                        .map(|(text, _)| 4 * text.len() + 128)
                        .sum::<usize>()
            }
        }
    }
}
