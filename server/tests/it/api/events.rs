//! Landing over HTTP: who may land what, what is answered, and what is one commit.

use std::io::Write;

use futures::future::join_all;
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Http, Reply};
use crate::program::{Program, Served, get};

/// A lake that events are posted to, with the tokens of acme and of all accounts.
struct Sink {
    folder: TempDir,
    program: Program,
    served: Served,
    acme: String,
    all: String,
}

/// So long that only what ends a wait otherwise ends it.
const NEVER: &str = "3600000 milliseconds";
/// More than a quarter and less than half of the text that may be held, which is [`MEMORY`].
const LARGE: usize = 400 * 1024;
const MEMORY: &str = "1 MiB";

impl Sink {
    /// Serves with variables of the environment.
    fn start(environment: &[(&str, &str)]) -> Sink {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::new(&folder.path().join("lake"));
        let token = |name, reach| {
            let token = program.ok(&["tokens", "add", name, reach, "--rights", "read,write"]);
            String::from_utf8(token).unwrap().trim_end().to_owned()
        };
        let (acme, all) = (
            token("acme", "--account=acme"),
            token("all", "--all-accounts"),
        );
        let served = serve(&program, environment);
        Sink {
            folder,
            program,
            served,
            acme,
            all,
        }
    }

    fn bearing(&self, token: &str) -> Http {
        Http::bearing(self.served.http, token).saying("content-type", "application/x-ndjson")
    }

    /// The commits of a table.
    fn commits(&self, table: &str) -> usize {
        let log = self
            .folder
            .path()
            .join("lake")
            .join(table)
            .join("_delta_log");
        let entries = std::fs::read_dir(log).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .count()
    }

    fn rows(&self, sql: &str) -> Value {
        self.program
            .json(&["query", "--sql", sql, "--format", "json"])
    }
}

