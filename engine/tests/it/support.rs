//! Lakes in temporary folders, and their tables as sorted lines of JSON.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::json::LineDelimitedWriter;
use chrono::{DateTime, Utc};
use datafusion::prelude::{SessionConfig, SessionContext};
use rapport_data::Settings;
use rapport_engine::lake::{LakeScan, TableId};
use rapport_engine::{DeriveReport, Engine, EngineOptions, LandReport, LandSource, NoProgress};
use tempfile::TempDir;

/// Holds a lake in a folder that is deleted with it.
pub struct TestLake {
    pub engine: Engine,
    pub folder: TempDir,
}

impl TestLake {
    /// Creates an empty lake whose clock stands at `now`.
    pub async fn new(now: DateTime<Utc>) -> Self {
        Self::of_folder(TempDir::new().unwrap(), now).await
    }

    /// The lake in a folder, which is made if it is not there.
    pub async fn of_folder(folder: TempDir, now: DateTime<Utc>) -> Self {
        let engine = Engine::open(options(&folder, now)).await.unwrap();
        Self { engine, folder }
    }

    /// What it is opened with.
    pub fn options(&self) -> EngineOptions {
        options(&self.folder, self.engine.now())
    }

    /// Opens the same lake again, as another process would.
    pub async fn reopened(&self) -> Engine {
        self.at(self.engine.now()).await
    }

    /// Opens the same lake again, as another process would, with its clock at `now`.
    pub async fn at(&self, now: DateTime<Utc>) -> Engine {
        Engine::open(options(&self.folder, now)).await.unwrap()
    }

    pub async fn put(&self, accounts: &[String]) {
        let settings = accounts
            .iter()
            .map(|line| Settings::from_json_line(line).unwrap())
            .collect();
        self.engine.put_accounts(settings).await.unwrap();
    }

    pub async fn land(&self, lines: &[String]) -> LandReport {
        self.land_as("test.ndjson", lines).await
    }

    /// Lands lines as those of a file of this name.
    pub async fn land_as(&self, name: &str, lines: &[String]) -> LandReport {
        let source = LandSource::bytes(name, lines.join("\n"));
        self.engine.land(vec![source], &NoProgress).await.unwrap()
    }

    pub async fn derive(&self) -> DeriveReport {
        self.engine.derive(&NoProgress).await.unwrap()
    }

    pub async fn tables(&self) -> BTreeMap<&'static str, Vec<String>> {
        tables(&self.engine).await
    }
}

fn options(folder: &TempDir, now: DateTime<Utc>) -> EngineOptions {
    EngineOptions {
        lake: folder.path().join("lake").to_str().unwrap().to_owned(),
        create: true,
        threads: 2,
        now: Some(now),
        ..EngineOptions::default()
    }
}

/// Lists the files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

/// Returns the rows of each derived table, whatever files they are in.
pub async fn tables(engine: &Engine) -> BTreeMap<&'static str, Vec<String>> {
    let mut tables = BTreeMap::new();
    for id in TableId::DERIVED {
        tables.insert(id.name(), rows(engine, id).await);
    }
    tables
}

/// Returns the rows of a table as JSON, sorted.
pub async fn rows(engine: &Engine, id: TableId) -> Vec<String> {
    let context = SessionContext::new_with_config_rt(
        SessionConfig::new(),
        std::sync::Arc::clone(engine.runtime()),
    );
    let files = engine.lake().current().get(id).all_files();
    let table = LakeScan::over(engine.lake().clone(), id, files);
    let batches = context.read_table(table).unwrap().collect().await.unwrap();
    let mut text = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut text);
    for batch in &batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    let mut rows: Vec<String> = String::from_utf8(text)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    rows.sort();
    rows
}

/// Runs a test of several threads, where an attribute of tokio cannot stand.
pub fn block_on<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}
