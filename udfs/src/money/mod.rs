//! Exact money and credits (SPEC E5, M4, A7, A9).
//!
//! A credit is `1/units`. Floats would make a sum depend on its order, so credits are summed as DECIMAL(38,24)
//! (`exact_credit`) and become float8 once, when they are shown (`round_credit`). `average_order_value` and `net_value`
//! divide in integers wide enough to be exact, and round once, half away from zero.

mod average_order_value;
mod divide;
mod exact_credit;
mod net_value;
mod round_credit;

pub(crate) use average_order_value::AverageOrderValue;
pub(crate) use exact_credit::ExactCredit;
pub(crate) use net_value::NetValue;
pub(crate) use round_credit::RoundCredit;

use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::DocSection;

/// The decimals of an exact credit. The rounding errors of a sum stay far below the 9 decimals that are shown, however many
/// orders are summed.
const CREDIT_SCALE: i8 = 24;

/// The section of the function documentation.
const SECTION: DocSection = DocSection {
    include: true,
    label: "Money Functions",
    description: Some("Exact arithmetic with money and attribution credits."),
};

fn credit_type() -> DataType {
    DataType::Decimal128(38, CREDIT_SCALE)
}

/// Checks the number of units that share an order: at least 1.
fn check_units(function: &str, units: i64) -> Result<i128> {
    if units < 1 {
        return exec_err!("{function}: units must be at least 1, got {units}");
    }
    Ok(i128::from(units))
}
