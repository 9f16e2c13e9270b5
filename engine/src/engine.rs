//! The engine: an open lake with the memory, threads and clock that all work on it shares.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use tokio::sync::OnceCell;

use crate::EngineError;
use crate::lake::{Lake, Location, ResidentColumns, StoreLayer};
use crate::session::{Identity, LakeSources, QueryDialect, Session, Sessions, SessionsOptions};
use crate::settings::SettingsFiles;

/// The fraction of the memory limit, as a divisor, that columns kept decoded may take.
const RESIDENT_DIVISOR: u64 = 4;
/// Number of the largest memory consumers that an out-of-memory error names.
const NAMED_CONSUMERS: usize = 5;

/// Options of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The lake: a folder, or a URL such as `s3://bucket/lake`.
    pub lake: String,
    /// Options of the object store, as `object_store` names them (`aws_region`, …).
    pub storage: HashMap<String, String>,
    /// What wraps the object store; `None`: nothing.
    pub store_layer: Option<Arc<dyn StoreLayer>>,
    /// Whether to create the lake if it does not exist.
    pub create: bool,
    /// The memory of all plans together, in bytes, before they spill to disk.
    pub memory_limit: usize,
    /// The number of threads for CPU-bound work.
    pub threads: usize,
    /// The number of events of the accounts that a derive commits together, at least.
    pub round_events: u64,
    /// The fixed instant that `now()` returns; `None`: the clock's.
    pub now: Option<DateTime<Utc>>,
    /// A folder with a team's own saved queries.
    pub queries_dir: Option<PathBuf>,
    /// The SQL dialect of those queries; `None`: DataFusion's own.
    pub dialect: Option<Arc<dyn QueryDialect>>,
    /// The folder for spilled data; `None`: the system's temporary folder.
    pub spill_dir: Option<PathBuf>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lake: "./rapport-lake".into(),
            storage: HashMap::new(),
            store_layer: None,
            create: false,
            memory_limit: 1 << 30,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            round_events: 4_000_000,
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
    /// Created on first use: landing and deriving need no sessions.
    sessions: OnceCell<Sessions>,
}

impl Engine {
    /// Opens a lake.
    ///
    /// # Errors
    /// A lake that cannot be opened, or a spill folder that cannot be used.
    pub async fn open(options: EngineOptions) -> Result<Engine, EngineError> {
        let location = Location::resolve(&options.lake, &options.storage, options.create)?;
        let location = location.over(options.store_layer.as_deref());
        let lake = Lake::open_at(location, &options.lake, options.create).await?;
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

    /// Returns the lake.
    pub fn lake(&self) -> &Lake {
        &self.0.lake
    }

    /// Returns the options that the engine was opened with.
    pub fn options(&self) -> &EngineOptions {
        &self.0.options
    }

    /// Returns what all plans share: memory pool, spill folder, object store and the cache of file footers.
    pub fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.0.runtime
    }

    /// Returns the cache of the table of settings.
    pub(crate) fn settings_files(&self) -> &SettingsFiles {
        &self.0.settings
    }

    /// Returns the instant of `now()`: the fixed one of the options, or the clock's.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.options.now.unwrap_or_else(Utc::now)
    }

    /// Returns the factory of sessions over this lake, with all relations and saved queries planned.
    ///
    /// # Errors
    /// An invalid saved query of the team's own, by file and line.
    pub async fn sessions(&self) -> Result<&Sessions, EngineError> {
        let make = async || {
            let options = SessionsOptions {
                runtime: Arc::clone(&self.0.runtime),
                threads: self.0.options.threads,
                now: self.0.options.now,
                queries_dir: self.0.options.queries_dir.clone(),
                dialect: self.0.options.dialect.clone(),
            };
            let resident =
                ResidentColumns::new(self.0.options.memory_limit as u64 / RESIDENT_DIVISOR)?;
            let sources = LakeSources::new(self.0.lake.clone(), self.0.settings.clone(), resident);
            Sessions::new(options, Arc::new(sources)).await
        };
        Ok(self.0.sessions.get_or_try_init(make).await?)
    }

    /// Opens a session of a user, which sees only what the identity allows (SPEC 8).
    ///
    /// # Errors
    /// As [`Engine::sessions`].
    pub async fn session(&self, who: Identity) -> Result<Session, EngineError> {
        Ok(self.sessions().await?.open(who)?)
    }
}
