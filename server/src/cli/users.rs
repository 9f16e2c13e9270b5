//! `rapport users`: adds, lists, changes and removes users.

use std::io::{BufRead, IsTerminal};

use serde_json::json;

use super::args::{TextOrJson, UsersCommand};
use super::config::Config;
use super::error::CliError;
use super::say;
use crate::users::{NewUser, Users, UsersError};

/// Runs a subcommand of `users`.
pub(super) async fn run(config: &Config, command: UsersCommand) -> Result<(), CliError> {
    match command {
        UsersCommand::Add {
            name,
            role,
            account,
            password_stdin,
        } => {
            let password = password(password_stdin)?;
            let user =
                NewUser::new(&name, &role, account.as_deref(), &password).map_err(cli_error)?;
            // A wrong name, role, account or password is refused before a lake is created.
            open(config, true).await?.insert(user).map_err(cli_error)?;
            say(format_args!("added {name}"))?;
        }
        UsersCommand::List(options) => {
            let all = open(config, false).await?.list().map_err(cli_error)?;
            if options.format == TextOrJson::Json {
                let rows: Vec<_> = all
                    .iter()
                    .map(|user| json!({"name": user.name, "role": user.role, "account": user.account}))
                    .collect();
                say(format_args!("{}", serde_json::Value::from(rows)))?;
            } else {
                for user in all {
                    say(format_args!(
                        "{}\t{}\t{}",
                        user.name,
                        user.role,
                        user.account.as_deref().unwrap_or("-")
                    ))?;
                }
            }
        }
        UsersCommand::Remove { name } => {
            let users = open(config, false).await?;
            users.remove(&name).map_err(cli_error)?;
            say(format_args!("removed {name}"))?;
        }
        UsersCommand::Passwd {
            name,
            password_stdin,
        } => {
            let password = password(password_stdin)?;
            let users = open(config, false).await?;
            users.set_password(&name, &password).map_err(cli_error)?;
            say(format_args!("changed {name}"))?;
        }
    }
    Ok(())
}

/// Opens the users of the lake; creates the lake if `create`.
pub(super) async fn open(config: &Config, create: bool) -> Result<Users, CliError> {
    let engine = config.open(create).await?;
    Users::open(config.users_file(&engine)?).map_err(cli_error)
}

/// Reads the password from standard input, or asks for it twice on a terminal.
fn password(from_stdin: bool) -> Result<String, CliError> {
    if from_stdin {
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| CliError::Failed(format!("cannot read the password: {error}")))?;
        let length = line.trim_end_matches(['\r', '\n']).len();
        line.truncate(length);
        return Ok(line);
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(
            "there is no terminal to ask for the password: pipe it in and say --password-stdin"
                .into(),
        ));
    }
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt)
            .map_err(|error| CliError::Failed(format!("cannot read the password: {error}")))
    };
    let password = ask("Password: ")?;
    if ask("Again: ")? != password {
        return Err(CliError::Usage("the two passwords differ".into()));
    }
    Ok(password)
}

/// Converts an error: a wrong name, role, account or password is wrong use, the rest is failure.
fn cli_error(error: UsersError) -> CliError {
    match error {
        UsersError::BadName(_)
        | UsersError::UnknownRole(_)
        | UsersError::AccountMissing(_)
        | UsersError::AccountNotAllowed(_)
        | UsersError::BadAccount(_)
        | UsersError::BadPassword => CliError::usage(error),
        UsersError::File(_)
        | UsersError::Tokens(_)
        | UsersError::Exists(_)
        | UsersError::Unknown(_) => CliError::failed(error),
    }
}
