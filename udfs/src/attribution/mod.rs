//! `attribute(...)`: an aggregate that credits orders to the agent's conversations (SPEC section 5); and
//! `touch_outcome(...)`, a window function that explains the credit, touch by touch.
//!
//! The aggregate runs over the union of orders and touches, grouped by shopper, and returns each group's list of attributed
//! rows. Model and windows are arguments, so that stored results and what-if queries use one function. [`ledger`] holds the
//! rows, [`resolve`] and [`linear`] match touches to orders, [`verdict`] explains why a touch won or lost, [`rules`] parses
//! model and windows; these do not depend on DataFusion. Which events are touches, their class, and which are excluded (A1,
//! A2) are scalar functions, called by the queries that gather touches. What always holds: the result depends on the set of
//! a group's rows alone (E2), not on their order, batches or partial states.

mod accumulator;
mod columns;
mod ledger;
mod linear;
mod longest_window;
mod output;
mod resolve;
mod rule_source;
mod rules;
mod state;
#[cfg(test)]
mod tests;
mod touch_class;
mod touch_exclusion;
mod touch_outcome;
mod verdict;

pub(crate) use longest_window::LongestWindow;
pub(crate) use touch_class::{TouchClass, TouchKind};
pub(crate) use touch_exclusion::TouchExclusion;
pub use touch_outcome::touch_outcome_udwf;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, DocSection, Documentation, GroupsAccumulator,
    Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use accumulator::{AttributeAccumulator, AttributeGroups};
use rule_source::{GroupRules, RuleSource, rule_error};

/// The section of the function documentation.
const SECTION: DocSection = DocSection {
    include: true,
    label: "Attribution",
    description: None,
};

/// Returns the aggregate `attribute(model, windows, order_id, occurred_at, event_id, value, touch_class, unit, is_agent)`.
pub fn attribute_udaf() -> Arc<AggregateUDF> {
    static FUNCTION: LazyLock<Arc<AggregateUDF>> =
        LazyLock::new(|| Arc::new(AggregateUDF::from(AttributeUdaf::new())));
    Arc::clone(&FUNCTION)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AttributeUdaf {
    signature: Signature,
}

impl AttributeUdaf {
    fn new() -> Self {
        let mut signature = Signature::user_defined(Volatility::Immutable);
        signature.parameter_names = Some(columns::ARGUMENTS.map(String::from).to_vec());
        Self { signature }
    }

    /// Returns the model and windows where both are constants; otherwise they are read row by row.
    fn rule_source(args: &AccumulatorArgs<'_>) -> Result<RuleSource> {
        if args.is_distinct {
            return plan_err!("attribute does not take DISTINCT");
        }
        let constant = |argument: usize| -> Option<&str> {
            let literal = args.exprs.get(argument)?.downcast_ref::<Literal>()?;
            literal.value().try_as_str().flatten()
        };
        let rule_error = |error| rule_error("attribute", &error);
        match (constant(0), constant(1)) {
            (Some(model), Some(windows)) => Ok(RuleSource::Constant(
                model.parse().map_err(rule_error)?,
                windows.parse().map_err(rule_error)?,
            )),
            _ => Ok(RuleSource::ByGroup(GroupRules::default())),
        }
    }
}

impl AggregateUDFImpl for AttributeUdaf {
    fn name(&self) -> &str {
        "attribute"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        columns::coerce(arg_types)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(output::return_type())
    }

    /// Returns one binary field: the rows of a group, as [`state`] encodes them.
    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "rows");
        Ok(vec![Arc::new(Field::new(
            name,
            DataType::LargeBinary,
            true,
        ))])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(AttributeAccumulator::new(Self::rule_source(
            &args,
        )?)))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(AttributeGroups::new(Self::rule_source(&args)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    /// Returns an empty list, like a group in which nothing is attributed.
    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        ScalarValue::new_default(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOCUMENTATION)
    }
}

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "Credits orders to the AI agent's conversations, over the union of orders and touches grouped by shopper. \
         A row whose `touch_class` is null is an order, any other a touch. Gives the list of the group's attributed \
         rows, each a struct of `order_id`, `unit` (the conversation), `touch_class`, `touched_at`, `units` (the credit \
         is one divided by it) and `attributed_value`; an empty list where nothing is attributed. \
         Exclusions (bots, machine opens, transactional messages) are filtered out of the touches before. A row that \
         lacks what it needs is an error that names it. `ORDER BY` changes nothing, `DISTINCT` is refused.",
        "attribute(model, windows, order_id, occurred_at, event_id, value, touch_class, unit, is_agent)",
    )
    .with_argument("model", "`'last_touch'` or `'linear'`. Like `windows` a constant, or the same in all rows of a \
         group where it is not null.")
    .with_argument("windows", "The classes that attribute, as `'sms_clicked=5 days,sms_opened=12 hours'`; a duration is \
         `N days`, `N hours`, `N minutes`, `N seconds` or `off`. `web_chat` has 24 hours unless given; any other class \
         that is not given never attributes.")
    .with_argument("order_id", "The order; of a touch: the one order that it is for, or null if it is for all orders of \
         the group. Touches of the conversation that an order names come once with that order's id.")
    .with_argument("occurred_at", "The instant of the order or the touch.")
    .with_argument("event_id", "Orders the touches of one instant, bytewise. Not needed of an order.")
    .with_argument("value", "The value of the order: a decimal of at most 4 decimals, or an integer. Unused of a touch.")
    .with_argument("touch_class", "Null for an order; else `web_chat` (always the agent's), `sms_clicked`, ….")
    .with_argument("unit", "The conversation of an agent's touch, the message of a marketing one. Unused of an order.")
    .with_argument("is_agent", "Whether the touch is the agent's. Unused of an order and of `web_chat`.")
    .with_sql_example(
        r#"```sql
> SELECT profile_id, unnest(attribute('last_touch', 'sms_clicked=5 days,email_clicked=5 days',
    order_id, occurred_at, event_id, value, touch_class, unit, is_agent)) AS credited
  FROM orders_and_touches GROUP BY profile_id;
+------------+-----------------------------------------------------------------------------------+
| profile_id | credited                                                                          |
+------------+-----------------------------------------------------------------------------------+
| p1         | {order_id: o1, unit: c1, touch_class: sms_clicked, touched_at: …, units: 1, …}     |
+------------+-----------------------------------------------------------------------------------+
```
What if clicks in SMS counted for a day only, and web chat for two?
```sql
> SELECT sum(credited['attributed_value']) FROM (
    SELECT unnest(attribute('last_touch', 'web_chat=2 days,sms_clicked=1 day,email_clicked=5 days',
      order_id, occurred_at, event_id, value, touch_class, unit, is_agent)) AS credited
    FROM orders_and_touches GROUP BY profile_id);
```"#,
    )
    .build()
});
