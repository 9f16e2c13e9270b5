//! Two shops in one lake, through the binary: whatever one asks, nothing of the other is in the answer, and nothing is
//! written (SPEC 7, 8).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio_postgres::{Client, Config};

use crate::program::{Program, Served};
use crate::support::{PASSWORD, code_of, column, connect, rows, value};

/// The other shop's account, a part of all its ids, and a text that only its events have.
const OTHER: &str = "zzother";
const AMOUNT: &str = "7531.8642";

struct TwoShops {
    folder: TempDir,
    served: Served,
}

impl TwoShops {
    fn start() -> TwoShops {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::new(&folder.path().join("lake"));
        let accounts = format!(
            "{{\"account_id\": \"acme\", \"timezone\": \"Asia/Kolkata\"}}\n{{\"account_id\": \"{OTHER}\", \"name\": \"{OTHER} Ltd\"}}\n"
        );
        program.ok_with_input(&["accounts", "put", "-"], &accounts);
        let events =
            shop("acme", "own", "10.50") + &shop(OTHER, OTHER, AMOUNT) + "no event zzother\n";
        program.ok_with_input(&["land", "-"], &events);
        program.ok(&["derive"]);
        for (name, role, account) in [
            ("ann", "owner", Some("acme")),
            ("bob", "analyst", Some(OTHER)),
            ("ops", "operator", None),
        ] {
            let mut arguments = vec!["users", "add", name, "--role", role, "--password-stdin"];
            arguments.extend(account.iter().flat_map(|account| ["--account", account]));
            program.ok_with_input(&arguments, PASSWORD);
        }
        let served = program.serve();
        TwoShops { folder, served }
    }

    async fn client(&self, user: &str) -> Client {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.served.pg.port())
            .user(user)
            .password(PASSWORD)
            .dbname("rapport");
        connect(&config).await.unwrap()
    }

    /// Every file of the lake with its size.
    fn files(&self) -> BTreeSet<(PathBuf, u64)> {
        let mut files = BTreeSet::new();
        list(self.folder.path(), &mut files);
        files
    }
}

fn list(folder: &Path, files: &mut BTreeSet<(PathBuf, u64)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            list(&entry.path(), files);
        } else {
            files.insert((entry.path(), entry.metadata().unwrap().len()));
        }
    }
}

/// Events of every kind; all their names have `part` in them.
fn shop(account: &str, part: &str, amount: &str) -> String {
    let lines = [
        r#""type": "conversation_started", "conversation_id": "c-PART", "channel": "sms", "profile_id": "p-PART", "first_message": "q PART""#,
        r#""type": "message_sent", "conversation_id": "c-PART", "sender": "agent", "text": "a PART""#,
        r#""type": "procedure_started", "conversation_id": "c-PART", "procedure": "proc PART""#,
        r#""type": "product_recommended", "conversation_id": "c-PART", "product_ids": ["prod-PART"]"#,
        r#""type": "link_clicked", "conversation_id": "c-PART", "url": "https://PART.example/""#,
        r#""type": "added_to_cart", "conversation_id": "c-PART", "product_id": "prod-PART", "quantity": 2"#,
        r#""type": "conversation_escalated", "conversation_id": "c-PART", "reason": "r PART""#,
        r#""type": "order_placed", "order_id": "o-PART", "value": AMOUNT, "profile_id": "p-PART""#,
        r#""type": "touch", "profile_id": "p-PART", "channel": "email", "kind": "clicked", "message_id": "m-PART""#,
    ];
    lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            let line = line.replace("PART", part).replace("AMOUNT", amount);
            format!("{{\"event_id\": \"e{number}-{part}\", \"account_id\": \"{account}\", \"occurred_at\": \"2026-01-10T12:{number:02}:00Z\", {line}}}\n")
        })
        .collect()
}

#[track_caller]
fn tells_nothing(sql: &str, text: &str) {
    for secret in [OTHER, AMOUNT, "e0-zz", ".parquet", "account_id=", "/tmp"] {
        assert!(!text.contains(secret), "{sql}: {secret:?} in {text}");
    }
}

