//! `touch_outcome(...) OVER (PARTITION BY …)`: returns the outcome of each touch of an order, and its reason.
//!
//! A partition holds one order and all its candidate touches. The outcome comes from the code that attributes orders: see
//! [`verdicts`]. What always holds: it depends on the set of the partition's rows alone (E2).

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal128Builder, Int32Builder,
    Int64Builder, NullBufferBuilder, StringViewBuilder, StructArray,
};
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Fields};
use datafusion::common::utils::take_function_args;
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Documentation, PartitionEvaluator, Signature, WindowUDF, WindowUDFImpl,
};

use super::SECTION;
use super::columns::MONEY;
use super::ledger::{Ledger, LedgerError, OrderRow, TouchRow};
use super::resolve::RuleBook;
use super::rule_source::rule_error as rule_error_of;
use super::rules::{Classes, Lanes, MICROS, Model, RuleError, Windows};
use super::verdict::{LeftOut, Outcome, Verdict, verdicts};
use crate::columns::{Instants, Kind, Parameter, TextColumn, coerce, flags, signature};

const NAME: &str = "touch_outcome";

const PARAMETERS: [Parameter; 10] = [
    Parameter::new("model", Kind::Text),
    Parameter::new("windows", Kind::Text),
    Parameter::new("ordered_at", Kind::Instant),
    Parameter::new("value", Kind::Money),
    Parameter::new("occurred_at", Kind::Instant),
    Parameter::new("event_id", Kind::Text),
    Parameter::new("touch_class", Kind::Text),
    Parameter::new("unit", Kind::Text),
    Parameter::new("is_agent", Kind::Flag),
    Parameter::new("left_out", Kind::Text),
];

/// Returns the window function `touch_outcome(model, windows, ordered_at, value, occurred_at, event_id, …)`.
pub fn touch_outcome_udwf() -> Arc<WindowUDF> {
    static FUNCTION: LazyLock<Arc<WindowUDF>> = LazyLock::new(|| {
        Arc::new(WindowUDF::from(TouchOutcome {
            signature: signature(&PARAMETERS),
        }))
    });
    Arc::clone(&FUNCTION)
}

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    [
        ("outcome", DataType::Utf8View),
        ("reason", DataType::Utf8View),
        ("window_seconds", DataType::Int64),
        ("units", DataType::Int32),
        ("attributed_value", MONEY),
    ]
    .into_iter()
    .map(|(name, data_type)| Field::new(name, data_type, true))
    .collect()
});

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "What became of each touch of an order, over partitions of one order each, as a struct: `outcome` and `reason`, the \
         `window_seconds` of its class (null: none), and where its unit has a part of the order and it is the unit's latest, \
         `units` (the credit is one divided by it) and `attributed_value`. The outcomes with their reasons: `won` (`latest`, \
         `web_chat_holds`, `shares`), which are what `attribute` gives; `lost` (`earlier`, `later_marketing`, \
         `later_web_chat`, `web_chat_won`, `marketing`: it is marketing's, and takes the order, or has a part of it); \
         `left_out` (`after_order`, `outside_window`, `no_window`, and what `touch_exclusion` gives). Null where \
         `touch_class` is.",
        "touch_outcome(model, windows, ordered_at, value, occurred_at, event_id, touch_class, unit, is_agent, left_out) \
         OVER (PARTITION BY …)",
    )
    .with_sql_example(
        "```sql\n> SELECT event_id, t['outcome'] AS outcome, t['reason'] AS reason FROM (\n    \
         SELECT event_id, touch_outcome('last_touch', 'sms_clicked=5 days', ordered_at, value, occurred_at, event_id,\n      \
         touch_class, unit, is_agent, NULL) OVER (PARTITION BY order_id) AS t FROM touches_of_orders);\n\
         +----------+---------+--------+\n| event_id | outcome | reason |\n+----------+---------+--------+\n\
         | e1       | won     | latest |\n+----------+---------+--------+\n```",
    )
    .with_argument("model", "`'last_touch'` or `'linear'`. Like the next three the same in all rows of a partition.")
    .with_argument("windows", "The classes that attribute, as of `attribute`.")
    .with_argument("ordered_at", "The instant of the order.")
    .with_argument("value", "The value of the order.")
    .with_argument("occurred_at", "The instant of the touch.")
    .with_argument("event_id", "Orders the touches of one instant, bytewise.")
    .with_argument("touch_class", "`web_chat` (always the agent's), `sms_clicked`, …: see `touch_class`.")
    .with_argument("unit", "The conversation of an agent's touch, the message of a marketing one.")
    .with_argument("is_agent", "Whether the touch is the agent's. Unused of `web_chat`.")
    .with_argument("left_out", "Why it is left out whatever its class, if it is: see `touch_exclusion`.")
    .with_related_udf("attribute")
    .build()
});

