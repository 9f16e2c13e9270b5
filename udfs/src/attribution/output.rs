//! Builds the result of `attribute`: a list of attributed rows for each group.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int32Array, ListArray, StringViewBuilder, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, exec_datafusion_err};

use super::columns::MONEY;
use super::ledger::Ledger;
use super::resolve::Credits;
use super::rules::Classes;
use crate::columns::instant_type;

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("order_id", DataType::Utf8View, true),
        Field::new("unit", DataType::Utf8View, true),
        Field::new("touch_class", DataType::Utf8View, true),
        Field::new("touched_at", instant_type(), true),
        Field::new("units", DataType::Int32, true),
        Field::new("attributed_value", MONEY, true),
    ])
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(fields()), true))
}

/// Returns the type of the result: a list of structs.
pub(super) fn return_type() -> DataType {
    DataType::List(item())
}

/// Builds one list per group, empty where nothing is attributed.
pub(super) fn build_lists(
    ledger: &Ledger,
    classes: &Classes,
    credits: &Credits,
) -> Result<ArrayRef> {
    let rows = credits.rows.len();
    let mut order_ids = StringViewBuilder::with_capacity(rows);
    let mut units = StringViewBuilder::with_capacity(rows);
    let mut class_names = StringViewBuilder::with_capacity(rows);
    let mut touched = Vec::with_capacity(rows);
    let mut counts = Vec::with_capacity(rows);
    let mut values = Vec::with_capacity(rows);

    // The class of each row is a view into one block that holds each name once.
    let mut names = Vec::new();
    let mut places = Vec::new();
    for name in classes.names() {
        let start = checked_cast::<u32>(names.len(), "bytes of touch classes")?;
        names.extend_from_slice(name.as_bytes());
        places.push((
            start,
            checked_cast::<u32>(name.len(), "bytes of a touch class")?,
        ));
    }
    let block = class_names.append_block(Buffer::from(names));

    for credit in &credits.rows {
        let order = &ledger.orders()[credit.order as usize];
        let touch = &ledger.touches()[credit.touch as usize];
        order_ids.try_append_value(ledger.order_id(order))?;
        units.try_append_value(ledger.unit(touch))?;
        let (start, length) = places[usize::from(touch.class)];
        class_names.try_append_view(block, start, length)?;
        touched.push(touch.at);
        counts.push(checked_cast::<i32>(
            credit.units as usize,
            "units of an order",
        )?);
        values.push(i128::from(credit.value));
    }

    let mut offsets = Vec::with_capacity(credits.ends.len() + 1);
    offsets.push(0i32);
    for end in &credits.ends {
        offsets.push(checked_cast::<i32>(*end, "attributed rows")?);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(order_ids.finish()),
        Arc::new(units.finish()),
        Arc::new(class_names.finish()),
        Arc::new(TimestampMicrosecondArray::from(touched).with_timezone("UTC")),
        Arc::new(Int32Array::from(counts)),
        Arc::new(Decimal128Array::from(values).with_data_type(MONEY)),
    ];
    let rows = StructArray::try_new(fields(), columns, None)?;
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(ListArray::try_new(
        item(),
        offsets,
        Arc::new(rows),
        None,
    )?))
}

/// Converts a count to a smaller integer, or returns an error that names what was counted.
fn checked_cast<T: TryFrom<usize>>(count: usize, what: &str) -> Result<T> {
    T::try_from(count).map_err(|_| exec_datafusion_err!("attribute: {count} {what} are too many"))
}
