//! How sure a rate is that was counted in few cases.

mod wilson;

pub use wilson::Wilson;

use datafusion::logical_expr::DocSection;

/// Where the docs list these functions.
const SECTION: DocSection = DocSection {
    include: true,
    label: "Rate Functions",
    description: Some("Rates, and between which bounds they may lie."),
};