fn serve(program: &Program, environment: &[(&str, &str)]) -> Served {
    let mut command = program.command(&["serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    command.envs(environment.iter().copied());
    Served::start(command)
}

/// An event of an account, as a line of `bytes` bytes or a little more.
fn event(account: &str, id: &str, bytes: usize) -> String {
    let event = json!({
        "event_id": id, "account_id": account, "type": "message_sent", "occurred_at": "2026-01-11T10:01:00Z",
        "conversation_id": "c", "sender": "agent", "text": "x".repeat(bytes),
    });
    format!("{event}\n")
}

/// What was landed, repeated and rejected.
fn numbers(reply: &Reply) -> [u64; 3] {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let told = reply.json();
    ["landed", "duplicates", "rejected"].map(|name| told[name].as_u64().unwrap())
}

/// Posts events until there is room for them.
async fn persist(http: Http, events: String) -> Reply {
    loop {
        let reply = http.post(events.clone()).await;
        if reply.status != 429 {
            return reply;
        }
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_of_one_who_may_write_is_refused() {
    let sink = Sink::start(&[("RAPPORT_LIMITS_EVENTS_REQUEST", "1 MiB")]);
    let reading = sink
        .program
        .ok(&["tokens", "add", "reading", "--all-accounts"]);
    let reading = String::from_utf8(reading).unwrap();
    let unknown = format!("rapport_{}", "0".repeat(64));
    let good = event("acme", "e", 0);
    let much = event("acme", "e", 1 << 20);
    let (form, plain) = ("application/x-ndjson", "identity");
    for (token, form, coding, body, status, title) in [
        (
            "",
            form,
            plain,
            good.clone().into_bytes(),
            401,
            "Unauthorized",
        ),
        (
            unknown.as_str(),
            form,
            plain,
            good.clone().into_bytes(),
            401,
            "Unauthorized",
        ),
        (
            reading.trim(),
            form,
            plain,
            good.clone().into_bytes(),
            403,
            "Forbidden",
        ),
        (
            sink.all.as_str(),
            "application/json",
            plain,
            good.clone().into_bytes(),
            415,
            "Unsupported Media Type",
        ),
        (
            sink.all.as_str(),
            form,
            "br",
            good.clone().into_bytes(),
            415,
            "Unsupported Media Type",
        ),
        (
            sink.all.as_str(),
            form,
            plain,
            much.clone().into_bytes(),
            413,
            "Payload Too Large",
        ),
        (
            sink.all.as_str(),
            form,
            "gzip",
            gzip(&much),
            413,
            "Payload Too Large",
        ),
        (
            sink.all.as_str(),
            form,
            "zstd",
            zstd(&much),
            413,
            "Payload Too Large",
        ),
        (
            sink.all.as_str(),
            form,
            "gzip",
            good.clone().into_bytes(),
            400,
            "Bad Request",
        ),
        (
            sink.all.as_str(),
            form,
            "gzip",
            gzip(&good)[..20].to_vec(),
            400,
            "Bad Request",
        ),
        (
            sink.all.as_str(),
            form,
            "zstd",
            gzip(&good),
            400,
            "Bad Request",
        ),
    ] {
        let mut http = Http::new(sink.served.http)
            .saying("content-type", form)
            .saying("content-encoding", coding);
        if !token.is_empty() {
            http = http.saying("authorization", &format!("Bearer {token}"));
        }
        let reply = http.post(body).await;
        assert_eq!(reply.status, status, "{title}: {}", reply.text());
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.json()["title"], title);
        assert_eq!(
            !reply.header("www-authenticate").is_empty(),
            [401, 403].contains(&status)
        );
    }
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
        let reply = sink
            .bearing(&sink.all)
            .ask(method.clone(), "/v1/events")
            .await;
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, "POST"),
            "{method}"
        );
    }
    // Nothing of all that landed.
    assert_eq!(
        numbers(&sink.bearing(&sink.all).post(good).await),
        [1, 0, 0]
    );
    assert_eq!(sink.commits("rejected_events"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_account_lands_events_of_no_other() {
    let sink = Sink::start(&[]);
    let events = [
        event("acme", "a", 0),
        event("other", "b", 0),
        "\n".into(),
        "{}\n".into(),
    ]
    .concat();
    let reply = sink.bearing(&sink.acme).post(events.clone()).await;
    assert_eq!(numbers(&reply), [1, 0, 2]);
    let told = reply.json();
    assert_eq!(told["lines"], 4);
    let reason = "other_account: account_id \"other\" is not that of the sender";
    assert_eq!(told["rejections"][0], json!({"line": 2, "reason": reason}));
    assert_eq!(
        told["rejections"][1],
        json!({"line": 4, "reason": "missing_field: event_id"})
    );
    // Sent again, rejected lines are kept once; a rejected event took no id.
    let again = sink.bearing(&sink.acme).post(events.clone()).await;
    assert_eq!(numbers(&again), [0, 1, 2]);
    assert_eq!(again.json()["source"], told["source"]);
    let kept = sink.rows("SELECT source, line FROM rejected_events ORDER BY line");
    let kept_as = |line: u64| json!({"source": told["source"], "line": line});
    assert_eq!(kept, json!([kept_as(2), kept_as(4)]));
    assert_eq!(
        numbers(&sink.bearing(&sink.all).post(events).await),
        [1, 1, 1]
    );
    // At most a hundred rejections are named.
    let many = sink.bearing(&sink.all).post("x\n".repeat(150)).await;
    assert_eq!(numbers(&many), [0, 0, 150]);
    assert_eq!(many.json()["rejections"].as_array().unwrap().len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_be_compressed() {
    let sink = Sink::start(&[("RAPPORT_LIMITS_COMMIT_DELAY", "off")]);
    let http = sink.bearing(&sink.acme);
    let said = |coding| http.clone().saying("content-encoding", coding);
    let [a, b, c] = ["a", "b", "c"].map(|id| event("acme", id, 10));
    assert_eq!(
        numbers(&said("gzip").post(gzip(&[&*a, &b].concat())).await),
        [2, 0, 0]
    );
    let two_frames = [zstd(&b), zstd(&c)].concat();
    assert_eq!(numbers(&said("zstd").post(two_frames).await), [1, 1, 0]);
    assert_eq!(numbers(&http.post([a, b, c].concat()).await), [0, 3, 0]);
    for coding in ["identity", "gzip", "zstd"] {
        assert_eq!(numbers(&said(coding).post("").await), [0, 0, 0]);
    }
}

/// E1: of equal events in one commit, one request landed it and the others are told of a duplicate.
#[tokio::test(flavor = "multi_thread")]
async fn requests_share_a_commit_and_each_is_told_its_own() {
    let sink = Sink::start(&[
        ("RAPPORT_LIMITS_COMMIT_DELAY", NEVER),
        ("RAPPORT_LIMITS_EVENTS_MEMORY", MEMORY),
    ]);
    let before = sink.commits("conversation_events");
    let http = sink.bearing(&sink.acme);
    // Four hold half of the memory, so then they are landed.
    let posts = ["a", "b", "c", "d"].map(|id| {
        let events = [event("acme", id, 132 * 1024), event("acme", "shared", 0)];
        let wrong = "no event\n".repeat(id.as_bytes()[0].into());
        http.post([events.concat(), wrong].concat())
    });
    let replies = join_all(posts).await;
    let mut landed: Vec<u64> = replies.iter().map(|reply| numbers(reply)[0]).collect();
    landed.sort_unstable();
    assert_eq!(landed, [1, 1, 1, 2]);
    for (reply, wrong) in replies.iter().zip(97..) {
        assert_eq!(numbers(reply)[0] + numbers(reply)[1], 2);
        assert_eq!(numbers(reply)[2], wrong);
        assert_eq!(reply.json()["rejections"][0]["line"], 3);
    }
    assert_eq!(sink.commits("conversation_events"), before + 1);
    assert_eq!(
        sink.rows("SELECT count(*) AS n FROM rejected_events")[0]["n"],
        97 + 98 + 99 + 100
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_beyond_what_may_be_held_are_to_come_again() {
    let sink = Sink::start(&[
        ("RAPPORT_LIMITS_COMMIT_DELAY", NEVER),
        ("RAPPORT_LIMITS_EVENTS_MEMORY", MEMORY),
    ]);
    let http = sink.bearing(&sink.acme);
    let waiting = tokio::spawn(persist(http.clone(), event("acme", "a", LARGE)));
    // Once the first is held there is no room for this one.
    let refused = loop {
        let reply = http.post(event("acme", "b", 900 * 1024)).await;
        if reply.status != 200 {
            break reply;
        }
    };
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, "1"),
        "{}",
        refused.text()
    );
    assert_eq!(refused.json()["title"], "Too Many Requests");
    let (second, first) = tokio::join!(http.post(event("acme", "c", LARGE)), waiting);
    assert_eq!(
        (numbers(&first.unwrap()), numbers(&second)),
        ([1, 0, 0], [1, 0, 0])
    );
    let metrics = get(sink.served.http, "/metrics");
    assert!(
        metrics.contains("rapport_http_events_total{outcome=\"landed\"}"),
        "{metrics}"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_lands_what_it_has_accepted() {
    let environment = [
        ("RAPPORT_LIMITS_COMMIT_DELAY", NEVER),
        ("RAPPORT_LIMITS_EVENTS_MEMORY", MEMORY),
    ];
    let mut sink = Sink::start(&environment);
    let http = sink.bearing(&sink.acme);
    let waiting = tokio::spawn(persist(http.clone(), event("acme", "a", LARGE)));
    while http.post(event("acme", "c", 900 * 1024)).await.status == 200 {}
    let stopped = std::process::Command::new("kill")
        .arg(sink.served.child.id().to_string())
        .status();
    assert!(stopped.unwrap().success());
    assert_eq!(numbers(&waiting.await.unwrap()), [1, 0, 0]);
    assert!(sink.served.child.wait().unwrap().success());
    let landed = "SELECT count(*) AS n FROM raw.conversation_events WHERE event_id = 'a'";
    sink.program.ok(&["derive"]);
    assert_eq!(sink.rows(landed)[0]["n"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lands_is_derived_and_seen() {
    let sink = Sink::start(&[]);
    let http = sink.bearing(&sink.acme);
    let started = json!({
        "event_id": "s", "account_id": "acme", "type": "conversation_started", "occurred_at": "2026-01-11T10:00:00Z",
        "conversation_id": "c", "channel": "sms", "profile_id": "p", "first_message": "Where is it?",
    });
    assert_eq!(
        numbers(
            &http
                .post(format!("{started}\n{}", event("acme", "m", 1)))
                .await
        ),
        [2, 0, 0]
    );
    let path = "/v1/queries/headline_metrics?from=2026-01-11&to=2026-01-11";
    while http.good(path).await.json()[0]["conversations"] != 1 {
        tokio::task::yield_now().await;
    }
}
