//! Functions over list columns, such as a conversation's `procedures`.

mod list_or_null;

pub use list_or_null::ListOrNull;

use datafusion::logical_expr::DocSection;

/// The section of the function documentation.
const SECTION: DocSection = DocSection {
    include: true,
    label: "List Functions",
    description: Some("Lists of names, for SQL that takes them apart."),
};
