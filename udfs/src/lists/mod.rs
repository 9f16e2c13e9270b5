//! Lists, as a column of a conversation has them.

mod list_or_null;

pub use list_or_null::ListOrNull;

use datafusion::logical_expr::DocSection;

/// Where the docs list these functions.
const SECTION: DocSection = DocSection {
    include: true,
    label: "List Functions",
    description: Some("Lists of names, for SQL that takes them apart."),
};
