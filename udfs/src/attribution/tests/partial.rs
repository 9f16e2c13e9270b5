//! The accumulators give the results of the naive loop for any batches, partial states and emissions.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, DictionaryArray, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Decimal128Type, Int8Type, Int32Type, TimestampMicrosecondType};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use proptest::prelude::*;
use proptest::sample::Index;

use super::naive::{Attributed, Row};
use super::properties::{expected, models, rows, windows};
use crate::attribution::accumulator::{AttributeAccumulator, AttributeGroups};
use crate::attribution::columns::MONEY;
use crate::attribution::rule_source::{GroupRules, RuleSource};
use crate::attribution::rules::Model;

/// Converts rows to argument columns, with the same model and windows in each row.
pub(super) fn arguments(
    model: Model,
    windows: &str,
    rows: &[&Row],
    dictionary: bool,
) -> Vec<ArrayRef> {
    let model = match model {
        Model::LastTouch => "last_touch",
        Model::Linear => "linear",
    };
    let text = |of: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| of(row)).collect::<StringViewArray>())
    };
    let class = |row: &Row| match row {
        Row::Order(..) => None,
        Row::Touch(_, touch) => Some(touch.class.clone()),
    };
    let classes: ArrayRef = if dictionary {
        let classes: Vec<_> = rows.iter().map(|row| class(row)).collect();
        Arc::new(
            classes
                .iter()
                .map(|class| class.as_deref())
                .collect::<DictionaryArray<Int8Type>>(),
        )
    } else {
        text(&class)
    };
    let at = rows.iter().map(|row| match row {
        Row::Order(_, order) => order.at,
        Row::Touch(_, touch) => touch.at,
    });
    let values = rows.iter().map(|row| match row {
        Row::Order(_, order) => Some(i128::from(order.value)),
        Row::Touch(..) => None,
    });
    let agents = rows.iter().map(|row| match row {
        Row::Order(..) => None,
        Row::Touch(_, touch) => Some(touch.agent),
    });
    vec![
        text(&|_| Some(model.to_owned())),
        text(&|_| Some(windows.to_owned())),
        text(&|row| match row {
            Row::Order(_, order) => Some(order.id.clone()),
            Row::Touch(_, touch) => touch.order.clone(),
        }),
        Arc::new(TimestampMicrosecondArray::from_iter_values(at).with_timezone("UTC")),
        text(&|row| match row {
            Row::Order(..) => None,
            Row::Touch(_, touch) => Some(touch.event.clone()),
        }),
        Arc::new(values.collect::<Decimal128Array>().with_data_type(MONEY)),
        classes,
        text(&|row| match row {
            Row::Order(..) => None,
            Row::Touch(_, touch) => Some(touch.unit.clone()),
        }),
        Arc::new(agents.collect::<BooleanArray>()),
    ]
}

/// Reads the lists of a result column.
fn read(lists: &ArrayRef) -> Vec<Vec<Attributed>> {
    let lists = lists.as_list::<i32>();
    assert_eq!(lists.null_count(), 0);
    let read_one = |list: ArrayRef| {
        let rows = list.as_struct();
        let text = |i: usize, row: usize| rows.column(i).as_string_view().value(row).to_owned();
        let touched = rows.column(3).as_primitive::<TimestampMicrosecondType>();
        let units = rows.column(4).as_primitive::<Int32Type>();
        let values = rows.column(5).as_primitive::<Decimal128Type>();
        let read_row = |row| Attributed {
            order: text(0, row),
            unit: text(1, row),
            class: text(2, row),
            touched_at: touched.value(row),
            units: units.value(row) as u32,
            value: values.value(row) as i64,
        };
        (0..rows.len()).map(read_row).collect()
    };
    (0..lists.len()).map(|i| read_one(lists.value(i))).collect()
}

fn rule_source(model: Model, windows: &str, constant: bool) -> RuleSource {
    if constant {
        RuleSource::Constant(model, windows.parse().unwrap())
    } else {
        RuleSource::ByGroup(GroupRules::default())
    }
}

/// How a partial aggregation produces its state.
#[derive(Debug, Clone, Copy)]
enum StatePath {
    State,
    StateInTwo,
    Conversion,
}

const GROUPS: usize = 3;

