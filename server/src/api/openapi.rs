//! The API's OpenAPI 3.1 document, made from the headers of the saved queries that the caller can run.

use arrow::datatypes::DataType;
use rapport_engine::session::{Parameter, ParameterKind, SavedQuery};
use serde_json::{Map, Value, json};

use super::arguments::{ACCOUNT, FORMAT};
use super::events::NDJSON;
use super::form::Form;
use super::problem::PROBLEM;

/// The statuses of problems, with their descriptions.
const PROBLEMS: [(&str, &str); 12] = [
    (
        "400",
        "An argument is wrong; the detail names it, its value and what was expected",
    ),
    ("401", "No token, or one that is not known"),
    ("403", "The token has no right to do that"),
    (
        "404",
        "No such query or account, or none that the token may know of",
    ),
    ("406", "No form of a result is acceptable"),
    ("408", "The request was not sent in time"),
    ("413", "The request has more text than one may have"),
    (
        "415",
        "The events are not NDJSON, or compressed otherwise than by gzip or zstd",
    ),
    (
        "429",
        "Too many statements of the account run or wait, or too many events are being landed",
    ),
    ("500", "A fault of the server's"),
    ("503", "The server lacks memory or space, or stops"),
    ("504", "The statement took longer than it may"),
];

/// Makes the document; `sees_all` says whether the caller sees all accounts.
pub fn document(queries: &[SavedQuery], sees_all: bool) -> Value {
    let mut paths = Map::new();
    paths.insert("/v1/queries".to_owned(), json!({"get": list_operation()}));
    paths.insert(
        "/v1/openapi.json".to_owned(),
        json!({"get": openapi_operation()}),
    );
    paths.insert("/v1/events".to_owned(), json!({"post": land_operation()}));
    for query in queries {
        let path = format!("/v1/queries/{}", query.name);
        paths.insert(path, json!({"get": query_operation(query, sees_all)}));
    }
    let problems: Map<String, Value> = PROBLEMS
        .iter()
        .map(|(status, description)| ((*status).to_owned(), problem(description)))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Rapport",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The saved queries, and landing of events. Decimals are strings, since a JSON number is a float to most who read it. \
                A float that is infinite or no number is one of the strings Infinity, -Infinity and NaN.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token, as `rapport tokens add` makes it",
            }},
            "responses": problems,
            "schemas": {"Problem": {
                "type": "object",
                "required": ["title", "status", "detail"],
                "properties": {
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                },
            }},
        },
    })
}

fn list_operation() -> Value {
    let text = json!({"type": "string"});
    let items = |more: &str| {
        json!({"type": "array", "items": {
            "type": "object",
            "required": ["name", more, "description"],
            "properties": {"name": text, more: text, "default": text, "description": text},
        }})
    };
    let schema = json!({"type": "array", "items": {
        "type": "object",
        "required": ["name", "purpose", "parameters", "columns"],
        "properties": {
            "name": text,
            "purpose": text,
            "parameters": items("kind"),
            "columns": items("type"),
        },
    }});
    operation(
        "list_queries",
        "The saved queries with their parameters and columns",
        json!([]),
        json!({"application/json": {"schema": schema}}),
        &["401", "403", "429", "500", "503", "504"],
    )
}

fn openapi_operation() -> Value {
    operation(
        "openapi",
        "This document",
        json!([]),
        json!({"application/json": {"schema": {"type": "object"}}}),
        &["401", "403", "429", "500", "503", "504"],
    )
}

fn land_operation() -> Value {
    let whole = json!({"type": "integer", "format": "int64"});
    let text = json!({"type": "string"});
    let rejection = json!({
        "type": "object",
        "required": ["line", "reason"],
        "properties": {"line": whole, "reason": text},
    });
    let schema = json!({
        "type": "object",
        "required": ["source", "lines", "landed", "duplicates", "rejected", "rejections"],
        "properties": {
            "source": text,
            "lines": whole,
            "landed": whole,
            "duplicates": whole,
            "rejected": whole,
            "rejections": {"type": "array", "items": rejection, "maxItems": 100},
        },
    });
    let mut landing = operation(
        "land_events",
        "Lands events, one JSON object a line, and answers once they are durable. Sending them again is safe. \
            The body may be compressed by gzip or zstd, as Content-Encoding says. The token needs the right to write.",
        json!([]),
        json!({"application/json": {"schema": schema}}),
        &[
            "400", "401", "403", "408", "413", "415", "429", "500", "503",
        ],
    );
    let content: Map<String, Value> = NDJSON
        .map(|media| (media.to_owned(), json!({"schema": text})))
        .into_iter()
        .collect();
    landing["requestBody"] = json!({"required": true, "content": content});
    landing
}

