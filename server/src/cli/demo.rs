//! `rapport demo`: generates invented shops, lands and derives their events, adds two users, and serves the lake.
//!
//! A run that is killed is finished by the next, with the same events. For that the credentials file is written first
//! (it marks the lake as a demo's and holds the passwords), then the accounts' settings, whose time is the end of the
//! generated events. A lake that holds anything else is refused.

use std::io::Write;
use std::path::Path;

use chrono::{DateTime, Utc};
use rand::Rng;
use rand::distr::Alphanumeric;
use rapport_data::Settings;
use rapport_engine::lake::TableId;
use rapport_engine::settings::AccountState;
use rapport_engine::{Engine, LandSource, Progress};
use rapport_synth::{Events, SynthOptions, accounts};
use tempfile::NamedTempFile;

use super::args::Serving;
use super::config::Config;
use super::error::CliError;
use super::progress::Bars;
use super::say;
use super::serve::{self, Endpoints};
use crate::serve::Addresses;
use crate::users::Users;

const LAKE: &str = "./rapport-demo";
const CREDENTIALS: &str = "demo-credentials";
const OPERATOR: &str = "operator";
const ANALYST: &str = "analyst";
const PASSWORD_LENGTH: usize = 20;

/// Creates the demo's lake unless it is complete, and serves it.
pub(super) async fn run(mut config: Config, options: Serving) -> Result<(), CliError> {
    if !config.lake_named {
        config.engine.lake = LAKE.to_owned();
    }
    let endpoints = Endpoints::resolve(&config, &options).await?;
    let engine = config.open(true).await?;
    let users_file = config.users_file(&engine)?;
    let credentials = Credentials::find_or_create(&engine, &users_file).await?;
    let users = Users::open(&users_file).map_err(CliError::failed)?;
    let shop = land_events(&engine).await?;
    let known = users.list().map_err(CliError::failed)?;
    for (name, role, account, password) in [
        (OPERATOR, "operator", None, &credentials.operator),
        (
            ANALYST,
            "analyst",
            Some(shop.as_str()),
            &credentials.analyst,
        ),
    ] {
        if !known.iter().any(|user| user.name == name) {
            users
                .add(name, role, account, password)
                .map_err(CliError::failed)?;
        }
    }
    engine
        .derive(&Bars::default())
        .await
        .map_err(CliError::failed)?;
    let server = endpoints.bind(engine, users).await?;
    serve::announce(server.addresses())?;
    say(welcome(server.addresses(), &shop, &credentials))?;
    serve::until_signalled(server).await
}

/// Lands the invented shops' settings and events unless the lake has them; returns the id of the largest shop.
async fn land_events(engine: &Engine) -> Result<String, CliError> {
    let options = SynthOptions {
        accounts: 4,
        days: 60,
        conversations: 6_000,
        seed: 1,
        end: engine.now(),
    };
    let settings = accounts(&options)
        .iter()
        .map(|line| Settings::from_json_line(line))
        .collect::<Result<Vec<_>, _>>()
        .map_err(CliError::failed)?;
    let shop = settings
        .first()
        .map(|settings| settings.account_id().to_owned())
        .ok_or_else(|| CliError::Failed("the demo has no shops".into()))?;
    let lake = engine.lake().refresh().await.map_err(CliError::failed)?;
    // Touches are committed last: a lake that has them has everything.
    if !lake.get(TableId::TouchEvents).all_files().is_empty() {
        return Ok(shop);
    }
    let end = match configured_at(engine, &shop).await? {
        Some(end) => end,
        None => {
            engine
                .put_accounts(settings)
                .await
                .map_err(CliError::failed)?;
            configured_at(engine, &shop).await?.unwrap_or(options.end)
        }
    };
    let bars = Bars::default();
    bars.begin("making", "events", None);
    let mut lines = Vec::new();
    let written = Events::new(&SynthOptions { end, ..options })
        .write_ndjson(&mut lines)
        .map_err(CliError::failed)?;
    bars.advance(written);
    bars.end();
    engine
        .land(vec![LandSource::bytes("demo", lines)], &bars)
        .await
        .map_err(CliError::failed)?;
    Ok(shop)
}

/// Returns when an account's settings were put in force; none if it has no settings.
async fn configured_at(engine: &Engine, account: &str) -> Result<Option<DateTime<Utc>>, CliError> {
    let accounts = engine.accounts().await.map_err(CliError::failed)?;
    Ok(accounts
        .into_iter()
        .find_map(|(settings, state)| match state {
            AccountState::Configured(at) if settings.account_id() == account => Some(at),
            _ => None,
        }))
}

/// Holds the passwords of the demo's users.
struct Credentials {
    operator: String,
    analyst: String,
}

impl Credentials {
    /// Reads the credentials file next to the users file, or creates it if the lake is empty.
    async fn find_or_create(engine: &Engine, users_file: &Path) -> Result<Self, CliError> {
        let path = users_file.with_file_name(CREDENTIALS);
        if path.exists() {
            return Self::read(&path);
        }
        let lake = engine.lake().refresh().await.map_err(CliError::failed)?;
        if TableId::ALL
            .iter()
            .any(|id| !lake.get(*id).all_files().is_empty())
        {
            return Err(CliError::Usage(format!(
                "lake {} holds other data than the demo's; name an empty one with --lake",
                engine.lake().url()
            )));
        }
        let made = Self {
            operator: password(),
            analyst: password(),
        };
        made.write(&path).map_err(|error| {
            CliError::Failed(format!("cannot write {}: {error}", path.display()))
        })?;
        Ok(made)
    }

    fn read(path: &Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            CliError::Failed(format!("cannot read {}: {error}", path.display()))
        })?;
        let password_of = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
                .map(str::to_owned)
                .ok_or_else(|| {
                    CliError::Failed(format!(
                        "{} has no password for {name}; remove the demo's lake to begin anew",
                        path.display()
                    ))
                })
        };
        Ok(Self {
            operator: password_of(OPERATOR)?,
            analyst: password_of(ANALYST)?,
        })
    }

    /// Writes the file atomically; only its owner can read it, as any temporary file.
    fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut new = NamedTempFile::new_in(path.parent().unwrap_or(path))?;
        writeln!(
            new,
            "{OPERATOR} {}\n{ANALYST} {}",
            self.operator, self.analyst
        )?;
        new.as_file().sync_all()?;
        new.persist(path)?;
        Ok(())
    }
}

fn password() -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(PASSWORD_LENGTH)
        .map(char::from)
        .collect()
}

fn welcome(addresses: Addresses, shop: &str, credentials: &Credentials) -> String {
    let (host, port) = (addresses.pg.ip(), addresses.pg.port());
    let psql = |user: &str, password: &str| {
        format!("  PGPASSWORD={password} psql -h {host} -p {port} -U {user} rapport")
    };
    format!(
        "
The performance page: http://{}/
  log in as {ANALYST}, password {} (an analyst of the shop {shop})
  or as {OPERATOR}, password {} (sees every shop)
SQL, as the analyst:
{}
and as the operator:
{}
Then, for the last 30 days:
  SELECT * FROM headline_metrics(current_date - 29, current_date);
  SELECT * FROM procedures_performance(current_date - 29, current_date);
  SELECT * FROM conversations ORDER BY last_updated DESC LIMIT 10;
Ctrl-C ends it; the next `rapport demo` goes on with the same lake, users and passwords.
",
        addresses.http,
        credentials.analyst,
        credentials.operator,
        psql(ANALYST, &credentials.analyst),
        psql(OPERATOR, &credentials.operator),
    )
}
