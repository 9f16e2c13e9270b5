//! What is told when there is no result.

use http_body_util::BodyExt;
use hyper::Method;

use super::*;
use crate::support::value;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_argument_is_named_with_its_value_and_what_was_expected() {
    let shops = Shops::start().await;
    let http = shops.bearing(&shops.acme);
    for (query, arguments, says) in [
        (
            "headline_metrics",
            "from=yesterday",
            &["from", "yesterday", "YYYY-MM-DD"][..],
        ),
        (
            "headline_metrics",
            "channel=pigeon",
            &["channel", "pigeon", "web_chat"],
        ),
        ("headline_metrics", "channel=", &["channel", "web_chat"]),
        (
            "headline_metrics",
            "colour=red",
            &["colour", "from, to, channel"],
        ),
        ("headline_metrics", "from%3D=2026-01-01", &["from="]),
        (
            "headline_metrics",
            "=2026-01-01",
            &["\\\"\\\"", "from, to, channel"],
        ),
        (
            "headline_metrics",
            "from=2026-01-01&from=2026-01-02",
            &["from", "twice"],
        ),
        (
            "headline_metrics",
            "from=2026-02-01&to=2026-01-01",
            &["2026-02-01", "2026-01-01"],
        ),
        (
            "headline_metrics",
            "format=xml",
            &["format", "xml", "json, csv, parquet"],
        ),
        (
            "headline_metrics",
            "format=csv&format=csv",
            &["format", "twice"],
        ),
        (
            "headline_metrics",
            "account=acme&account=acme",
            &["account", "twice"],
        ),
        (
            "many",
            "thousands=some",
            &["thousands", "some", "a whole number"],
        ),
        (
            "conversations_page",
            "sort=colour",
            &["sort", "colour", "last_updated"],
        ),
    ] {
        let reply = http.get(&format!("/v1/queries/{query}?{arguments}")).await;
        assert_eq!(reply.status, 400, "{arguments}: {}", reply.text());
        assert_eq!(reply.header("content-type"), "application/problem+json");
        for part in says {
            assert!(reply.text().contains(part), "{arguments}: {}", reply.text());
        }
    }
    // Text is text, whatever is in it.
    let path = "/v1/queries/conversations_table?from=2026-01-01&to=2026-01-31&search=";
    for (search, found) in [("%3Dcmd", 1), ("'%29%3B--", 0), ("%25", 0), ("where+is", 1)] {
        let rows = http.good(&format!("{path}{search}")).await.json();
        assert_eq!(rows.as_array().unwrap().len(), found, "{search}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_a_timeout() {
    let shops = Shops::with(&[("RAPPORT_LIMITS_STATEMENT", "1 seconds")]).await;
    let reply = shops.bearing(&shops.acme).get("/v1/queries/endless").await;
    assert_eq!(reply.status, 504, "{}", reply.text());
    assert_eq!(reply.json()["title"], "Gateway Timeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_turn_does_not_come_is_told_to_come_again() {
    let limits = [
        ("RAPPORT_LIMITS_STATEMENTS_PER_ACCOUNT", "1"),
        ("RAPPORT_LIMITS_QUEUE", "1 seconds"),
    ];
    let shops = Shops::with(&limits).await;
    let http = shops.bearing(&shops.acme);
    let endless = tokio::spawn({
        let http = http.clone();
        async move { http.begin(Method::GET, "/v1/queries/endless").await }
    });
    let ops = shops.client("ops").await;
    let running =
        "SELECT count(*) FROM system.queries WHERE state = 'running' AND user_name = 'token:acme'";
    while value(&ops, running).await != "1" {
        tokio::task::yield_now().await;
    }
    let path = "/v1/queries/headline_metrics";
    let reply = http.get(path).await;
    assert_eq!(reply.status, 429, "{}", reply.text());
    assert_ne!(reply.header("retry-after"), "");
    // Another account has turns of its own.
    shops.bearing(&shops.other).good(path).await;
    // Who goes away ends the statement.
    endless.abort();
    while value(&ops, running).await != "0" {
        tokio::task::yield_now().await;
    }
    // Its turn is free once its work has come to where it can be left.
    while http.get(path).await.status == 429 {}
    http.good(path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_after_the_first_rows_breaks_the_transfer() {
    let shops = Shops::start().await;
    let http = shops.bearing(&shops.acme);
    for form in ["csv", "json", "parquet"] {
        let path = format!("/v1/queries/breaking?format={form}");
        let answer = http.begin(Method::GET, &path).await;
        match answer.status().as_u16() {
            200 => {
                let broken = answer.into_body().collect().await;
                assert!(broken.is_err(), "{form}: {broken:?}");
            }
            // Nothing of it had been sent.
            status => assert_eq!((form, status), ("parquet", 500)),
        }
    }
    let ops = shops.client("ops").await;
    let failed = "SELECT count(*) FROM system.queries WHERE query LIKE '%breaking%' AND error_code = '22012'";
    assert_eq!(value(&ops, failed).await, "3");
}
