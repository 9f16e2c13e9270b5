//! Settings of the program: from flags, else the environment, else the configuration file, else defaults.
//!
//! Clap reads flags and the variables that stand for them. This module reads the other variables (`RAPPORT_THREADS`, …)
//! and the file. Unknown keys are refused, because a misspelt one would otherwise be ignored silently.

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

use super::args::{Deriving, Global, TlsMode, instant};
use super::error::CliError;
use super::limits::Limits;
use crate::dialect::Postgres;

/// The lake if none is named.
const DEFAULT_LAKE: &str = "./rapport-lake";
/// The settings that variables of the environment may give and flags may not.
const ENVIRONMENT: [&str; 6] = [
    "threads",
    "memory_limit",
    "round_events",
    "queries",
    "spill",
    "users",
];
/// The prefixes of the environment's variables that configure object stores.
const STORAGE_PREFIXES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// Holds what the configuration file and the environment may set.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileConfig {
    lake: Option<String>,
    now: Option<String>,
    threads: Option<usize>,
    memory_limit: Option<String>,
    round_events: Option<u64>,
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

/// Holds the settings of a run of the program.
#[derive(Debug)]
pub(super) struct Config {
    /// How the engine is opened; its lake is [`DEFAULT_LAKE`] if none is named.
    pub engine: EngineOptions,
    /// Whether a lake is named.
    pub lake_named: bool,
    /// The users file, if it is not the lake's own.
    pub users: Option<PathBuf>,
    /// The Postgres endpoint's address in the configuration.
    pub pg: Option<String>,
    /// The HTTP address in the configuration.
    pub http: Option<String>,
    /// The configuration's TLS mode.
    pub tls: Option<TlsMode>,
    /// The certificate's file in the configuration.
    pub tls_cert: Option<PathBuf>,
    /// The private key's file in the configuration.
    pub tls_key: Option<PathBuf>,
    /// Whether a server derives, in the configuration.
    pub derive: Option<Deriving>,
    /// The limits on what clients may use.
    pub limits: Limits,
}

impl Config {
    /// Merges flags, environment, configuration file and defaults.
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
            store_layer: None,
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
            round_events: file.round_events.unwrap_or(defaults.round_events),
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

    /// Opens the engine; creates the lake if `create`.
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

    /// Lists the saved queries, the team's own included. They do not depend on a lake, so an empty one in memory is used.
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

    /// Returns the users file's path: the configured one, else `users.json` in a local lake's folder.
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

/// Returns the object store's options that are in the environment, named as `object_store` names them.
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
    instant(text).map_err(|expected| CliError::Usage(format!("now cannot be {text:?}; {expected}")))
}

/// Parses a size in bytes, such as `2GiB`, `512 MiB` or `1000000`, of at least `least` MiB.
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
