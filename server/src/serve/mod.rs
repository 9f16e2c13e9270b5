//! A running server: the Postgres endpoint, HTTP, keeping up with the lake, and deriving as events land.
//!
//! They share the engine and nothing else, and run apart: connections on the runtime that starts the server, queries,
//! looks at the lake and deriving each on threads of their own, so that none keeps a login or a health check waiting, and
//! no derive keeps what has landed from being seen.

mod backend;
mod background;
mod deriver;
mod health;
mod lag;
mod refresher;
mod retry;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rapport_engine::Engine;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

pub use backend::{EngineBackend, EngineSession};
pub use health::{FiguresError, Health, NotReady, count};

use crate::api::{self, Api};
use crate::http::logins::Logins;
use crate::http::{self, Routers};
use crate::page::{self, Site};
use crate::pg::{Encryption, PgOptions, PgServer};
use crate::users::Users;

/// How long what goes on in the background may still take to come to a place where it can be cut off, before the process
/// ends anyway.
const BACKGROUND_ENDS_WITHIN: Duration = Duration::from_secs(2);

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened at.
    #[error("cannot listen at {address} for {what}: {source}")]
    Listen {
        /// The endpoint.
        what: &'static str,
        /// The address as given.
        address: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Its figures cannot be kept.
    #[error(transparent)]
    Figures(#[from] FiguresError),
    /// No threads for what goes on in the background.
    #[error("cannot start the threads that read the lake and derive: {0}")]
    Threads(std::io::Error),
}

/// A server that listens and does not answer yet.
pub struct Server {
    engine: Engine,
    pg: PgServer,
    http: TcpListener,
    site: Site,
    encryption: Encryption,
    addresses: Addresses,
    derives: bool,
}

/// Looks whether an address can be one, without listening there.
///
/// # Errors
/// If it names no host and port.
pub async fn check_address(what: &'static str, address: &str) -> Result<(), ServeError> {
    let found = tokio::net::lookup_host(address).await;
    found.map(drop).map_err(|source| ServeError::Listen {
        what,
        address: address.to_owned(),
        source,
    })
}

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// The Postgres endpoint.
    pub pg: SocketAddr,
    /// HTTP.
    pub http: SocketAddr,
}

impl Server {
    /// Listens at both addresses.
    ///
    /// # Errors
    /// If one of them cannot be listened at.
    pub async fn bind(
        engine: Engine,
        users: Users,
        pg: &str,
        http: &str,
        options: PgOptions,
    ) -> Result<Server, ServeError> {
        let fail = |what, address: &str| {
            let address = address.to_owned();
            move |source| ServeError::Listen {
                what,
                address,
                source,
            }
        };
        let backend = Arc::new(EngineBackend::new(engine.clone()));
        let encryption = options.encryption.clone();
        let pg_server = PgServer::bind(pg, backend, users.clone(), options)
            .await
            .map_err(fail("Postgres", pg))?;
        let listener = TcpListener::bind(http).await.map_err(fail("HTTP", http))?;
        let addresses = Addresses {
            pg: pg_server.local_addr().map_err(fail("Postgres", pg))?,
            http: listener.local_addr().map_err(fail("HTTP", http))?,
        };
        let site = Site {
            inquirer: pg_server.inquirer(),
            users,
            attempts: pg_server.attempts(),
            logins: Logins::default(),
        };
        Ok(Server {
            engine,
            site,
            encryption,
            pg: pg_server,
            http: listener,
            addresses,
            derives: true,
        })
    }

    /// Whether it derives what lands, as it does unless told. Several servers of one lake that do so derive the same at the
    /// same time, and all but the first to commit for nothing.
    pub fn deriving(self, derives: bool) -> Server {
        Server { derives, ..self }
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves, and derives what lands if it shall, until `shutdown` is ready; then lets running statements end.
    ///
    /// # Errors
    /// If a part of it cannot go on.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let figures = count()?;
        let health = Arc::new(Health::new(self.engine.clone()));
        let looked = Arc::new(Notify::new());
        let refresher = refresher::start(
            self.engine.clone(),
            Arc::clone(&health),
            Arc::clone(&looked),
            figures.clone(),
        )
        .map_err(ServeError::Threads)?;
        let deriver = if self.derives {
            let started = deriver::start(self.engine, Arc::clone(&health), looked);
            Some(started.map_err(ServeError::Threads)?)
        } else {
            None
        };
        let (stop, stopped) = watch::channel(false);
        let mut told_to_stop = stopped.clone();
        // A sender that is gone means the same.
        let until_stopped = async move { drop(told_to_stop.wait_for(|stop| *stop).await) };
        let told = http::Told {
            health: Arc::clone(&health),
            figures,
        };
        let http = http::serve(
            self.http,
            routers(told, &self.site, self.encryption),
            stopped.clone(),
        );
        let pg = self.pg.run(until_stopped);
        let stopping = async {
            shutdown.await;
            tracing::info!("stopping");
            health.stop();
            let _ = stop.send(true);
        };
        tokio::join!(http, pg, stopping);
        // A derive that is cut off repeats its work next time, and loses nothing.
        let deriver_ends = async {
            if let Some(deriver) = deriver {
                deriver.end(BACKGROUND_ENDS_WITHIN).await;
            }
        };
        tokio::join!(deriver_ends, refresher.end(BACKGROUND_ENDS_WITHIN));
        Ok(())
    }
}

/// What answers HTTP: machines on every connection; people on encrypted ones alone where encryption is required.
fn routers(told: http::Told, site: &Site, encryption: Encryption) -> Routers {
    let machines = http::router(told);
    let api = Api {
        inquirer: site.inquirer.clone(),
        users: site.users.clone(),
        logins: site.logins.clone(),
    };
    let people = |encrypted| {
        machines
            .clone()
            .merge(compressed(page::router(site, encrypted)))
            .merge(compressed(api::router(&api, encrypted)))
    };
    let plain = if encryption.is_required() {
        machines.clone().merge(http::to_https())
    } else {
        people(false)
    };
    Routers {
        plain,
        encrypted: people(true),
        encryption,
    }
}

/// Compresses what browsers ask for, unless it is compressed as it is.
fn compressed(router: Router) -> Router {
    let worth_it = DefaultPredicate::new().and(NotForContentType::const_new(api::PARQUET));
    router.layer(CompressionLayer::new().compress_when(worth_it))
}