#[derive(Debug, PartialEq, Eq, Hash)]
struct TouchOutcome {
    signature: Signature,
}

impl WindowUDFImpl for TouchOutcome {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        coerce(NAME, &PARAMETERS, given)
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let result = DataType::Struct(FIELDS.clone());
        Ok(Arc::new(Field::new(args.name(), result, true)))
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Evaluator))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOCUMENTATION)
    }
}

#[derive(Debug)]
struct Evaluator;

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let verdicts = OrderPartition::new(values)?.verdicts(rows)?;
        verdict_column(&verdicts)
    }
}

fn rule_error(error: RuleError) -> DataFusionError {
    rule_error_of(NAME, &error)
}

fn ledger_error(error: LedgerError) -> DataFusionError {
    DataFusionError::Execution(format!("{NAME}: {error}"))
}

/// Reads the argument columns of a partition.
struct OrderPartition<'a> {
    model: TextColumn<'a>,
    windows: TextColumn<'a>,
    ordered_at: Instants<'a>,
    value: &'a Decimal128Array,
    occurred_at: Instants<'a>,
    event: TextColumn<'a>,
    class: TextColumn<'a>,
    unit: TextColumn<'a>,
    agent: &'a BooleanArray,
    left_out: TextColumn<'a>,
}

impl<'a> OrderPartition<'a> {
    fn new(values: &'a [ArrayRef]) -> Result<Self> {
        let [
            model,
            windows,
            ordered_at,
            value,
            occurred_at,
            event,
            class,
            unit,
            agent,
            left_out,
        ] = take_function_args(NAME, values)?;
        Ok(Self {
            model: TextColumn::new(model)?,
            windows: TextColumn::new(windows)?,
            ordered_at: Instants::new(ordered_at)?,
            value: value.as_primitive::<Decimal128Type>(),
            occurred_at: Instants::new(occurred_at)?,
            event: TextColumn::new(event)?,
            class: TextColumn::new(class)?,
            unit: TextColumn::new(unit)?,
            agent: flags(agent)?,
            left_out: TextColumn::new(left_out)?,
        })
    }

    /// Reads what all rows of the partition must share: model, windows, the order's instant and value.
    fn order_facts(&self, row: usize) -> Result<(&'a str, &'a str, i64, i64)> {
        let missing = |what: &str| {
            exec_err!("{NAME}: {what} is null; an order needs model, windows, ordered_at and value")
        };
        let Some(model) = self.model.get(row) else {
            return missing("model");
        };
        let Some(windows) = self.windows.get(row) else {
            return missing("windows");
        };
        let Some(at) = self.ordered_at.get(row) else {
            return missing("ordered_at");
        };
        if self.value.is_null(row) {
            return missing("value");
        }
        let Ok(value) = i64::try_from(self.value.value(row)) else {
            return exec_err!("{NAME}: value is out of range; a value is a {MONEY}");
        };
        Ok((model, windows, at, value))
    }

