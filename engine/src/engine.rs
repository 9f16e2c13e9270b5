//! The engine: an open lake, and the memory, threads and clock that work on it shares.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use tokio::sync::OnceCell;

use crate::EngineError;
use crate::lake::{Lake, ResidentColumns};
use crate::session::{Identity, LakeSources, QueryDialect, Session, Sessions, SessionsOptions};
use crate::settings::SettingsFiles;

/// One part in so many of the memory is for columns that stay decoded.
const RESIDENT: u64 = 4;
/// How many of the largest consumers an out-of-memory error names.
const NAMED_CONSUMERS: usize = 5;

/// What an engine works on and with.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The lake: a folder, or a URL such as `s3://bucket/lake`.
    pub lake: String,
    /// Options of the object store, as `object_store` names them (`aws_region`, …).
    pub storage: HashMap<String, String>,
    /// Whether to make the lake if it is not there.
    pub create: bool,
    /// How many bytes plans may hold before they spill.
    pub memory_limit: usize,
    /// How many threads heavy work uses.
    pub threads: usize,
    /// What `now()` means; `None`: the clock.
    pub now: Option<DateTime<Utc>>,
    /// A folder of a team's own saved queries.
    pub queries_dir: Option<PathBuf>,
    /// What those are written in; `None`: DataFusion's own SQL.
    pub dialect: Option<Arc<dyn QueryDialect>>,
    /// Where plans spill; `None`: the system's temporary folder.
    pub spill_dir: Option<PathBuf>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lake: "./rapport-lake".into(),
            storage: HashMap::new(),
            create: false,
            memory_limit: 1 << 30,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            now: None,
            queries_dir: None,
            dialect: None,
            spill_dir: None,
        }
    }
}

/// An open engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    lake: Lake,
    options: EngineOptions,
    runtime: Arc<RuntimeEnv>,
    settings: SettingsFiles,
    /// Planned when first asked for: landing and deriving need none of it.
    sessions: OnceCell<Sessions>,
}

impl Engine {
    /// Opens a lake.
    ///
    /// # Errors
    /// A lake that cannot be opened, or a spill folder that cannot be used.
    pub async fn open(options: EngineOptions) -> Result<Engine, EngineError> {
        let lake = Lake::open(&options.lake, &options.storage, options.create).await?;
        let spill = match &options.spill_dir {
            Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        };
        let named =
            std::num::NonZeroUsize::new(NAMED_CONSUMERS).unwrap_or(std::num::NonZeroUsize::MIN);
        let pool = TrackConsumersPool::new(FairSpillPool::new(options.memory_limit), named);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(spill))
            .build_arc()?;
        lake.register(&runtime)?;
        Ok(Engine(Arc::new(Shared {
            settings: SettingsFiles::new(lake.clone()),
            lake,
            options,
            runtime,
            sessions: OnceCell::new(),
        })))
    }

    /// The lake.
    pub fn lake(&self) -> &Lake {
        &self.0.lake
    }

    /// What it was opened with.
    pub fn options(&self) -> &EngineOptions {
        &self.0.options
    }

    /// What all plans share: memory, spill folder, object store, footer cache.
    pub fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.0.runtime
    }

    /// The table of settings, as far as it has been read.
    pub(crate) fn settings_files(&self) -> &SettingsFiles {
        &self.0.settings
    }

    /// The instant that `now()` means: the fixed one, or the clock's.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.options.now.unwrap_or_else(Utc::now)
    }

    /// What makes sessions over this lake: the relations and the saved queries, planned.
    ///
    /// # Errors
    /// A saved query of the team's own that is wrong, by file and line.
    pub async fn sessions(&self) -> Result<&Sessions, EngineError> {
        let make = async || {
            let options = SessionsOptions {
                runtime: Arc::clone(&self.0.runtime),
                threads: self.0.options.threads,
                now: self.0.options.now,
                queries_dir: self.0.options.queries_dir.clone(),
                dialect: self.0.options.dialect.clone(),
            };
            let resident = ResidentColumns::new(self.0.options.memory_limit as u64 / RESIDENT)?;
            let sources = LakeSources::new(self.0.lake.clone(), self.0.settings.clone(), resident);
            Sessions::new(options, Arc::new(sources)).await
        };
        Ok(self.0.sessions.get_or_try_init(make).await?)
    }

    /// A session of a user, who sees what the identity says and nothing else (SPEC 8).
    ///
    /// # Errors
    /// As [`Engine::sessions`].
    pub async fn session(&self, who: Identity) -> Result<Session, EngineError> {
        Ok(self.sessions().await?.open(who)?)
    }
}
