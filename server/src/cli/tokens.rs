//! `rapport tokens`: adds, lists and removes the tokens that programs authenticate with at the HTTP API.

use std::io::{self, Write};

use chrono::SecondsFormat;
use serde_json::json;

use super::args::{TextOrJson, TokensCommand};
use super::config::Config;
use super::error::CliError;
use super::{say, users};
use crate::users::{NewToken, Reach, Token, TokensError};

/// Runs a subcommand of `tokens`.
pub(super) async fn run(config: &Config, command: TokensCommand) -> Result<(), CliError> {
    match command {
        TokensCommand::Add {
            name,
            account,
            rights,
            ..
        } => {
            let reach = account.map_or(Reach::AllAccounts, Reach::Account);
            let token = NewToken::new(&name, reach, rights).map_err(cli_error)?;
            // A wrong name or account is refused before a lake is created.
            let users = users::open(config, true).await?;
            let secret = users.tokens().insert(token).map_err(cli_error)?;
            // Standard output has the token alone, for scripts. If this line cannot be written, nothing is lost.
            let _ = writeln!(io::stderr(), "added {name}; it is not shown again:");
            say(secret)?;
        }
        TokensCommand::List(options) => {
            let users = users::open(config, false).await?;
            let all = users.tokens().list().map_err(cli_error)?;
            if options.format == TextOrJson::Json {
                let rows: Vec<_> = all.iter().map(|token| as_json(token)).collect();
                say(serde_json::Value::from(rows))?;
            } else {
                for token in all.iter() {
                    say(as_text(token))?;
                }
            }
        }
        TokensCommand::Remove { name } => {
            let users = users::open(config, false).await?;
            users.tokens().remove(&name).map_err(cli_error)?;
            say(format_args!("removed {name}"))?;
        }
    }
    Ok(())
}

fn rights(token: &Token) -> Vec<String> {
    token.rights.iter().map(ToString::to_string).collect()
}

fn created_at(token: &Token) -> String {
    token.created_at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn as_json(token: &Token) -> serde_json::Value {
    json!({
        "name": token.name,
        "account": token.reach.account(),
        "rights": rights(token),
        "created_at": created_at(token),
    })
}

fn as_text(token: &Token) -> String {
    format!(
        "{}\t{}\t{}\t{}",
        token.name,
        token.reach.account().unwrap_or("*"),
        rights(token).join(","),
        created_at(token)
    )
}

/// Converts an error: a wrong name or account is wrong use, the rest is failure.
fn cli_error(error: TokensError) -> CliError {
    match error {
        TokensError::BadName(_) | TokensError::BadAccount(_) => CliError::usage(error),
        TokensError::File(_) | TokensError::Exists(_) | TokensError::Unknown(_) => {
            CliError::failed(error)
        }
    }
}
