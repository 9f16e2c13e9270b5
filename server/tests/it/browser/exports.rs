//! What the page exports is what the wire answers, in every form.

use std::collections::{BTreeMap, BTreeSet};

use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;
use url::Url;

use super::stage::Stage;
use super::wire::Asked;
use super::world::{HOSTILE, LARGE};

/// The saved query and the arguments that an export's address asks for.
fn asked(link: &str) -> (Asked, String) {
    let url = Url::parse("http://rapport/").unwrap().join(link).unwrap();
    let query = url.path().strip_prefix("/v1/queries/").unwrap().to_owned();
    let (mut arguments, mut form) = (Vec::new(), String::new());
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "format" => form = value.into_owned(),
            _ => arguments.push((name.into_owned(), value.into_owned())),
        }
    }
    (Asked { query, arguments }, form)
}

/// Whether a value of an answer in JSON is what the wire says as text.
fn is_same(json: &Value, wire: Option<&str>) -> bool {
    let Some(wire) = wire else {
        return json.is_null();
    };
    match json {
        Value::Null | Value::Object(_) => false,
        Value::Bool(value) => wire == if *value { "t" } else { "f" },
        // The reader of JSON here may miss the last bit.
        Value::Number(value) => {
            let (told, value) = (wire.parse::<f64>().unwrap(), value.as_f64().unwrap());
            (told - value).abs() <= f64::EPSILON * value.abs()
        }
        Value::Array(values) => values.iter().all(|value| {
            let text = value
                .as_str()
                .unwrap()
                .replace('\\', "\\\\")
                .replace('"', "\\\"");
            wire.contains(&text)
        }),
        Value::String(text) => {
            let instant = |format| chrono::DateTime::parse_from_str(wire, format).ok();
            let wired = instant("%Y-%m-%d %H:%M:%S%.f%#z");
            text == wire
                || wired.is_some() && chrono::DateTime::parse_from_rfc3339(text).ok() == wired
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_are_what_the_wire_answers() {
    let Some(stage) = Stage::set() else { return };
    for (user, path, queries) in [
        (
            LARGE,
            "/performance?range=7-days&channel=web_chat,sms&status=resolved,routed&sort=messages",
            2,
        ),
        (LARGE, "/sales?range=last-month", 2),
        (HOSTILE, "/performance", 2),
        (HOSTILE, "/sales", 2),
        (LARGE, "/service?range=last-month", 1),
        (HOSTILE, "/commerce", 2),
    ] {
        let browser = stage.user(user).await;
        let client = stage.world.client(user).await;
        browser.to(path).await;
        let links: Vec<String> = browser
            .links()
            .await
            .into_iter()
            .filter(|link| link.starts_with("/v1/"))
            .collect();
        let cookies = browser.http().await;
        let mut forms = BTreeSet::new();
        for link in &links {
            let (asked, form) = asked(link);
            let reply = cookies.good(link).await;
            let told = reply.header("content-disposition");
            let file = format!("attachment; filename=\"{}.{form}\"", asked.query);
            assert_eq!(told, if form == "json" { "" } else { &file }, "{link}");
            let rows = asked.named(&client).await;
            match form.as_str() {
                "json" => {
                    let answer = reply.json();
                    let answer = answer.as_array().unwrap();
                    assert_eq!(answer.len(), rows.len(), "{link}");
                    for (object, row) in answer.iter().zip(&rows) {
                        let object = object.as_object().unwrap();
                        assert_eq!(object.len(), row.len(), "{link}");
                        for (name, value) in object {
                            let wire = row[name].as_deref();
                            assert!(is_same(value, wire), "{name} of {link}: {value} {wire:?}");
                        }
                    }
                }
                "csv" => assert_csv(reply.text(), &rows, link),
                "parquet" => {
                    let reader = SerializedFileReader::new(reply.body).unwrap();
                    let counted = reader.metadata().file_metadata().num_rows();
                    assert_eq!(usize::try_from(counted).unwrap(), rows.len(), "{link}");
                }
                _ => panic!("{link}"),
            }
            forms.insert((asked.query, form));
        }
        assert_eq!(forms.len(), links.len(), "{links:?}");
        assert!(links.len() >= 3 * queries, "{links:?}");
    }
}

/// Asserts that a spreadsheet shows the wire's rows, and takes none of their texts for a formula.
fn assert_csv(text: &str, rows: &[BTreeMap<String, Option<String>>], link: &str) {
    let mut reader = datafusion::arrow::csv::reader::Format::default().with_header(true);
    reader = reader.with_quote(b'"');
    let (schema, counted) = reader.infer_schema(text.as_bytes(), None).unwrap();
    assert_eq!(counted, rows.len(), "{link}");
    assert_eq!(
        schema.fields().len(),
        rows.first().map_or(schema.fields().len(), BTreeMap::len),
        "{link}"
    );
    for cell in text.split(['\n', ',']) {
        let cell = cell.trim_start_matches('"');
        assert!(
            !cell.starts_with(['=', '+', '@', '\t', '\r']),
            "{link}: {:.80}",
            cell
        );
    }
    // All of a text is there, be it an item of a list.
    let texts = rows.iter().flat_map(BTreeMap::values).flatten();
    let items = texts.flat_map(|text| text.split(['{', '}', '"']));
    for item in items.filter(|item| item.contains("calc")) {
        assert!(text.contains(item), "{link}: {item}");
    }
}
