//! Functions over rates: the confidence interval of a rate that was counted over few cases.

mod wilson;

pub(crate) use wilson::WilsonBound;

use datafusion::logical_expr::DocSection;

/// The section of the function documentation.
const SECTION: DocSection = DocSection {
    include: true,
    label: "Rate Functions",
    description: Some("Rates, and between which bounds they may lie."),
};
