//! Reads the argument columns of `attribute`: coerces their types, and converts each row to an order or a touch.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Decimal128Type, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err, internal_err, plan_err};

use super::ledger::{OrderRow, TouchRow};
use super::rules::Classes;
use crate::columns::instant_type;

/// The names of the arguments, in their order.
pub(super) const ARGUMENTS: [&str; 9] = [
    "model",
    "windows",
    "order_id",
    "occurred_at",
    "event_id",
    "value",
    "touch_class",
    "unit",
    "is_agent",
];

/// The type of money in arguments and results (E5).
pub(super) const MONEY: DataType = DataType::Decimal128(18, 4);

/// Returns the types that the planner casts the arguments to; an argument of another type is an error that names it.
pub(super) fn coerce(given: &[DataType]) -> Result<Vec<DataType>> {
    if given.len() != ARGUMENTS.len() {
        return plan_err!(
            "attribute takes {} arguments ({}), got {}",
            ARGUMENTS.len(),
            ARGUMENTS.join(", "),
            given.len()
        );
    }
    ARGUMENTS
        .iter()
        .zip(given)
        .map(|(name, given)| coerce_one(name, given))
        .collect()
}

fn coerce_one(name: &str, given: &DataType) -> Result<DataType> {
    let (accepted, to) = match name {
        "occurred_at" => match given {
            DataType::Timestamp(..) | DataType::Null => return Ok(instant_type()),
            _ => ("a timestamp", given),
        },
        "value" => match given {
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
            | DataType::Decimal256(_, scale)
                if *scale <= 4 =>
            {
                return Ok(MONEY);
            }
            DataType::Null => return Ok(MONEY),
            given if given.is_integer() => return Ok(MONEY),
            _ => (
                "a decimal of at most 4 decimals or an integer, never a float",
                given,
            ),
        },
        "is_agent" => match given {
            DataType::Boolean | DataType::Null => return Ok(DataType::Boolean),
            _ => ("a boolean", given),
        },
        _ => match given {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                return Ok(DataType::Utf8View);
            }
            DataType::Dictionary(keys, values) if values.is_string() => {
                // Classes are few, so a dictionary is kept: its keys give each row's class without comparing texts.
                return Ok(match name {
                    "touch_class" => DataType::Dictionary(keys.clone(), Box::new(DataType::Utf8)),
                    _ => DataType::Utf8View,
                });
            }
            _ => ("a string", given),
        },
    };
    plan_err!("attribute: {name} must be {accepted}, got {to}")
}

/// Classifies the rows of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    /// An order: `touch_class` is null.
    Order,
    /// A touch of the class with this code.
    Touch(u16),
    /// A touch of a class without a window, which cannot count (A2).
    Ignored,
}

