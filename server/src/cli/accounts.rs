//! `rapport accounts`: puts, shows and changes the settings of accounts.

use std::io::Read;
use std::path::Path;

use rapport_data::Settings;
use rapport_data::settings::SettingsError;
use rapport_engine::settings::AccountState;
use rapport_engine::{Engine, EngineError};
use serde_json::{Map, Value};

use super::args::{Accounts, TextOrJson};
use super::config::Config;
use super::error::CliError;
use super::say;

/// Runs a subcommand of `accounts`.
pub(super) async fn run(config: &Config, command: Accounts) -> Result<(), CliError> {
    match command {
        Accounts::Put { file } => {
            let settings = read(&file)?;
            let engine = config.open(true).await?;
            let given = settings.len();
            let changed = engine
                .put_accounts(settings)
                .await
                .map_err(CliError::failed)?;
            say(format_args!(
                "changed {changed}\nunchanged {}",
                given - changed
            ))?;
        }
        Accounts::List(options) => {
            let engine = config.open(false).await?;
            list(&engine, options.format).await?;
        }
        Accounts::Show { id, format } => {
            let engine = config.open(false).await?;
            let (settings, state) = find(&engine, &id).await?.ok_or_else(|| {
                CliError::Failed(format!("account {id:?} has neither settings nor events"))
            })?;
            match format {
                TextOrJson::Json => say(settings.to_json())?,
                TextOrJson::Text => show(&settings, state)?,
            }
        }
        Accounts::Set { id, settings } => {
            let settings = parse_pairs(&settings)?;
            // Wrong settings are refused before a lake is created.
            edit(
                &mut Settings::defaults(&id).map_err(CliError::usage)?,
                &settings,
            )
            .map_err(CliError::usage)?;
            let engine = config.open(true).await?;
            let changed = engine
                .edit_account(&id, |known| edit(known, &settings))
                .await
                .map_err(CliError::failed)?;
            let changed = usize::from(changed);
            say(format_args!("changed {changed}\nunchanged {}", 1 - changed))?;
        }
    }
    Ok(())
}

/// Parses `KEY=VALUE` arguments.
fn parse_pairs<'a>(settings: &'a [String]) -> Result<Vec<(&'a str, &'a str)>, CliError> {
    let pair = |setting: &'a String| {
        let (key, value) = setting.split_once('=').ok_or_else(|| {
            CliError::Usage(format!(
                "{setting:?} sets nothing; expected KEY=VALUE, such as timezone=Europe/Paris"
            ))
        })?;
        Ok((key.trim(), value.trim()))
    };
    settings.iter().map(pair).collect()
}

fn edit(settings: &mut Settings, pairs: &[(&str, &str)]) -> Result<(), SettingsError> {
    pairs
        .iter()
        .try_for_each(|(key, value)| settings.set(key, value))
}

/// Reads settings, one JSON object per line; the error of a wrong line names it.
fn read(file: &Path) -> Result<Vec<Settings>, CliError> {
    let (name, text) = if file == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        ("standard input".to_owned(), read.map(|_| text))
    } else {
        (file.display().to_string(), std::fs::read_to_string(file))
    };
    let text = text.map_err(|error| CliError::Failed(format!("cannot read {name}: {error}")))?;
    let mut settings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        settings.push(
            Settings::from_json_line(line).map_err(|error| {
                CliError::Failed(format!("{name}, line {}: {error}", number + 1))
            })?,
        );
    }
    Ok(settings)
}

async fn find(engine: &Engine, id: &str) -> Result<Option<(Settings, AccountState)>, CliError> {
    let accounts = engine.accounts().await.map_err(CliError::failed)?;
    Ok(accounts
        .into_iter()
        .find(|(settings, _)| settings.account_id() == id))
}

async fn list(engine: &Engine, format: TextOrJson) -> Result<(), CliError> {
    let accounts = engine
        .accounts()
        .await
        .map_err(|error: EngineError| CliError::failed(error))?;
    if format == TextOrJson::Json {
        let rows: Vec<String> = accounts.iter().map(|(s, _)| s.to_json()).collect();
        say(format_args!("[{}]", rows.join(",\n ")))?;
        return Ok(());
    }
    for (settings, state) in accounts {
        say(format_args!(
            "{}\t{}\t{}\t{}\t{}",
            settings.account_id(),
            settings.name.as_deref().unwrap_or("-"),
            settings.timezone,
            settings.currency,
            since(state)
        ))?;
    }
    Ok(())
}

fn since(state: AccountState) -> String {
    match state {
        AccountState::Configured(changed_at) => {
            format!("since {}", changed_at.format("%Y-%m-%dT%H:%M:%S%.6fZ"))
        }
        AccountState::Landed => "defaults".to_owned(),
    }
}

/// Prints every setting on a line of its own, as `accounts set` takes it.
fn show(settings: &Settings, state: AccountState) -> Result<(), CliError> {
    let values: Map<String, Value> =
        serde_json::from_str(&settings.to_json()).map_err(CliError::failed)?;
    for (key, value) in values {
        match value {
            Value::Object(inner) => {
                for (name, value) in inner {
                    say(format_args!("{key}.{name} = {}", unquoted(&value)))?;
                }
            }
            value => say(format_args!("{key} = {}", unquoted(&value)))?,
        }
    }
    say(format_args!("in force: {}", since(state)))?;
    Ok(())
}

fn unquoted(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}
