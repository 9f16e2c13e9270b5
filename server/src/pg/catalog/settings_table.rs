//! `pg_settings`: the session's settings at the time of the query.

use std::sync::{Arc, PoisonError};

use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::error::Result;

use super::super::session::SharedSettings;
use super::live::live;
use super::table::{V, batch, fields, row};

const COLUMNS: &str = "name setting unit category short_desc extra_desc context vartype source min_val max_val \
    enumvals:texts boot_val reset_val sourcefile sourceline:int4 pending_restart:bool";

/// Returns `pg_settings` for a session.
pub(super) fn provider(settings: &SharedSettings) -> Result<Arc<dyn TableProvider>> {
    let settings = Arc::clone(settings);
    live(Arc::new(Schema::new(fields(COLUMNS))), move |schema| {
        batch(schema, &rows(&settings))
    })
}

fn rows(settings: &SharedSettings) -> Vec<Vec<V>> {
    let settings = settings
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .all();
    settings
        .into_iter()
        .map(|(name, value, about)| {
            row![
                name,
                value.as_str(),
                V::Null,
                "Rapport",
                about,
                V::Null,
                "user",
                "string",
                "session",
                V::Null,
                V::Null,
                V::Null,
                value.as_str(),
                value.as_str(),
                V::Null,
                V::Null,
                false
            ]
        })
        .collect()
}
