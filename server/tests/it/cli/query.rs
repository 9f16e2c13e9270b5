//! `query` and `queries`: forms, arguments and what an account sees.

use serde_json::{Value, json};

use super::*;

#[test]
fn json_has_the_types_that_are_promised() {
    let home = Home::filled();
    let sql = "SELECT 1 AS i, 0.5 AS d, CAST(0.25 AS DOUBLE PRECISION) AS f, order_id, value, ordered_at, ordered_on, \
               conversation_id, cancelled, make_array('a', NULL) AS list, \
               CAST('NaN' AS DOUBLE PRECISION) AS nan FROM orders";
    let rows = home
        .program
        .json(&["query", "--sql", sql, "--format", "json"]);
    let expected = json!([{
        "i": 1, "d": rows[0]["d"], "f": 0.25, "order_id": "o1", "value": "10.2500",
        "ordered_at": "2026-01-10T13:00:00.000000Z", "ordered_on": "2026-01-10", "conversation_id": null,
        "cancelled": false, "list": ["a", null], "nan": "NaN",
    }]);
    assert_eq!(rows, expected);
    let none = home.program.json(&[
        "query",
        "--sql",
        "SELECT 1 AS i WHERE false",
        "--format",
        "json",
    ]);
    assert_eq!(none, json!([]));
}

#[test]
fn tables_and_csv() {
    let home = Home::filled();
    let sql = "SELECT order_id, value, profile_id, '' AS empty, 'a,\"b\"' AS quoted, conversation_id FROM orders";
    let csv = home.program.ok(&["query", "--sql", sql, "--format", "csv"]);
    assert_eq!(
        String::from_utf8(csv).unwrap(),
        "order_id,value,profile_id,empty,quoted,conversation_id\r\no1,10.2500,p1,\"\",\"a,\"\"b\"\"\",\r\n"
    );
    let table = home
        .program
        .ok(&["query", "--sql", "SELECT order_id, value FROM orders"]);
    assert_eq!(
        String::from_utf8(table).unwrap(),
        " order_id |  value\n----------+---------\n o1       | 10.2500\n(1 row)\n"
    );
}

#[test]
fn a_result_can_be_a_file() {
    let home = Home::filled();
    let query = [
        "query",
        "--sql",
        "SELECT conversation_id, messages FROM conversations",
        "--output",
    ];
    let (json, parquet) = (home.path("r.json"), home.path("r.parquet"));
    home.program.ok(&[&query[..], &[&json]].concat());
    let rows: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(rows, json!([{"conversation_id": "c1", "messages": 1}]));
    home.program.ok(&[&query[..], &[&parquet]].concat());
    assert!(std::fs::read(&parquet).unwrap().starts_with(b"PAR1"));
    // A result that fails leaves what was there, and nothing beside it.
    let failing = [
        "query",
        "--sql",
        "SELECT 1 / (messages - 1) FROM conversations",
        "--output",
    ];
    fails(
        &home.program.run(&[&failing[..], &[&json]].concat()),
        1,
        &[],
    );
    assert_eq!(std::fs::read(&json).unwrap(), serde_json_lines(&rows));
    let left = std::fs::read_dir(home.folder.path()).unwrap().count();
    assert_eq!(left, 4, "events, lake and two results");
}

fn serde_json_lines(rows: &Value) -> Vec<u8> {
    let row = &rows[0];
    format!(
        "[\n  {{\"conversation_id\": {}, \"messages\": {}}}\n]\n",
        row["conversation_id"], row["messages"]
    )
    .into_bytes()
}

#[test]
fn saved_queries_take_arguments_by_place_and_by_name() {
    let home = Home::filled();
    let metrics = |arguments: &[&str]| {
        let rows = home.program.json(
            &[
                &["query", "headline_metrics"],
                arguments,
                &["--format", "json"],
            ]
            .concat(),
        );
        assert_eq!(rows.as_array().unwrap().len(), 1);
        rows[0]["conversations"].clone()
    };
    assert_eq!(metrics(&["2026-01-01", "2026-01-31"]), 1);
    assert_eq!(metrics(&["2026-01-01", "2026-01-31", "sms,email"]), 0);
    assert_eq!(
        metrics(&["to=2026-01-31", "from=2026-01-01", "channel=web_chat"]),
        1
    );
    assert_eq!(
        metrics(&["2026-01-01", "2026-01-31", "--account", "acme"]),
        1
    );
    fails(
        &home.program.run(&["query", "headlines"]),
        2,
        &["headlines", "headline_metrics"],
    );
    fails(
        &home
            .program
            .run(&["query", "headline_metrics", "until=2026-01-01"]),
        2,
        &["until", "from, to, channel"],
    );
    fails(
        &home.program.run(&["query", "headline_metrics", "soon"]),
        2,
        &["from", "soon", "a date as YYYY-MM-DD"],
    );
    fails(
        &home
            .program
            .run(&["query", "--sql", "SELECT nothing FROM conversations"]),
        1,
        &["nothing"],
    );
    fails(
        &home
            .program
            .run(&["query", "--sql", "CREATE TABLE t (i INT)"]),
        1,
        &[],
    );
    // Without a lake too: they are the program's.
    let listed = Home::new().program.json(&["queries", "--format", "json"]);
    let names: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|q| q["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"headline_metrics") && names.contains(&"opportunities"),
        "{names:?}"
    );
}

#[test]
fn an_account_sees_its_own_alone() {
    let home = Home::filled();
    let count = |account: &str| {
        let sql = "SELECT count(*) AS n FROM conversations";
        home.program.json(&[
            "query",
            "--sql",
            sql,
            "--account",
            account,
            "--format",
            "json",
        ])[0]["n"]
            .clone()
    };
    assert_eq!((count("acme"), count("other")), (json!(1), json!(0)));
    let rejected = [
        "query",
        "--sql",
        "SELECT * FROM rejected_events",
        "--account",
        "acme",
    ];
    fails(&home.program.run(&rejected), 1, &["rejected_events"]);
    fails(
        &home
            .program
            .run(&["query", "--sql", "SELECT 1", "--account", "a b"]),
        2,
        &["a b", "[A-Za-z0-9_-]"],
    );
}