    fn touch(&self, row: usize, class: u16) -> Result<TouchRow<'a>> {
        const NEEDS: &str = "a touch needs occurred_at, event_id, unit and is_agent";
        let Some(event) = self.event.get(row) else {
            return exec_err!("{NAME}: event_id is null in a touch; {NEEDS}");
        };
        let missing = |what: &str| exec_err!("{NAME}: {what} is null in touch '{event}'; {NEEDS}");
        let Some(at) = self.occurred_at.get(row) else {
            return missing("occurred_at");
        };
        let Some(unit) = self.unit.get(row) else {
            return missing("unit");
        };
        // Web chat touches are always the agent's (A1).
        let agent = class == Classes::WEB_CHAT || {
            if self.agent.is_null(row) {
                return missing("is_agent");
            }
            self.agent.value(row)
        };
        Ok(TouchRow {
            at,
            event,
            class,
            unit,
            agent,
            order: None,
        })
    }

    /// Returns the verdict on each row, or none where `touch_class` is null.
    fn verdicts(&self, rows: usize) -> Result<Vec<Option<Verdict>>> {
        if rows == 0 {
            return Ok(Vec::new());
        }
        let facts = self.order_facts(0)?;
        let (model, windows, at, value) = facts;
        let model: Model = model.parse().map_err(rule_error)?;
        let windows: Windows = windows.parse().map_err(rule_error)?;
        let mut classes = Classes::from_windows(&windows);
        let mut ledger = Ledger::default();
        let order = OrderRow { at, value, id: "" };
        ledger.push_order(0, order).map_err(ledger_error)?;
        let mut kinds = Vec::with_capacity(rows);
        for row in 0..rows {
            if self.order_facts(row)? != facts {
                return exec_err!(
                    "{NAME}: model, windows, ordered_at or value differs within a partition; a partition is one order"
                );
            }
            kinds.push(self.classify(row, &mut classes, &mut ledger)?);
        }
        let lanes = Lanes::new(&windows, &classes);
        let window = |class: u16| lanes.lane_and_window(class).map(|(_, window)| window);
        let excluded = |class: u16, reason| Verdict {
            outcome: Outcome::LeftOut(reason),
            window: window(class),
            part: None,
        };
        let book = RuleBook {
            rules: vec![(model, lanes.clone())],
            of_group: None,
        };
        let mut decided = verdicts(&ledger, &book, &classes).into_iter();
        let verdicts = kinds.into_iter().map(|kind| match kind {
            RowKind::NoTouch => None,
            RowKind::Excluded(class, reason) => Some(excluded(class, reason)),
            RowKind::Touch => decided.next(),
        });
        Ok(verdicts.collect())
    }

    /// Classifies a row, and adds a touch to the ledger.
    fn classify(&self, row: usize, classes: &mut Classes, ledger: &mut Ledger) -> Result<RowKind> {
        let Some(name) = self.class.get(row) else {
            return Ok(RowKind::NoTouch);
        };
        let Some(class) = classes.intern(name) else {
            return Err(ledger_error(LedgerError::TooMany("touch classes")));
        };
        if let Some(reason) = self.left_out.get(row) {
            let reason: LeftOut = reason.parse().map_err(rule_error)?;
            return Ok(RowKind::Excluded(class, reason));
        }
        let touch = self.touch(row, class)?;
        ledger.push_touch(0, touch).map_err(ledger_error)?;
        Ok(RowKind::Touch)
    }
}

/// Classifies the rows of a partition.
enum RowKind {
    /// No touch: `touch_class` is null.
    NoTouch,
    /// An excluded touch: its class and the reason.
    Excluded(u16, LeftOut),
    /// A touch that was added to the ledger.
    Touch,
}

/// Builds the result column, one struct per row.
fn verdict_column(verdicts: &[Option<Verdict>]) -> Result<ArrayRef> {
    let rows = verdicts.len();
    let mut outcomes = StringViewBuilder::with_capacity(rows);
    let mut reasons = StringViewBuilder::with_capacity(rows);
    let mut windows = Int64Builder::with_capacity(rows);
    let mut units = Int32Builder::with_capacity(rows);
    let mut values = Decimal128Builder::with_capacity(rows).with_data_type(MONEY);
    let mut valid = NullBufferBuilder::new(rows);
    for verdict in verdicts {
        let names = verdict.map(|verdict| verdict.outcome.names());
        outcomes.append_option(names.map(|(outcome, _)| outcome));
        reasons.append_option(names.map(|(_, reason)| reason));
        let window = verdict.and_then(|verdict| verdict.window);
        windows.append_option(window.map(|window| window / MICROS));
        let part = verdict.and_then(|verdict| verdict.part);
        // An order has fewer units than the partition has rows, which fit into 32 bits.
        units.append_option(part.and_then(|(units, _)| i32::try_from(units).ok()));
        values.append_option(part.map(|(_, value)| i128::from(value)));
        valid.append(verdict.is_some());
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(outcomes.finish()),
        Arc::new(reasons.finish()),
        Arc::new(windows.finish()),
        Arc::new(units.finish()),
        Arc::new(values.finish()),
    ];
    let verdicts = StructArray::try_new(FIELDS.clone(), columns, valid.finish())?;
    Ok(Arc::new(verdicts))
}