fn evaluate(groups: &mut AttributeGroups, first: usize) -> Vec<Vec<Attributed>> {
    let mut answer = Vec::new();
    if first > 0 {
        answer.extend(read(&groups.evaluate(EmitTo::First(first)).unwrap()));
    }
    answer.extend(read(&groups.evaluate(EmitTo::All).unwrap()));
    answer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn e2_batches_do_not_matter(
        model in models(), windows in windows(), rows in rows(GROUPS), cut: Index, constant: bool, dictionary: bool,
        first in 0..GROUPS,
    ) {
        let mut groups = AttributeGroups::new(rule_source(model, &windows, constant));
        let all: Vec<&Row> = rows.iter().collect();
        let (a, b) = all.split_at(cut.index(all.len() + 1));
        for rows in [a, b] {
            let indices: Vec<usize> = rows.iter().map(|row| row.group()).collect();
            let arguments = arguments(model, &windows, rows, dictionary);
            groups.update_batch(&arguments, &indices, None, GROUPS).unwrap();
        }
        prop_assert_eq!(evaluate(&mut groups, first), expected(model, &windows, GROUPS, &rows));
        // After emitting all groups, the accumulator is empty.
        prop_assert!(evaluate(&mut groups, 0).is_empty());
    }

    /// Rows that the filter leaves out have no effect.
    #[test]
    fn filtered_rows_do_not_count(model in models(), windows in windows(), rows in rows(GROUPS), keep: Vec<bool>, convert: bool) {
        let keep: Vec<bool> = (0..rows.len()).map(|i| keep.get(i).copied().unwrap_or(true)).collect();
        let kept: Vec<Row> = rows.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(row, _)| row.clone()).collect();
        let all: Vec<&Row> = rows.iter().collect();
        let indices: Vec<usize> = rows.iter().map(Row::group).collect();
        let arguments = arguments(model, &windows, &all, true);
        let keep = keep.into_iter().map(|keep| keep.then_some(true)).collect::<BooleanArray>();
        let mut groups = AttributeGroups::new(rule_source(model, &windows, true));
        if convert {
            let state = groups.convert_to_state(&arguments, Some(&keep)).unwrap();
            groups.merge_batch(&state, &indices, GROUPS).unwrap();
        } else {
            groups.update_batch(&arguments, &indices, Some(&keep), GROUPS).unwrap();
        }
        prop_assert_eq!(evaluate(&mut groups, 0), expected(model, &windows, GROUPS, &kept));
    }

    #[test]
    fn e2_partial_states_do_not_matter(
        model in models(),
        windows in windows(),
        rows in rows(GROUPS),
        parts in proptest::collection::vec(
            prop_oneof![Just(StatePath::State), Just(StatePath::StateInTwo), Just(StatePath::Conversion)], 1..4),
        part_of: Vec<Index>,
        constant: bool,
        first in 0..GROUPS,
    ) {
        let mut last = AttributeGroups::new(rule_source(model, &windows, constant));
        for (number, through) in parts.iter().enumerate() {
            let of = |row: usize| part_of.get(row).map_or(0, |index| index.index(parts.len()));
            let part: Vec<&Row> = rows.iter().enumerate().filter(|(i, _)| of(*i) == number).map(|(_, row)| row).collect();
            let arguments = arguments(model, &windows, &part, number % 2 == 0);
            let indices: Vec<usize> = part.iter().map(|row| row.group()).collect();
            let mut groups = AttributeGroups::new(rule_source(model, &windows, constant));
            match through {
                StatePath::Conversion => {
                    let state = groups.convert_to_state(&arguments, None).unwrap();
                    prop_assert_eq!(state[0].len(), part.len());
                    last.merge_batch(&state, &indices, GROUPS).unwrap();
                }
                StatePath::State => {
                    // Another partition numbers its groups differently.
                    let flipped: Vec<usize> = indices.iter().map(|group| GROUPS - 1 - group).collect();
                    groups.update_batch(&arguments, &flipped, None, GROUPS).unwrap();
                    let state = groups.state(EmitTo::All).unwrap();
                    last.merge_batch(&state, &[2, 1, 0], GROUPS).unwrap();
                }
                StatePath::StateInTwo => {
                    groups.update_batch(&arguments, &indices, None, GROUPS).unwrap();
                    let state = groups.state(EmitTo::First(1)).unwrap();
                    last.merge_batch(&state, &[0], GROUPS).unwrap();
                    let state = groups.state(EmitTo::All).unwrap();
                    last.merge_batch(&state, &[1, 2], GROUPS).unwrap();
                }
            }
        }
        prop_assert_eq!(evaluate(&mut last, first), expected(model, &windows, GROUPS, &rows));
    }

    /// Without `GROUP BY`, evaluated again as rows are added, and merged from two states.
    #[test]
    fn one_group_gives_the_same_rows(model in models(), windows in windows(), rows in rows(1), cut: Index, constant: bool) {
        let lists = |value: ScalarValue| read(&value.to_array().unwrap());
        let all: Vec<&Row> = rows.iter().collect();
        let cut = cut.index(all.len() + 1);
        let mut whole = AttributeAccumulator::new(rule_source(model, &windows, constant));
        let mut merged = AttributeAccumulator::new(rule_source(model, &windows, constant));
        for (half, rows) in [&all[..cut], &all[cut..]].into_iter().enumerate() {
            let arguments = arguments(model, &windows, rows, true);
            whole.update_batch(&arguments).unwrap();
            let mut part = AttributeAccumulator::new(rule_source(model, &windows, constant));
            part.update_batch(&arguments).unwrap();
            let state: Vec<ArrayRef> = part.state().unwrap().iter().map(|s| s.to_array().unwrap()).collect();
            merged.merge_batch(&state).unwrap();
            if half == 0 {
                let expected = expected(model, &windows, 1, &rows.iter().map(|row| (*row).clone()).collect::<Vec<_>>());
                prop_assert_eq!(lists(whole.evaluate().unwrap()), expected);
            }
        }
        prop_assert_eq!(lists(whole.evaluate().unwrap()), expected(model, &windows, 1, &rows));
        prop_assert_eq!(lists(merged.evaluate().unwrap()), expected(model, &windows, 1, &rows));
    }
}

#[test]
fn size_grows_with_rows_and_falls_when_emitted() {
    let rows: Vec<Row> = super::properties::many(1_000);
    let all: Vec<&Row> = rows.iter().collect();
    let indices: Vec<usize> = (0..rows.len()).collect();
    let mut groups = AttributeGroups::new(rule_source(Model::Linear, "sms_clicked=5 days", true));
    let empty = groups.size();
    let arguments = arguments(Model::Linear, "sms_clicked=5 days", &all, true);
    groups
        .update_batch(&arguments, &indices, None, rows.len())
        .unwrap();
    assert!(groups.size() > empty + 40 * rows.len(), "{}", groups.size());
    groups.state(EmitTo::All).unwrap();
    assert_eq!(groups.size(), empty);
}
