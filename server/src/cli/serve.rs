//! `rapport serve`: serves the Postgres endpoint and HTTP until a signal stops it.

use std::io;
use std::sync::Arc;

use rapport_engine::Engine;
use rapport_zones::Database;
use tokio::sync::oneshot;

use super::args::{Deriving, Serving, TlsMode};
use super::config::Config;
use super::error::CliError;
use super::say;
use crate::allocator;
use crate::landing::LandingOptions;
use crate::pg::{Encryption, PgOptions, Tls, TlsFiles};
use crate::serve::{Addresses, ServeError, Server, check_address};
use crate::users::Users;

const DEFAULT_PG: &str = "127.0.0.1:5433";
const DEFAULT_HTTP: &str = "127.0.0.1:8080";

/// Serves a lake.
pub(super) async fn run(config: &Config, options: Serving) -> Result<(), CliError> {
    let endpoints = Endpoints::resolve(config, &options).await?;
    let engine = config.open(true).await?;
    let users = Users::open(config.users_file(&engine)?).map_err(CliError::failed)?;
    if users.list().map_err(CliError::failed)?.is_empty() {
        tracing::warn!("nobody can log in yet: add a user with `rapport users add`");
    }
    let server = endpoints.bind(engine, users).await?;
    announce(server.addresses())?;
    until_signalled(server).await
}

/// Holds the addresses to listen at and the options of the server.
pub(super) struct Endpoints {
    pg: String,
    http: String,
    options: PgOptions,
    landing: LandingOptions,
    derive: Deriving,
}

impl Endpoints {
    /// Resolves and checks them from flags, configuration and defaults; is called before a lake is created.
    pub(super) async fn resolve(config: &Config, options: &Serving) -> Result<Endpoints, CliError> {
        let address = |flag: &Option<String>, configured: &Option<String>, default: &str| {
            let given = flag.as_deref().or(configured.as_deref());
            given.unwrap_or(default).to_owned()
        };
        let pg = address(&options.pg, &config.pg, DEFAULT_PG);
        let http = address(&options.http, &config.http, DEFAULT_HTTP);
        let (limits, engine) = (&config.limits, &config.engine);
        let encryption = encryption(config, options)?;
        let derive = options.derive.or(config.derive).unwrap_or_default();
        let landing = limits.landing(engine.memory_limit)?;
        let options = limits.options(engine.threads, engine.memory_limit, encryption)?;
        check_address("Postgres", &pg).await.map_err(listen_error)?;
        check_address("HTTP", &http).await.map_err(listen_error)?;
        Ok(Endpoints {
            pg,
            http,
            options,
            landing,
            derive,
        })
    }

    /// Listens at the addresses.
    pub(super) async fn bind(self, engine: Engine, users: Users) -> Result<Server, CliError> {
        tracing::info!("time zones {}", Database::in_use());
        let server = Server::bind(engine, users, &self.pg, &self.http, self.options)
            .await
            .map_err(listen_error)?;
        let server = server.with_landing(self.landing);
        Ok(server.with_deriver(self.derive == Deriving::On))
    }
}

/// Says what to do about an address that cannot be listened at.
fn listen_error(error: ServeError) -> CliError {
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

/// Resolves whether connections are encrypted, and with which certificate.
fn encryption(config: &Config, options: &Serving) -> Result<Encryption, CliError> {
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

/// Prints the addresses, one per line, for programs to read.
pub(super) fn announce(addresses: Addresses) -> Result<(), CliError> {
    say(format_args!("postgres {}", addresses.pg))?;
    say(format_args!("http {}", addresses.http))
}

/// Serves until SIGINT or SIGTERM; a second one does not wait for statements to end.
pub(super) async fn until_signalled(server: Server) -> Result<(), CliError> {
    allocator::configure_for_server();
    let mut signals = Signals::new().map_err(CliError::failed)?;
    let (stop, stopped) = oneshot::channel();
    let serving = server.run(async {
        // The sender outlives this future and always sends.
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

/// Receives SIGINT and SIGTERM.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Receives Ctrl-C.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
