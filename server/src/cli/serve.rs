//! `rapport serve`: the Postgres endpoint and HTTP, until a signal ends it.

use std::io;
use std::sync::Arc;

use rapport_engine::Engine;
use tokio::sync::oneshot;

use super::args::{Serving, TlsMode};
use super::config::Config;
use super::error::CliError;
use super::say;
use crate::allocator;
use crate::pg::{Encryption, PgOptions, Tls, TlsFiles};
use crate::serve::{Addresses, ServeError, Server, check_address};
use crate::users::Users;

const DEFAULT_PG: &str = "127.0.0.1:5433";
const DEFAULT_HTTP: &str = "127.0.0.1:8080";

/// Serves a lake.
pub(super) async fn run(config: &Config, options: Serving) -> Result<(), CliError> {
    let encryption = encryption(config, &options)?;
    check(config, &options).await?;
    let engine = config.open(true).await?;
    let users = Users::open(config.users_file(&engine)?).map_err(CliError::failed)?;
    if users.list().map_err(CliError::failed)?.is_empty() {
        tracing::warn!("nobody can log in yet: add a user with `rapport users add`");
    }
    let server = bind(config, &options, encryption, engine, users).await?;
    announce(server.addresses())?;
    until_signalled(server).await
}

/// Listens where flags, configuration or defaults say.
pub(super) async fn bind(
    config: &Config,
    options: &Serving,
    encryption: Encryption,
    engine: Engine,
    users: Users,
) -> Result<Server, CliError> {
    let (pg, http) = addresses(config, options);
    let pg_options = pg_options(config, encryption)?;
    Server::bind(engine, users, pg, http, pg_options)
        .await
        .map_err(refused)
}

/// Where the Postgres endpoint and HTTP shall listen.
fn addresses<'a>(config: &'a Config, options: &'a Serving) -> (&'a str, &'a str) {
    let pg = options.pg.as_deref().or(config.pg.as_deref());
    let http = options.http.as_deref().or(config.http.as_deref());
    (pg.unwrap_or(DEFAULT_PG), http.unwrap_or(DEFAULT_HTTP))
}

fn pg_options(config: &Config, encryption: Encryption) -> Result<PgOptions, CliError> {
    let engine = &config.engine;
    config
        .limits
        .options(engine.threads, engine.memory_limit, encryption)
}

/// Tells wrong use before a lake is made.
pub(super) async fn check(config: &Config, options: &Serving) -> Result<(), CliError> {
    let (pg, http) = addresses(config, options);
    check_address("Postgres", pg).await.map_err(refused)?;
    check_address("HTTP", http).await.map_err(refused)?;
    pg_options(config, Encryption::Off).map(drop)
}

fn refused(error: ServeError) -> CliError {
    match &error {
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
    }
}

/// Whether the Postgres endpoint encrypts, and with what.
pub(super) fn encryption(config: &Config, options: &Serving) -> Result<Encryption, CliError> {
    let mode = options.tls.or(config.tls).unwrap_or_default();
    let certificate = options.tls_cert.as_ref().or(config.tls_cert.as_ref());
    let key = options.tls_key.as_ref().or(config.tls_key.as_ref());
    let open = || {
        match (certificate, key) {
        (Some(certificate), Some(key)) => {
            let files = TlsFiles {
                certificate: certificate.clone(),
                key: key.clone(),
            };
            Tls::open(files).map(Arc::new).map_err(CliError::failed)
        }
        _ => Err(CliError::Usage(
            "tls is wanted without a certificate or key; expected both --tls-cert FILE and --tls-key FILE, in PEM".into(),
        )),
    }
    };
    match mode {
        TlsMode::Off if certificate.is_some() || key.is_some() => Err(CliError::Usage(
            "a TLS certificate or key is given though tls is off; expected --tls optional or --tls required with them".into(),
        )),
        TlsMode::Off => Ok(Encryption::Off),
        TlsMode::Optional => Ok(Encryption::Optional(open()?)),
        TlsMode::Required => Ok(Encryption::Required(open()?)),
    }
}

/// Says where it listens, a line each, for programs to read.
pub(super) fn announce(addresses: Addresses) -> Result<(), CliError> {
    say(format_args!("postgres {}", addresses.pg))?;
    say(format_args!("http {}", addresses.http))
}

/// Serves until SIGINT or SIGTERM; a second one does not wait for statements to end.
pub(super) async fn until_signalled(server: Server) -> Result<(), CliError> {
    allocator::keep_freed_memory(allocator::OF_A_SERVER);
    allocator::avoid_huge_pages();
    let mut signals = Signals::new().map_err(CliError::failed)?;
    let (stop, stopped) = oneshot::channel();
    let serving = server.run(async {
        // It is sent, and its sender outlives this.
        let _ = stopped.await;
    });
    let signalled = async {
        signals.next().await;
        let _ = stop.send(());
        signals.next().await;
    };
    tokio::select! {
        served = serving => served.map_err(CliError::failed),
        () = signalled => Err(CliError::Failed(
            "stopped at once: statements that ran were cut off".into(),
        )),
    }
}

/// The signals that ask a server to stop.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The signals that ask a server to stop.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for the next.
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