/// Classifies each row. `code` returns the code of a class, or none where the class cannot count.
pub(super) fn row_kinds(
    classes: &ArrayRef,
    mut code: impl FnMut(&str) -> Result<Option<u16>>,
) -> Result<Vec<RowKind>> {
    let mut kind = |class: &str| -> Result<RowKind> {
        Ok(code(class)?.map_or(RowKind::Ignored, RowKind::Touch))
    };
    let nulls: Option<NullBuffer> = classes.logical_nulls();
    let is_order = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    let mut kinds = Vec::with_capacity(classes.len());
    if let Some(dictionary) = classes.as_any_dictionary_opt() {
        let names = dictionary.values().as_string::<i32>();
        let mut of_key = Vec::with_capacity(names.len());
        for name in names {
            of_key.push(name.map_or(Ok(RowKind::Order), &mut kind)?);
        }
        if of_key.is_empty() {
            return Ok(vec![RowKind::Order; classes.len()]);
        }
        for (row, key) in dictionary.normalized_keys().into_iter().enumerate() {
            kinds.push(if is_order(row) {
                RowKind::Order
            } else {
                of_key[key]
            });
        }
    } else {
        let names = classes.as_string_view();
        // Equal views are equal texts, and neighbouring rows are often of one class.
        let mut before: Option<(u128, RowKind)> = None;
        for (row, view) in names.views().iter().enumerate() {
            if is_order(row) {
                kinds.push(RowKind::Order);
                continue;
            }
            let known = before.filter(|(known, _)| known == view);
            let kind = match known {
                Some((_, kind)) => kind,
                None => kind(names.value(row))?,
            };
            before = Some((*view, kind));
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

/// Holds the argument columns of one batch.
pub(super) struct Columns<'a> {
    pub(super) model: &'a StringViewArray,
    pub(super) windows: &'a StringViewArray,
    order_id: &'a StringViewArray,
    at: &'a TimestampMicrosecondArray,
    event: &'a StringViewArray,
    value: &'a Decimal128Array,
    pub(super) class: &'a ArrayRef,
    unit: &'a StringViewArray,
    agent: &'a BooleanArray,
}

impl<'a> Columns<'a> {
    /// Downcasts the arguments, which have the types of [`coerce`].
    pub(super) fn new(values: &'a [ArrayRef]) -> Result<Self> {
        let [
            model,
            windows,
            order_id,
            at,
            event,
            value,
            class,
            unit,
            agent,
        ] = values
        else {
            return internal_err!(
                "attribute takes {} arguments, got {}",
                ARGUMENTS.len(),
                values.len()
            );
        };
        Ok(Self {
            model: model.as_string_view(),
            windows: windows.as_string_view(),
            order_id: order_id.as_string_view(),
            at: at.as_primitive::<TimestampMicrosecondType>(),
            event: event.as_string_view(),
            value: value.as_primitive::<Decimal128Type>(),
            class,
            unit: unit.as_string_view(),
            agent: agent.as_boolean(),
        })
    }

    /// Reads a row as an order. A missing field is an error that names it and the order.
    pub(super) fn order(&self, row: usize) -> Result<OrderRow<'a>> {
        if self.order_id.is_null(row) {
            return exec_err!(
                "attribute: order_id is null in an order; an order needs order_id, occurred_at and value"
            );
        }
        let id = self.order_id.value(row);
        let missing = |what: &str| {
            exec_err!(
                "attribute: {what} is null in order '{id}'; an order needs order_id, occurred_at and value"
            )
        };
        if self.at.is_null(row) {
            return missing("occurred_at");
        }
        if self.value.is_null(row) {
            return missing("value");
        }
        let Ok(value) = i64::try_from(self.value.value(row)) else {
            return exec_err!(
                "attribute: value of order '{id}' is out of range; a value is a {MONEY}"
            );
        };
        Ok(OrderRow {
            at: self.at.value(row),
            value,
            id,
        })
    }

    /// Reads a row as a touch of a class. A missing field is an error that names it and the touch.
    pub(super) fn touch(&self, row: usize, class: u16) -> Result<TouchRow<'a>> {
        const NEEDS: &str = "a touch needs occurred_at, event_id, unit and is_agent";
        if self.event.is_null(row) {
            return exec_err!("attribute: event_id is null in a touch; {NEEDS}");
        }
        let event = self.event.value(row);
        let missing =
            |what: &str| exec_err!("attribute: {what} is null in touch '{event}'; {NEEDS}");
        if self.at.is_null(row) {
            return missing("occurred_at");
        }
        if self.unit.is_null(row) {
            return missing("unit");
        }
        let agent = match class {
            // Web chat touches are always the agent's (A1).
            Classes::WEB_CHAT => true,
            _ if self.agent.is_null(row) => return missing("is_agent"),
            _ => self.agent.value(row),
        };
        Ok(TouchRow {
            at: self.at.value(row),
            event,
            class,
            unit: self.unit.value(row),
            agent,
            order: self
                .order_id
                .is_valid(row)
                .then(|| self.order_id.value(row)),
        })
    }
}
