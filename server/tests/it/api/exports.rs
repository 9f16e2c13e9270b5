//! The rows are those of the Postgres endpoint, in every form.

use std::sync::{Arc, Mutex};

use hyper::body::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rapport::output::{Formulas, ResultForm, writer};
use serde_json::Value;

use super::*;
use crate::conformance::wire;
use crate::http::Reply;

const RANGE: &str = "from=2026-01-01&to=2026-01-31";

/// A call as a path, as SQL, and as arguments of the command line.
struct Call {
    path: String,
    sql: String,
    arguments: Vec<String>,
}

/// A call of every saved query there is, over the days with events where it takes some.
async fn calls(http: &Http) -> Vec<Call> {
    let listed = http.good("/v1/queries").await.json();
    let named = |query: &Value| {
        let name = query["name"].as_str().unwrap().to_owned();
        let takes_days = query["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .any(|parameter| parameter["name"] == "from");
        let days = [("from", "2026-01-01"), ("to", "2026-01-31")];
        let days: &[_] = if takes_days { &days } else { &[] };
        let texts = |of: fn(&(&str, &str)) -> String| days.iter().map(of).collect::<Vec<_>>();
        Call {
            path: format!(
                "/v1/queries/{name}?{}",
                texts(|(name, day)| format!("{name}={day}&")).concat()
            ),
            sql: format!(
                "SELECT * FROM {name}({})",
                texts(|(name, day)| format!("{name} => '{day}'")).join(", ")
            ),
            arguments: [vec![name], texts(|(name, day)| format!("{name}={day}"))].concat(),
        }
    };
    let queries = listed.as_array().unwrap().iter();
    let ends = |query: &&Value| {
        !["endless", "breaking", "many"].contains(&query["name"].as_str().unwrap())
    };
    queries.filter(ends).map(named).collect()
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A Parquet file as JSON.
fn parquet_as_json(file: &Bytes) -> Value {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    let schema = Arc::clone(builder.schema());
    let text = Text::default();
    let mut json = writer(ResultForm::Json, text.clone(), schema, Formulas::Kept).unwrap();
    for batch in builder.build().unwrap() {
        json.write(&batch.unwrap()).unwrap();
    }
    json.finish().unwrap();
    serde_json::from_slice(&text.0.lock().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_gives_what_it_gives_over_the_wire_in_every_form() {
    let shops = Shops::start().await;
    for (token, user, account) in [
        (&shops.acme, "ann", Some("acme")),
        (&shops.all, "ops", None),
    ] {
        let (http, client) = (shops.bearing(token), shops.client(user).await);
        let calls = calls(&http).await;
        assert!(calls.len() > 15, "{} calls", calls.len());
        for call in calls {
            let rows = wire::rows(&client, &call.sql).await;
            let rows: Value = rows.into_iter().map(Value::Object).collect();
            let json = http.good(&call.path).await;
            assert_eq!(json.json(), rows, "{}", call.sql);
            let parquet = http.good(&format!("{}format=parquet", call.path)).await;
            assert_eq!(parquet_as_json(&parquet.body), rows, "{}", call.sql);
            // Nothing of these begins like a formula but one query's columns.
            if call.sql.contains("values(") || call.sql.contains("conversations_") {
                continue;
            }
            let csv = http.good(&format!("{}format=csv", call.path)).await;
            let mut arguments = vec!["query", "--format", "csv"];
            arguments.extend(account.iter().flat_map(|account| ["--account", account]));
            arguments.extend(call.arguments.iter().map(String::as_str));
            let mut command = shops.program.command(&arguments);
            command.env("RAPPORT_QUERIES", shops.queries());
            let expected = command.output().unwrap().stdout;
            assert_eq!(
                csv.text(),
                String::from_utf8(expected).unwrap(),
                "{}",
                call.sql
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_escapes_formulas_in_texts_and_nowhere_else() {
    let shops = Shops::start().await;
    let http = shops.bearing(&shops.acme);
    let csv = http.good("/v1/queries/values?format=csv").await;
    assert_eq!(
        csv.text(),
        "account_id,whole,money,rate,'=x,nothing,empty,list\r\n\
         acme,-5,-5.50,-0.5,'=x,,\"\",\"[\"\"=x\"\", null]\"\r\n"
    );
    let questions = http
        .good(&format!(
            "/v1/queries/conversations_table?{RANGE}&channel=web_chat&format=csv"
        ))
        .await;
    for (question, cell) in [
        ("Where is my order?", "Where is my order?"),
        ("=cmd|'/c calc'!A0", "'=cmd|'/c calc'!A0"),
        ("+1+1", "'+1+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1:A9)", "'@SUM(A1:A9)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "\"'\r=1\""),
        ("＝1", "'＝1"),
        ("=1,\"2\"\n3", "\"'=1,\"\"2\"\"\n3\""),
        ("'=1", "'=1"),
        (" =1", " =1"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u{202e}desrever", "\u{202e}desrever"),
        ("5", "5"),
    ] {
        assert!(QUESTIONS.contains(&question));
        let text = questions.text();
        assert!(
            text.contains(&format!(",{cell},[],[],")),
            "{cell:?}: {text}"
        );
    }
    // For programs they are as they came.
    let json = http
        .good(&format!(
            "/v1/queries/conversations_table?{RANGE}&channel=web_chat"
        ))
        .await;
    let mut seen: Vec<String> = json
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["first_question"].as_str().unwrap().to_owned())
        .collect();
    seen.sort_unstable();
    let mut asked = QUESTIONS.map(str::to_owned);
    asked.sort_unstable();
    assert_eq!(seen, asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_says_what_it_is_and_is_not_stored() {
    let shops = Shops::start().await;
    let http = shops.bearing(&shops.acme);
    let path = format!("/v1/queries/headline_metrics?{RANGE}");
    let check = |reply: Reply, kind: &str, file: &str| {
        assert_eq!(reply.header("content-type"), kind);
        assert_eq!(reply.header("content-disposition"), file);
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("content-length"), reply.body.len().to_string());
    };
    let csv = "text/csv; charset=utf-8; header=present";
    let csv_file = "attachment; filename=\"headline_metrics.csv\"";
    let parquet = "application/vnd.apache.parquet";
    let parquet_file = "attachment; filename=\"headline_metrics.parquet\"";
    let get = |more: &str| {
        let path = format!("{path}{more}");
        let http = http.clone();
        async move { http.good(&path).await }
    };
    check(get("").await, "application/json", "");
    check(get("&format=json").await, "application/json", "");
    check(get("&format=csv").await, csv, csv_file);
    check(get("&format=parquet").await, parquet, parquet_file);
    for (accept, kind, file) in [
        ("text/csv", csv, csv_file),
        (parquet, parquet, parquet_file),
        ("text/html, */*;q=0.5", "application/json", ""),
    ] {
        let reply = http.clone().saying("accept", accept).good(&path).await;
        check(reply, kind, file);
    }
    let none = http.clone().saying("accept", "text/html").get(&path).await;
    assert_eq!(none.status, 406);
    assert!(none.text().contains("text/csv"), "{}", none.text());
}
