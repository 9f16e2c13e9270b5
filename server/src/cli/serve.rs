//! `rapport serve`: the Postgres endpoint and HTTP, until a signal ends it.

use std::io;

use rapport_engine::Engine;

use super::args::Serving;
use super::config::Config;
use super::error::CliError;
use super::say;
use crate::serve::{Addresses, ServeError, Server};
use crate::users::Users;

const DEFAULT_PG: &str = "127.0.0.1:5433";
const DEFAULT_HTTP: &str = "127.0.0.1:8080";

/// Serves a lake.
pub(super) async fn run(config: &Config, options: Serving) -> Result<(), CliError> {
    let engine = config.open(true).await?;
    let users = Users::open(config.users_file(&engine)?).map_err(CliError::failed)?;
    if users.list().map_err(CliError::failed)?.is_empty() {
        tracing::warn!("nobody can log in yet: add a user with `rapport users add`");
    }
    let server = bind(config, &options, engine, users).await?;
    announce(server.addresses())?;
    until_signalled(server).await
}

/// Listens where flags, configuration or defaults say.
pub(super) async fn bind(
    config: &Config,
    options: &Serving,
    engine: Engine,
    users: Users,
) -> Result<Server, CliError> {
    let pg = options.pg.as_deref().or(config.pg.as_deref());
    let http = options.http.as_deref().or(config.http.as_deref());
    Server::bind(
        engine,
        users,
        pg.unwrap_or(DEFAULT_PG),
        http.unwrap_or(DEFAULT_HTTP),
    )
    .await
    .map_err(|error| match &error {
        ServeError::Listen { source, what, .. } => match source.kind() {
            io::ErrorKind::InvalidInput => CliError::Usage(format!(
                "{error}; expected HOST:PORT, such as 127.0.0.1:5433"
            )),
            io::ErrorKind::AddrInUse => CliError::Failed(format!(
                "{error}; name another address with {}",
                if *what == "HTTP" { "--http" } else { "--pg" }
            )),
            _ => CliError::failed(error),
        },
        _ => CliError::failed(error),
    })
}

/// Says where it listens, a line each, for programs to read.
pub(super) fn announce(addresses: Addresses) -> Result<(), CliError> {
    say(format_args!("postgres {}", addresses.pg))?;
    say(format_args!("http {}", addresses.http))
}

/// Serves until SIGINT or SIGTERM.
pub(super) async fn until_signalled(server: Server) -> Result<(), CliError> {
    server
        .run(signalled().map_err(CliError::failed)?)
        .await
        .map_err(CliError::failed)
}

#[cfg(unix)]
fn signalled() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signalled() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
