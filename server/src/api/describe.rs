//! Descriptions of saved queries as JSON, for the API and for `rapport queries --format json`.

use rapport_engine::session::SavedQuery;
use serde_json::{Value, json};

use crate::pg::type_name;

/// Describes a saved query: its purpose, parameters and columns, with their SQL types.
pub fn describe(query: &SavedQuery) -> Value {
    let parameters: Vec<_> = query
        .parameters
        .iter()
        .map(|parameter| {
            json!({
                "name": parameter.name,
                "kind": parameter.kind.to_string(),
                "default": parameter.default,
                "description": parameter.description,
            })
        })
        .collect();
    let columns: Vec<_> = query
        .columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name,
                "type": type_name(&column.data_type),
                "description": column.description,
            })
        })
        .collect();
    json!({
        "name": query.name,
        "purpose": query.purpose,
        "parameters": parameters,
        "columns": columns,
    })
}