/// What a statement gives, as text: its rows, or its error with everything that it says.
async fn told(client: &Client, sql: &str) -> String {
    match client.simple_query(sql).await {
        Ok(_) => format!("{:?}", rows(client, sql).await),
        Err(error) => format!("{:?}", error.as_db_error()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_relation_of_any_schema_tells_of_the_other_shop() {
    let shops = TwoShops::start();
    let (ann, ops) = (shops.client("ann").await, shops.client("ops").await);
    // What the other does at the same time is not told either.
    let bob = shops.client("bob").await;
    value(&bob, "SELECT 'zzother asks'").await;
    let relations = "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c \
                     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v') ORDER BY 1";
    let seen = column(&ann, relations).await;
    assert!(seen.len() > 40, "{seen:?}");
    assert!(!seen.iter().flatten().any(|name| name.contains("rejected")));
    let catalog = [
        "pg_attribute",
        "pg_class",
        "pg_database",
        "pg_description",
        "pg_namespace",
        "pg_proc",
        "pg_roles",
        "pg_settings",
        "pg_stat_activity",
        "pg_tables",
        "pg_user",
        "pg_views",
    ]
    .map(|name| Some(format!("pg_catalog.{name}")));
    for name in seen.iter().chain(&catalog).flatten() {
        let sql = format!("SELECT * FROM {name}");
        tells_nothing(&sql, &told(&ann, &sql).await);
    }
    // The operator does see both, so the texts would have been found.
    for name in ["public.conversations", "raw.touch_events", "system.queries"] {
        let sql = format!("SELECT * FROM {name}");
        assert!(told(&ops, &sql).await.contains(OTHER), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_or_error_tells_of_the_other_shop() {
    let shops = TwoShops::start();
    let ann = shops.client("ann").await;
    assert_eq!(value(&ann, "SHOW timezone").await, "Asia/Kolkata");
    assert_eq!(value(&ann, "SELECT count(*) FROM orders").await, "1");
    for sql in [
        // Evaluated on the other's row, each of these would fail.
        "SELECT 1 / (value - 7531.8642) FROM orders",
        "SELECT * FROM orders WHERE 1 / (value - 7531.8642) > 0",
        "SELECT CAST(replace(order_id, 'o-own', '1') AS int8) FROM orders",
        "SELECT o.* FROM orders o JOIN conversations c ON CAST(replace(c.conversation_id, 'c-own', '1') AS int8) = 1",
        "SELECT max(1 / (value - 7531.8642)) OVER () FROM orders",
    ] {
        ann.simple_query(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    for sql in [
        "SELECT count(*), count(DISTINCT account_id), min(account_id), max(account_id) FROM conversations",
        "SELECT * FROM accounts WHERE account_id >= 'b'",
        "SELECT * FROM conversations WHERE account_id = 'zz' || 'other'",
        "SELECT * FROM headline_metrics('2026-01-01', '2026-01-31')",
        "SELECT * FROM conversations_table('2026-01-01', '2026-01-31', search => 'q')",
        "SELECT * FROM sales_by_currency('2026-01-01', '2026-01-31')",
        "EXPLAIN SELECT * FROM orders",
        "EXPLAIN VERBOSE SELECT * FROM link_clicks",
        "EXPLAIN ANALYZE SELECT * FROM orders o JOIN raw.touch_events t ON t.profile_id = o.profile_id",
        "EXPLAIN (ANALYZE, VERBOSE, FORMAT json) SELECT * FROM conversations ORDER BY started_at",
        "SELECT CAST(order_id AS int8) FROM orders",
        "SELECT * FROM rejected_events",
        "SELECT * FROM stored.conversations",
        "SELECT * FROM rapport.stored.orders",
        "SELECT nothing FROM orders",
        "SELECT * FROM orders WHERE order_id = any(array[1])",
    ] {
        tells_nothing(sql, &told(&ann, sql).await);
    }
    let accounts = "SELECT string_agg(account_id, ',') FROM accounts";
    assert_eq!(value(&ann, accounts).await, "acme");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_looked_for_where_the_session_says() {
    let shops = TwoShops::start();
    let ann = shops.client("ann").await;
    let missing = async |sql: &str| code_of(&ann.simple_query(sql).await.unwrap_err()) == "42P01";
    assert_eq!(value(&ann, "SELECT current_schema()").await, "public");
    assert!(missing("SELECT * FROM touch_events").await);
    let set = async |path: &str| {
        let sql = format!("SET search_path TO {path}");
        ann.simple_query(&sql).await.unwrap();
    };
    set("nowhere, \"raw\", Public").await;
    assert_eq!(value(&ann, "SELECT current_schema()").await, "raw");
    assert_eq!(
        value(&ann, "SELECT current_schemas(true)").await,
        "{pg_catalog,raw,public}"
    );
    for relation in ["touch_events", "orders", "pg_class", "system.sessions"] {
        let sql = format!("SELECT count(*) > 0 FROM {relation}");
        assert_eq!(value(&ann, &sql).await, "t", "{relation}");
    }
    set("nowhere").await;
    assert_eq!(value(&ann, "SELECT current_schema()").await, "NULL");
    assert!(missing("SELECT * FROM orders").await);
    ann.simple_query("RESET search_path").await.unwrap();
    assert_eq!(value(&ann, "SELECT count(*) FROM orders").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_keeps_another_cannot_use() {
    let shops = TwoShops::start();
    let (ann, bob) = (shops.client("ann").await, shops.client("bob").await);
    bob.simple_query("PREPARE p AS SELECT * FROM orders")
        .await
        .unwrap();
    bob.simple_query("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM orders; COMMIT")
        .await
        .unwrap();
    bob.simple_query("SET my.secret = 'zzother'").await.unwrap();
    for (sql, code) in [
        ("EXECUTE p", "26000"),
        ("FETCH c", "34000"),
        ("SHOW my.secret", "42704"),
        ("DEALLOCATE p", "26000"),
        ("CLOSE c", "34000"),
    ] {
        assert_eq!(
            code_of(&ann.simple_query(sql).await.unwrap_err()),
            code,
            "{sql}"
        );
    }
    // Whatever the shop's session is set to, it stays the shop's.
    for sql in [
        "SET search_path TO stored, raw, public",
        "SET ROLE ops",
        "SET SESSION AUTHORIZATION ops",
        "SET session_authorization TO 'ops'",
        "SET datafusion.catalog.default_schema = 'stored'",
        "RESET ALL",
        "DISCARD ALL",
    ] {
        let _ = ann.simple_query(sql).await;
        assert_eq!(value(&ann, "SELECT current_user").await, "ann", "{sql}");
        assert_eq!(
            value(&ann, "SELECT count(*) FROM public.orders").await,
            "1",
            "{sql}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_and_no_file_is_read() {
    let shops = TwoShops::start();
    let ann = shops.client("ann").await;
    let ops = shops.client("ops").await;
    let target = shops.folder.path().join("stolen.csv");
    let lake = shops.folder.path().join("lake");
    let before = shops.files();
    for client in [&ann, &ops] {
        for sql in [
            format!("COPY (SELECT * FROM orders) TO '{}'", target.display()),
            format!("COPY orders TO PROGRAM 'cat > {}'", target.display()),
            "COPY orders FROM STDIN".to_owned(),
            "CREATE TABLE t AS SELECT * FROM orders".to_owned(),
            "CREATE VIEW v AS SELECT 1".to_owned(),
            format!(
                "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{}'",
                lake.display()
            ),
            "CREATE TEMP TABLE t (a int)".to_owned(),
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'".to_owned(),
            "SELECT * INTO t FROM orders".to_owned(),
            "INSERT INTO orders SELECT * FROM orders".to_owned(),
            "UPDATE orders SET value = 0".to_owned(),
            "DELETE FROM orders".to_owned(),
            "TRUNCATE orders".to_owned(),
            "DROP VIEW orders".to_owned(),
            "ALTER TABLE orders ADD COLUMN x int".to_owned(),
            "WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d".to_owned(),
            "SET datafusion.runtime.memory_limit = '1M'".to_owned(),
            "SET datafusion.execution.batch_size = 1".to_owned(),
            format!("SELECT * FROM '{}/users.json'", lake.display()),
            format!("SELECT * FROM read_parquet('{}')", lake.display()),
            format!("SELECT * FROM read_csv('{}/users.json')", lake.display()),
            format!("SELECT pg_read_file('{}/users.json')", lake.display()),
            format!("SELECT * FROM pg_ls_dir('{}')", lake.display()),
            format!("SELECT lo_import('{}/users.json')", lake.display()),
            "SELECT parquet_metadata('x')".to_owned(),
            "DO $$ BEGIN END $$".to_owned(),
            "LOAD 'x'".to_owned(),
            "VACUUM".to_owned(),
        ] {
            let error = client.simple_query(&sql).await.err();
            let error = error.unwrap_or_else(|| panic!("{sql} was done"));
            let code = code_of(&error);
            let refused = [
                "0A000", "25006", "42501", "42601", "42704", "42883", "42P01",
            ];
            assert!(refused.contains(&code.as_str()), "{sql}: {code}");
        }
    }
    assert_eq!(shops.files(), before);
    assert_eq!(value(&ann, "SELECT count(*) FROM orders").await, "1");
}
