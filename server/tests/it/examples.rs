//! The examples of the crates, run as their readers would run them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use arrow::array::{Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use tokio_postgres::Config;
use tokio_postgres::error::SqlState;

use crate::support::{connect, rows};

/// An example that Cargo has built beside the binary.
fn example(name: &str) -> Command {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_rapport"));
    let path = binary.with_file_name("examples").join(name);
    assert!(
        path.exists(),
        "{name} is not built: say --workspace, without --test"
    );
    Command::new(path)
}

#[test]
fn attribution_prints_who_is_credited_and_why() {
    let output = example("attribution").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    insta::assert_snapshot!(told);
}

/// Killed when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn clicks() -> RecordBatch {
    let days = Date32Array::from(vec![20463, 20463, 20464]);
    let values = Decimal128Array::from(vec![Some(12_500), None, Some(1)]);
    let values = values.with_precision_and_scale(18, 4).unwrap();
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as _, false),
        ("day", Arc::new(days) as _, false),
        ("value", Arc::new(values) as _, true),
        (
            "url",
            Arc::new(StringArray::from(vec!["/a", "/b", "/a"])) as _,
            true,
        ),
    ])
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_parquet_answers_a_client_of_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join("clicks.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, clicks().schema(), None).unwrap();
    writer.write(&clicks()).unwrap();
    writer.close().unwrap();
    let mut server = Server(
        example("serve_parquet")
            .arg(folder.path())
            .arg("0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut told = String::new();
    let mut output = BufReader::new(server.0.stdout.take().unwrap());
    output.read_line(&mut told).unwrap();
    let (_, port) = told.trim().rsplit_once(':').unwrap();
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(port.parse().unwrap())
        .user("me")
        .dbname("files");
    let client = connect(&config).await.unwrap();

    // As text, in PostgreSQL's dialect.
    let by_url = "SELECT url, count(*), sum(value)::text, to_char(max(day), 'DD Mon YYYY') FROM clicks \
                  GROUP BY 1 ORDER BY 1";
    let some = |texts: [&str; 4]| texts.map(|text| Some(text.to_owned())).to_vec();
    let mut expected = vec![
        some(["/a", "2", "1.2501", "11 Jan 2026"]),
        some(["/b", "1", "", "10 Jan 2026"]),
    ];
    expected[1][2] = None;
    assert_eq!(rows(&client, by_url).await, expected);
    // In binary, with parameters.
    let after = "SELECT id, url FROM clicks WHERE id > $1 AND url = $2 ORDER BY id";
    let found = client.query(after, &[&1_i64, &"/a"]).await.unwrap();
    let found: Vec<(i64, &str)> = found.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(found, [(3, "/a")]);
    // What is wrong, and what it does not do, has its code; the connection goes on.
    for (sql, code) in [
        ("SELECT nothing FROM clicks", SqlState::UNDEFINED_COLUMN),
        ("SELECT 1 / 0", SqlState::DIVISION_BY_ZERO),
        ("DELETE FROM clicks", SqlState::READ_ONLY_SQL_TRANSACTION),
        ("SET timezone = 'UTC'", SqlState::FEATURE_NOT_SUPPORTED),
    ] {
        let error = client.simple_query(sql).await.unwrap_err();
        assert_eq!(error.code(), Some(&code), "{sql}");
    }
    assert_eq!(rows(&client, "SELECT 1").await, [[Some("1".to_owned())]]);
}