fn query_operation(query: &SavedQuery, sees_all: bool) -> Value {
    let mut parameters: Vec<Value> = query.parameters.iter().map(parameter).collect();
    parameters.push(json!({
        "name": FORMAT,
        "in": "query",
        "description": "the form of the result; it goes before the header Accept",
        "schema": {"type": "string", "enum": Form::ALL.map(Form::name)},
    }));
    parameters.push(json!({
        "name": ACCOUNT,
        "in": "query",
        "description": match sees_all {
            true => "the account whose rows are wanted; those of all where it is left out",
            false => "the account of the token",
        },
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    }));
    let content: Map<String, Value> = Form::ALL
        .into_iter()
        .map(|form| {
            let schema = match form {
                Form::Json => json!({"type": "array", "items": row(query)}),
                Form::Csv => json!({"type": "string"}),
                // A file of bytes has no schema in OpenAPI 3.1.
                Form::Parquet => json!({}),
            };
            (form.media_type().to_owned(), json!({"schema": schema}))
        })
        .collect();
    let of_queries = |status: &&str| !["408", "413", "415"].contains(status);
    let statuses = PROBLEMS.iter().map(|(status, _)| *status);
    let statuses: Vec<&str> = statuses.filter(of_queries).collect();
    operation(
        &query.name,
        &query.purpose,
        parameters.into(),
        content.into(),
        &statuses,
    )
}

fn operation(
    id: &str,
    description: &str,
    parameters: Value,
    content: Value,
    problems: &[&str],
) -> Value {
    let mut responses = Map::new();
    let good = json!({"description": "The result", "content": content});
    responses.insert("200".to_owned(), good);
    for status in problems {
        let reference = format!("#/components/responses/{status}");
        responses.insert((*status).to_owned(), json!({"$ref": reference}));
    }
    json!({
        "operationId": id,
        "description": description,
        "parameters": parameters,
        "responses": responses,
    })
}

fn problem(description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    json!({"description": description, "content": {PROBLEM: {"schema": schema}}})
}

fn parameter(parameter: &Parameter) -> Value {
    let mut schema = match &parameter.kind {
        ParameterKind::Date => json!({"type": "string", "format": "date"}),
        ParameterKind::Text => json!({"type": "string"}),
        ParameterKind::Integer => json!({"type": "integer", "format": "int64"}),
        ParameterKind::Number => json!({"type": "number", "format": "double"}),
        ParameterKind::Boolean => json!({"type": "boolean"}),
        ParameterKind::OneOf(words) => json!({"type": "string", "enum": words}),
        ParameterKind::ListOf(words) => {
            json!({"type": "array", "items": {"type": "string", "enum": words}, "minItems": 1})
        }
    };
    if let Some(default) = constant(&parameter.kind, &parameter.default) {
        schema["default"] = default;
    }
    let mut described = json!({
        "name": parameter.name,
        "in": "query",
        "description": format!("{}; default: {}", parameter.description, parameter.default),
        "schema": schema,
    });
    if let ParameterKind::ListOf(_) = parameter.kind {
        // The items are separated by commas.
        described["style"] = json!("form");
        described["explode"] = json!(false);
    }
    described
}

/// Returns a parameter's default if it is a constant: not null, and not an expression such as `current_date`.
fn constant(kind: &ParameterKind, default: &str) -> Option<Value> {
    match kind {
        ParameterKind::Integer | ParameterKind::Number | ParameterKind::Boolean => {
            let value: Value = serde_json::from_str(default).ok()?;
            (value.is_number() || value.is_boolean()).then_some(value)
        }
        ParameterKind::Text | ParameterKind::OneOf(_) => {
            let text = default.strip_prefix('\'')?.strip_suffix('\'')?;
            (!text.contains('\'')).then(|| text.into())
        }
        ParameterKind::Date | ParameterKind::ListOf(_) => None,
    }
}

fn row(query: &SavedQuery) -> Value {
    let property = |column: &rapport_engine::session::SavedColumn| {
        let mut schema = nullable(value(&column.data_type));
        schema["description"] = column.description.clone().into();
        (column.name.clone(), schema)
    };
    let properties: Map<String, Value> = query.columns.iter().map(property).collect();
    let names: Vec<&str> = query.columns.iter().map(|c| c.name.as_str()).collect();
    json!({"type": "object", "required": names, "properties": properties})
}

fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get("type").cloned() {
        schema["type"] = json!([kind, "null"]);
    }
    schema
}

/// Makes the schema of a value as [`crate::output`] writes it in JSON.
fn value(data_type: &DataType) -> Value {
    match data_type {
        DataType::Null => json!({}),
        DataType::Boolean => json!({"type": "boolean"}),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => {
            json!({"type": "integer", "format": "int32"})
        }
        data_type if data_type.is_integer() => json!({"type": "integer", "format": "int64"}),
        data_type if data_type.is_floating() => json!({"type": "number", "format": "double"}),
        data_type if data_type.is_decimal() => json!({
            "type": "string",
            "format": "decimal",
            "pattern": "^-?[0-9]+(\\.[0-9]+)?$",
        }),
        DataType::Timestamp(_, Some(_)) => json!({"type": "string", "format": "date-time"}),
        DataType::Date32 | DataType::Date64 => json!({"type": "string", "format": "date"}),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            json!({"type": "array", "items": nullable(value(item.data_type()))})
        }
        DataType::Struct(fields) => {
            let properties: Map<String, Value> = fields
                .iter()
                .map(|field| (field.name().clone(), nullable(value(field.data_type()))))
                .collect();
            json!({"type": "object", "properties": properties})
        }
        DataType::Dictionary(_, values) => value(values),
        _ => json!({"type": "string"}),
    }
}
