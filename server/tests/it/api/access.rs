//! Who may ask for what.

use hyper::Method;

use super::*;

const PATHS: [&str; 4] = [
    "/v1/queries",
    "/v1/queries/headline_metrics",
    "/v1/openapi.json",
    "/v1/nothing",
];

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_no_token_that_is_known_learns_nothing() {
    let shops = Shops::start().await;
    let nobody = Http::new(shops.served.http);
    let basic = nobody.clone().saying("authorization", "Basic YW5uOnB3");
    let unknown = shops.bearing(&format!("rapport_{}", "0".repeat(64)));
    let cut = shops.bearing(&shops.acme[..shops.acme.len() - 1]);
    let longer = shops.bearing(&format!("{}0", shops.acme));
    for path in PATHS {
        for (http, says) in [
            (&nobody, "Bearer realm=\"rapport\""),
            (&basic, "Bearer realm=\"rapport\""),
            (
                &unknown,
                "Bearer realm=\"rapport\", error=\"invalid_token\"",
            ),
            (&cut, "Bearer realm=\"rapport\", error=\"invalid_token\""),
            (&longer, "Bearer realm=\"rapport\", error=\"invalid_token\""),
        ] {
            let reply = http.get(path).await;
            assert_eq!(reply.status, 401, "{path}");
            assert_eq!(reply.header("www-authenticate"), says, "{path}");
            assert_eq!(reply.header("content-type"), "application/problem+json");
            assert_eq!(reply.header("cache-control"), "no-store");
            assert_eq!(reply.json()["status"], 401);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_is_as_one_that_does_not_exist() {
    let shops = Shops::start().await;
    let (acme, all) = (shops.bearing(&shops.acme), shops.bearing(&shops.all));
    let path = |account: &str| format!("/v1/queries/headline_metrics?account={account}");
    let missing = acme.get("/v1/queries/no_such_query").await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.header("content-type"), "application/problem+json");
    for (http, path) in [
        (&acme, path("other")),
        (&acme, path("nowhere")),
        (&acme, path("")),
        (&acme, path("a%2Fb")),
        (&acme, format!("{}&from=never", path("other"))),
        (&all, path("nowhere")),
        (&all, path("")),
        (&all, path("a%2Fb")),
        (&all, "/v1/queries/no_such_query".to_owned()),
        (&all, "/v1/queries/".to_owned()),
        (&all, "/v1/queries/a/b".to_owned()),
        // Another saved query's own; no relation either.
        (&all, "/v1/queries/channel_days".to_owned()),
        (&all, "/v1/queries/conversations".to_owned()),
        (&all, "/v1/nothing".to_owned()),
        (&all, "/v1".to_owned()),
    ] {
        let reply = http.get(&path).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.body, missing.body, "{path}");
        assert_eq!(reply.headers.len(), missing.headers.len(), "{path}");
    }
    // One's own may be named.
    let own = acme.good(&path("acme")).await;
    assert_eq!(own.json()[0]["account_id"], "acme");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_all_sees_all_or_the_account_that_is_named() {
    let shops = Shops::start().await;
    let accounts = async |http: &Http, more: &str| {
        let path = format!("/v1/queries/headline_metrics?from=2026-01-01&to=2026-01-31{more}");
        let rows = http.good(&path).await.json();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["account_id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = shops.bearing(&shops.all);
    assert_eq!(accounts(&all, "").await, ["acme", "other"]);
    assert_eq!(accounts(&all, "&account=other").await, ["other"]);
    assert_eq!(accounts(&shops.bearing(&shops.acme), "").await, ["acme"]);
    assert_eq!(accounts(&shops.bearing(&shops.other), "").await, ["other"]);
    // The operator sees who asked what.
    let ops = shops.client("ops").await;
    let asked = crate::support::rows(
        &ops,
        "SELECT DISTINCT user_name, application_name FROM system.queries WHERE query LIKE '%headline_metrics%' ORDER BY 1",
    )
    .await;
    let names: Vec<_> = asked.iter().filter_map(|row| row[0].as_deref()).collect();
    assert_eq!(names, ["ops", "token:acme", "token:all", "token:other"]);
    assert_eq!(asked[1][1].as_deref(), Some("rapport http"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_from_when_it_is_added_until_it_is_removed() {
    let shops = Shops::start().await;
    let token = add_token(&shops.program, "late", "--account=acme");
    let http = shops.bearing(&token);
    http.good("/v1/queries").await;
    shops.program.ok(&["tokens", "remove", "late"]);
    assert_eq!(http.get("/v1/queries").await.status, 401);
    // Another of the same name is another.
    let again = add_token(&shops.program, "late", "--account=acme");
    assert_eq!(http.get("/v1/queries").await.status, 401);
    shops.bearing(&again).good("/v1/queries").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_get_is_answered() {
    let shops = Shops::start().await;
    let http = shops.bearing(&shops.acme);
    for path in [
        "/v1/queries",
        "/v1/queries/headline_metrics",
        "/v1/openapi.json",
    ] {
        for method in [
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            let reply = http.ask(method.clone(), path).await;
            assert_eq!(reply.status, 405, "{method} {path}");
            assert_eq!(reply.header("allow"), "GET", "{method} {path}");
        }
    }
}
