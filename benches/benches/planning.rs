//! Planning of statements, as a client sees it: round trips over the wire on a lake so small that planning is most of them.
//!
//! Texts are those that tools send: psql's `\d`, a chart of Superset's, a question of Metabase's.

#![allow(
    clippy::expect_used,
    reason = "a bench that cannot set itself up has nothing to measure"
)]
#![allow(
    missing_docs,
    reason = "the macros of Criterion make items without any"
)]

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use rapport::pg::{PgOptions, PgServer};
use rapport::serve::EngineBackend;
use rapport::users::Users;
use rapport_engine::{Engine, EngineOptions, LandSource, NoProgress};
use rapport_synth::{Events, SynthOptions};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls};

const PASSWORD: &str = "only on this machine";

const HEADLINE: &str = "SELECT * FROM headline_metrics('2026-03-01', '2026-03-30')";

const HEADLINE_OF_DAYS: &str = "SELECT * FROM headline_metrics($1, $2)";

const LIST_RELATIONS: &str = r#"
SELECT n.nspname AS "Schema", c.relname AS "Name",
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'i' THEN 'index' END AS "Type",
  pg_catalog.pg_get_userbyid(c.relowner) AS "Owner"
FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', '') AND n.nspname <> 'pg_catalog'
  AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 1, 2"#;

const SUPERSET_CHART: &str = r#"
SELECT DATE_TRUNC('day', started_at) AS started_at, count(*) AS "COUNT(*)",
  sum(CASE WHEN status = 'routed' THEN 1 ELSE 0 END) AS "SUM(routed)"
FROM public.conversations
WHERE started_at >= TIMESTAMP '2026-03-01 00:00:00.000000' AND started_at < TIMESTAMP '2026-04-01 00:00:00.000000'
GROUP BY DATE_TRUNC('day', started_at) ORDER BY "COUNT(*)" DESC LIMIT 10000"#;

const METABASE_QUESTION: &str = r#"
SELECT CAST("public"."conversations"."started_at" AS date) AS "started_at",
  "public"."conversations"."channel" AS "channel", COUNT(*) AS "count"
FROM "public"."conversations"
WHERE ("public"."conversations"."started_at" >= timestamp with time zone '2026-03-01 00:00:00.000Z')
  AND ("public"."conversations"."started_at" < timestamp with time zone '2026-04-01 00:00:00.000Z')
GROUP BY CAST("public"."conversations"."started_at" AS date), "public"."conversations"."channel"
ORDER BY CAST("public"."conversations"."started_at" AS date) ASC, "public"."conversations"."channel" ASC"#;

/// A client of a server over a derived lake; both end with the runtime.
async fn connect(folder: &TempDir) -> Client {
    let options = SynthOptions::default();
    let mut events = Vec::new();
    Events::new(&options)
        .write_ndjson(&mut events)
        .expect("memory takes everything");
    let engine = Engine::open(EngineOptions {
        lake: folder.path().join("lake").display().to_string(),
        create: true,
        now: Some(options.end),
        ..EngineOptions::default()
    });
    let engine = engine.await.expect("a lake");
    let source = LandSource::bytes("bench.ndjson", events);
    let landed = engine.land(vec![source], &NoProgress).await;
    landed.expect("events land");
    engine.derive(&NoProgress).await.expect("a derive");

    let users = Users::open(folder.path().join("users.json")).expect("a file of users");
    let added = users.add("bench", "operator", None, PASSWORD);
    added.expect("a new user");
    let backend = Arc::new(EngineBackend::new(engine));
    let server = PgServer::bind("127.0.0.1:0", backend, users, PgOptions::default());
    let server = server.await.expect("a free port");
    let port = server.local_addr().expect("a bound address").port();
    tokio::spawn(server.run(std::future::pending()));

    let mut config = Config::new();
    config.host("127.0.0.1").port(port).dbname("rapport");
    config.user("bench").password(PASSWORD);
    let (client, connection) = config.connect(NoTls).await.expect("a login");
    tokio::spawn(connection);
    client
}

fn planning(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = TempDir::new().expect("a temporary folder");
    let client = runtime.block_on(connect(&folder));
    let mut group = criterion.benchmark_group("planning");
    for (name, text) in [
        ("SELECT 1", "SELECT 1"),
        ("headline", HEADLINE),
        ("\\d", LIST_RELATIONS),
        ("Superset", SUPERSET_CHART),
        ("Metabase", METABASE_QUESTION),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                runtime
                    .block_on(client.simple_query(text))
                    .expect("an answer")
            });
        });
    }
    let of_texts = client.prepare_typed(HEADLINE_OF_DAYS, &[Type::TEXT, Type::TEXT]);
    let statement = runtime.block_on(of_texts).expect("a statement");
    let headline_since = |first: &str| {
        let rows = runtime.block_on(client.query(&statement, &[&first, &"2026-03-30"]));
        rows.expect("an answer")
    };
    group.bench_function("headline prepared, the same days", |bencher| {
        bencher.iter(|| headline_since("2026-03-01"));
    });
    group.bench_function("headline prepared, other days each time", |bencher| {
        let mut days = (1..29).cycle().map(|day| format!("2026-03-{day:02}"));
        bencher.iter(|| headline_since(&days.next().unwrap_or_default()));
    });
    group.finish();
}

criterion_group!(benches, planning);
criterion_main!(benches);
