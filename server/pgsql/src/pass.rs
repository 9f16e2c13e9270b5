//! Named passes: what the dialect does to a query or a plan, one limitation of the parser or of DataFusion each.
//!
//! A debug build can leave one of them out (`PGSQL_WITHOUT_PASS=name`). The script `server/pgsql/ablate` does so for
//! each and tells which ones no comparison with PostgreSQL needs. A release build ignores the variable.

use std::sync::LazyLock;

/// One step of the way from PostgreSQL's SQL to DataFusion's plan.
#[derive(Debug, Clone, Copy)]
pub struct Pass<F> {
    /// The name by which an ablation leaves it out.
    pub name: &'static str,
    /// The limitation that it bridges; the pass can go when that has gone.
    pub bridges: &'static str,
    /// What it does.
    pub run: F,
}

impl<F> Pass<F> {
    /// Returns whether the pass runs: always, unless an ablation leaves it out.
    pub(crate) fn is_on(&self) -> bool {
        !cfg!(debug_assertions) || left_out() != Some(self.name)
    }
}

fn left_out() -> Option<&'static str> {
    static NAME: LazyLock<Option<String>> = LazyLock::new(|| {
        let name = std::env::var("PGSQL_WITHOUT_PASS").ok()?;
        tracing::warn!(
            pass = %name,
            "answers are not PostgreSQL's: a pass is left out"
        );
        Some(name)
    });
    NAME.as_deref()
}
