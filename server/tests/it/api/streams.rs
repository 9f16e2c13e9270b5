//! Large results: sent as they come, held by nobody.

use http_body_util::BodyExt;
use hyper::{Method, Version};

use super::*;
use crate::support::value;

/// What a result comes to that a server may not hold.
const THOUSANDS: usize = 600;

/// The most that a process has held, in KiB, as the system tells.
#[cfg(target_os = "linux")]
fn most_held(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.unwrap().split_whitespace().nth(1).unwrap();
    number.parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_never_all_in_memory() {
    let shops = Shops::start().await;
    let http = shops.bearing(&shops.acme);
    for form in ["csv", "json"] {
        let path = format!("/v1/queries/many?thousands={THOUSANDS}&format={form}");
        let mut body = http.begin(Method::GET, &path).await.into_body();
        let (mut length, mut lines) = (0, 0);
        while let Some(frame) = body.frame().await {
            let data = frame.unwrap().into_data().unwrap();
            length += data.len();
            lines += data.iter().filter(|byte| **byte == b'\n').count();
        }
        assert!(length > THOUSANDS * 1_000_000, "{form}: {length}");
        assert!(lines > THOUSANDS * 1000, "{form}: {lines}");
        let held = most_held(&shops.served);
        assert!(held < 400 * 1024, "{form}: {held} KiB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_removed_ends_what_it_gets() {
    let shops = Shops::start().await;
    // Far more than fits on its way to a client that takes nothing.
    let path = "/v1/queries/many?thousands=2000&format=csv";
    let answer = shops.bearing(&shops.acme).begin(Method::GET, path).await;
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    body.frame().await.unwrap().unwrap();
    let ops = shops.client("ops").await;
    let running =
        "SELECT count(*) FROM system.queries WHERE state = 'running' AND user_name = 'token:acme'";
    assert_eq!(value(&ops, running).await, "1");
    shops.program.ok(&["tokens", "remove", "acme"]);
    // Also while it waits for its client.
    let ended = "SELECT count(*) FROM system.queries WHERE user_name = 'token:acme' AND error_code = '57P01'";
    while value(&ops, ended).await != "1" {
        tokio::task::yield_now().await;
    }
    assert!(body.collect().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_holds_nothing_beyond_the_statements_time() {
    let shops = Shops::with(&[("RAPPORT_LIMITS_STATEMENT", "5 seconds")]).await;
    let path = "/v1/queries/many?thousands=2000&format=json";
    let answer = shops.bearing(&shops.acme).begin(Method::GET, path).await;
    assert_eq!(answer.status(), 200);
    let ops = shops.client("ops").await;
    let ended = "SELECT count(*) FROM system.queries WHERE user_name = 'token:acme' AND error_code = '57014'";
    while value(&ops, ended).await != "1" {
        tokio::task::yield_now().await;
    }
    assert!(answer.into_body().collect().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_gets_what_is_short_and_no_more() {
    let shops = Shops::start().await;
    let http = shops.bearing(&shops.acme).in_version(Version::HTTP_10);
    http.good("/v1/queries/values").await;
    let reply = http.get("/v1/queries/many").await;
    assert_eq!(reply.status, 505);
    assert!(reply.text().contains("HTTP/1.1"), "{}", reply.text());
}
