//! The OpenAPI document: whether it says what there is, and says it as OpenAPI 3.1 does.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

const TYPES: [&str; 6] = ["string", "integer", "number", "boolean", "array", "object"];

/// Checks a schema, and those in it.
fn check_schema(at: &str, schema: &Value) {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(|one| one.as_str().unwrap()).collect(),
        // Bytes, or what is written elsewhere.
        Value::Null => return,
        other => panic!("{at}: type {other}"),
    };
    for name in &types {
        assert!(TYPES.contains(name) || *name == "null", "{at}: type {name}");
    }
    if types.contains(&"array") {
        check_schema(at, &schema["items"]);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        check_schema(&format!("{at}.{name}"), property);
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        let name = required.as_str().unwrap();
        assert!(schema["properties"][name].is_object(), "{at}: {name}");
    }
    if let Some(words) = schema.get("enum") {
        assert!(!words.as_array().unwrap().is_empty(), "{at}");
    }
}

/// Checks an operation; answers with its id.
fn check_operation(document: &Value, path: &str, operation: &Value) -> String {
    for parameter in operation["parameters"].as_array().unwrap() {
        let at = format!("{path} {}", parameter["name"]);
        assert_eq!(parameter["in"], "query", "{at}");
        assert!(parameter["description"].is_string(), "{at}");
        assert!(parameter["schema"].is_object(), "{at}");
        check_schema(&at, &parameter["schema"]);
    }
    let responses = operation["responses"].as_object().unwrap();
    assert!(
        responses.contains_key("200") && responses.contains_key("401"),
        "{path}"
    );
    for (status, response) in responses {
        let response = match response["$ref"].as_str() {
            Some(there) => document.pointer(there.strip_prefix('#').unwrap()).unwrap(),
            None => response,
        };
        assert!(response["description"].is_string(), "{path} {status}");
        for (kind, content) in response["content"].as_object().unwrap() {
            let schema = &content["schema"];
            match schema["$ref"].as_str() {
                Some(there) => {
                    let there = document.pointer(there.strip_prefix('#').unwrap());
                    check_schema(there.unwrap()["type"].as_str().unwrap(), there.unwrap());
                }
                None => check_schema(&format!("{path} {status} {kind}"), schema),
            }
        }
    }
    operation["operationId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_that_may_be_asked_is_described_and_no_other() {
    let shops = Shops::start().await;
    for token in [&shops.acme, &shops.all] {
        let http = shops.bearing(token);
        let document = http.good("/v1/openapi.json").await.json();
        assert_eq!(document["openapi"], "3.1.0");
        assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
        assert_eq!(
            document["components"]["securitySchemes"]["token"]["scheme"],
            "bearer"
        );
        let paths = document["paths"].as_object().unwrap();
        let mut ids = BTreeSet::new();
        for (path, item) in paths {
            assert_eq!(item.as_object().unwrap().len(), 1, "{path}");
            let method = if path == "/v1/events" { "post" } else { "get" };
            let id = check_operation(&document, path, &item[method]);
            assert!(ids.insert(id), "{path}");
        }
        let listed = http.good("/v1/queries").await.json();
        let listed = listed.as_array().unwrap();
        assert_eq!(paths.len(), listed.len() + 3);
        for query in listed {
            let name = query["name"].as_str().unwrap();
            let get = &paths[&format!("/v1/queries/{name}")]["get"];
            let names = |of: &Value| {
                let all = of.as_array().unwrap().iter();
                all.map(|one| one["name"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            };
            let mut parameters = names(&query["parameters"]);
            parameters.extend(["format".to_owned(), "account".to_owned()]);
            assert_eq!(names(&get["parameters"]), parameters, "{name}");
            let row = &get["responses"]["200"]["content"]["application/json"]["schema"]["items"];
            let required: Value = names(&query["columns"]).into();
            assert_eq!(row["required"], required, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_and_columns_have_the_types_that_go_over_the_line() {
    let shops = Shops::start().await;
    let document = shops
        .bearing(&shops.acme)
        .good("/v1/openapi.json")
        .await
        .json();
    let get = |name: &str| document["paths"][format!("/v1/queries/{name}")]["get"].clone();
    let headline = get("headline_metrics");
    let (from, channel) = (&headline["parameters"][0], &headline["parameters"][2]);
    assert_eq!(from["schema"], json!({"type": "string", "format": "date"}));
    assert!(
        from["description"]
            .as_str()
            .unwrap()
            .ends_with("default: current_date - 6")
    );
    let words = ["web_chat", "email", "sms", "whatsapp"];
    let list = json!({"type": "array", "items": {"type": "string", "enum": words}, "minItems": 1});
    assert_eq!(channel["schema"], list);
    assert_eq!(
        (&channel["style"], &channel["explode"]),
        (&json!("form"), &json!(false))
    );
    let parameter = |query: &str, name: &str| {
        let all = get(query)["parameters"].clone();
        let all = all.as_array().unwrap().iter();
        all.clone().find(|one| one["name"] == name).unwrap()["schema"].clone()
    };
    assert_eq!(
        parameter("many", "thousands"),
        json!({"type": "integer", "format": "int64", "default": 1})
    );
    assert_eq!(
        parameter("conversations_page", "ascending")["default"],
        false
    );
    assert_eq!(
        parameter("conversations_page", "sort")["default"],
        "last_updated"
    );
    assert_eq!(
        parameter("conversations_table", "search"),
        json!({"type": "string"})
    );
    let column = |query: &str, name: &str| {
        let content = get(query)["responses"]["200"]["content"]["application/json"].clone();
        let mut schema = content["schema"]["items"]["properties"][name].clone();
        schema.as_object_mut().unwrap().remove("description");
        schema
    };
    for (query, name, schema) in [
        (
            "headline_metrics",
            "conversations",
            json!({"type": ["integer", "null"], "format": "int64"}),
        ),
        (
            "headline_metrics",
            "resolved_rate",
            json!({"type": ["number", "null"], "format": "double"}),
        ),
        (
            "headline_metrics",
            "ai_generated_sales",
            json!({"type": ["string", "null"], "format": "decimal", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"}),
        ),
        (
            "daily_series",
            "date",
            json!({"type": ["string", "null"], "format": "date"}),
        ),
        (
            "conversations_table",
            "started_at",
            json!({"type": ["string", "null"], "format": "date-time"}),
        ),
        (
            "conversations_table",
            "tags",
            json!({"type": ["array", "null"], "items": {"type": ["string", "null"]}}),
        ),
        (
            "conversations_table",
            "channel",
            json!({"type": ["string", "null"]}),
        ),
    ] {
        assert_eq!(column(query, name), schema, "{query}.{name}");
    }
}
