//! Where settings of the program come from: flags, then the environment, then a configuration file, then defaults.
//!
//! Flags and the environment's variables for them are clap's. The rest of the environment (`RAPPORT_THREADS`, …) and the
//! file are read here. A key that is unknown is refused: a misspelt one would else be ignored in silence.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use rapport_engine::lake::LakeError;
use rapport_engine::session::{Identity, SavedQuery};
use rapport_engine::{Engine, EngineError, EngineOptions};
use serde::Deserialize;

use super::args::{Deriving, Global, TlsMode};
use super::error::CliError;
use super::limits::Limits;
use crate::dialect::Postgres;

/// The lake where none is named.
const DEFAULT_LAKE: &str = "./rapport-lake";
/// What the environment may set beside the flags.
const ENVIRONMENT: [&str; 5] = ["threads", "memory_limit", "queries", "spill", "users"];
/// Variables of the environment that object stores are configured by.
const STORAGE_PREFIXES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// What the configuration file and the environment may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileConfig {
    lake: Option<String>,
    now: Option<String>,
    threads: Option<usize>,
    memory_limit: Option<String>,
    queries: Option<PathBuf>,
    spill: Option<PathBuf>,
    users: Option<PathBuf>,
    pg: Option<String>,
    http: Option<String>,
    tls: Option<TlsMode>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    derive: Option<Deriving>,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    storage: HashMap<String, String>,
}

/// The settings of a run of the program.
#[derive(Debug)]
pub(super) struct Config {
    /// How the engine is opened; `lake` is [`DEFAULT_LAKE`] if nobody named one.
    pub engine: EngineOptions,
    /// Whether somebody named a lake.
    pub lake_named: bool,
    /// The users file, if it is not the lake's own.
    pub users: Option<PathBuf>,
    /// Where the configuration has the Postgres endpoint listen.
    pub pg: Option<String>,
    /// Where the configuration has HTTP listen.
    pub http: Option<String>,
    /// Whether the configuration has the Postgres endpoint encrypt.
    pub tls: Option<TlsMode>,
    /// The certificate that the configuration names.
    pub tls_cert: Option<PathBuf>,
    /// Its key.
    pub tls_key: Option<PathBuf>,
    /// Whether the configuration has a server derive.
    pub derive: Option<Deriving>,
    /// How much clients may take.
    pub limits: Limits,
}

impl Config {
    /// Puts together what all say.
    pub fn load(global: &Global) -> Result<Self, CliError> {
        let mut figment = Figment::new();
        if let Some(path) = &global.config {
            if !path.is_file() {
                return Err(CliError::Usage(format!(
                    "configuration file {}: there is no such file",
                    path.display()
                )));
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        let file: FileConfig = figment
            .merge(Env::prefixed("RAPPORT_").only(&ENVIRONMENT))
            .merge(Env::prefixed("RAPPORT_LIMITS_").map(|name| format!("limits.{name}").into()))
            .extract()
            .map_err(|error| CliError::Usage(format!("configuration: {error}")))?;

        let defaults = EngineOptions::default();
        let lake = global.lake.clone().or(file.lake);
        let mut storage = storage_of_environment();
        storage.extend(file.storage);
        let engine = EngineOptions {
            lake: lake.clone().unwrap_or_else(|| DEFAULT_LAKE.to_owned()),
            storage,
            create: false,
            memory_limit: match &file.memory_limit {
                Some(text) => bytes("memory_limit", text, 64)?,
                None => defaults.memory_limit,
            },
            threads: match file.threads {
                Some(0) => {
                    return Err(CliError::Usage(
                        "threads cannot be 0; expected 1 or more".into(),
                    ));
                }
                Some(threads) => threads,
                None => defaults.threads,
            },
            now: match (global.now, file.now) {
                (Some(now), _) => Some(now),
                (None, Some(text)) => Some(fixed_now(&text)?),
                (None, None) => None,
            },
            queries_dir: file.queries,
            dialect: Some(Arc::new(Postgres)),
            spill_dir: file.spill,
        };
        Ok(Self {
            engine,
            lake_named: lake.is_some(),
            users: file.users,
            pg: file.pg,
            http: file.http,
            tls: file.tls,
            tls_cert: file.tls_cert,
            tls_key: file.tls_key,
            derive: file.derive,
            limits: file.limits,
        })
    }

    /// Opens the engine; makes the lake if `create`.
    pub async fn open(&self, create: bool) -> Result<Engine, CliError> {
        let options = EngineOptions {
            create,
            ..self.engine.clone()
        };
        Engine::open(options).await.map_err(|error| match error {
            EngineError::Lake(LakeError::Address { .. }) => CliError::usage(error),
            _ => CliError::failed(error),
        })
    }

    /// The saved queries, the team's own among them. They are the program's, not the lake's, so none is needed.
    pub async fn saved_queries(&self) -> Result<Vec<SavedQuery>, CliError> {
        let options = EngineOptions {
            lake: "memory:///".to_owned(),
            storage: HashMap::new(),
            create: true,
            ..self.engine.clone()
        };
        let engine = Engine::open(options).await.map_err(CliError::failed)?;
        let session = engine
            .session(Identity::operator("rapport"))
            .await
            .map_err(CliError::failed)?;
        Ok(session.saved_queries().cloned().collect())
    }

    /// The users file: as configured, else in the folder of a local lake.
    pub fn users_file(&self, engine: &Engine) -> Result<PathBuf, CliError> {
        if let Some(path) = &self.users {
            return Ok(path.clone());
        }
        match engine.lake().folder() {
            Some(folder) => Ok(folder.join("users.json")),
            None => Err(CliError::Usage(format!(
                "lake {} is no local folder: name the users file, as users = \"/etc/rapport/users.json\" in the configuration file or RAPPORT_USERS",
                engine.lake().url()
            ))),
        }
    }
}

/// The object store's options that the environment has, named as `object_store` names them.
fn storage_of_environment() -> HashMap<String, String> {
    std::env::vars()
        .filter(|(name, _)| {
            STORAGE_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
        })
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect()
}

fn fixed_now(text: &str) -> Result<DateTime<Utc>, CliError> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .map_err(|_| {
            CliError::Usage(format!(
                "now cannot be {text:?}; expected RFC 3339 with an offset, such as 2026-01-31T12:00:00Z"
            ))
        })
}

/// A number of bytes, as `2GiB`, `512 MiB` or `1000000`, of at least so many MiB.
pub(super) fn bytes(name: &str, text: &str, least: usize) -> Result<usize, CliError> {
    let wrong = || {
        CliError::Usage(format!(
            "{name} cannot be {text:?}; expected a size of {least} MiB or more, such as 512MiB or 2GiB"
        ))
    };
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    digits
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|bytes| *bytes >= least << 20)
        .ok_or_else(wrong)
}
