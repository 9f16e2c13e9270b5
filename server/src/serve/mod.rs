//! A running server: the Postgres endpoint, HTTP, refreshing the lake, and deriving as events land.
//!
//! These parts share the engine alone. Connections run on the runtime that starts the server; queries, refreshes of the
//! lake and derives each run on threads of their own. So none of them delays a login or a health check, and no derive
//! delays a refresh.

mod backend;
mod background;
mod deriver;
mod health;
mod lag;
mod lander;
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
pub use health::{Health, MetricsError, NotReady};

use crate::api::{self, Api};
use crate::http::logins::Logins;
use crate::http::{self, Routers};
use crate::landing::{Lander, LandingOptions};
use crate::page::{self, Site};
use crate::pg::{Encryption, PgOptions, PgServer};
use crate::users::Users;

/// How long background tasks may take to stop before the process ends anyway.
const BACKGROUND_GRACE: Duration = Duration::from_secs(2);

/// Says why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The server cannot listen at an address.
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
    /// The metrics recorder cannot be installed.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The threads of the background tasks cannot be started.
    #[error("cannot start the threads that read the lake, land and derive: {0}")]
    Threads(std::io::Error),
}

/// Represents a server that listens and does not answer yet.
pub struct Server {
    engine: Engine,
    pg: PgServer,
    http: TcpListener,
    site: Site,
    encryption: Encryption,
    addresses: Addresses,
    derives: bool,
    landing: LandingOptions,
}

/// Checks that an address can be resolved, without listening there.
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

/// Holds the addresses that a server listens at.
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
            landing: LandingOptions::of_memory(engine.options().memory_limit),
            engine,
            site,
            encryption,
            pg: pg_server,
            http: listener,
            addresses,
            derives: true,
        })
    }

    /// Sets whether the server derives what lands, which it does by default. If several servers of one lake derive, they
    /// derive the same at the same time, and only the first one's commit counts.
    pub fn with_deriver(self, derives: bool) -> Server {
        Server { derives, ..self }
    }

    /// Sets the bounds of what lands over HTTP.
    pub fn with_landing(self, landing: LandingOptions) -> Server {
        Server { landing, ..self }
    }

    /// Returns the addresses that the server listens at.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves, and derives what lands unless it is set not to, until `shutdown` is ready; then lets running statements end
    /// and lands what it has accepted.
    ///
    /// # Errors
    /// If the metrics or the background threads cannot be started.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let metrics = health::install_metrics()?;
        let health = Arc::new(Health::new(self.engine.clone()));
        let refreshed = Arc::new(Notify::new());
        let refresher = refresher::start(
            self.engine.clone(),
            Arc::clone(&health),
            Arc::clone(&refreshed),
            metrics.clone(),
        )
        .map_err(ServeError::Threads)?;
        let (stop, stopped) = watch::channel(false);
        let (lander, requests) = Lander::new(self.landing, stopped.clone());
        let landing = lander::Landing::start(
            self.engine.clone(),
            requests,
            Arc::clone(&health),
            Arc::clone(&refreshed),
        )
        .map_err(ServeError::Threads)?;
        let deriver = if self.derives {
            let started = deriver::start(self.engine, Arc::clone(&health), refreshed);
            Some(started.map_err(ServeError::Threads)?)
        } else {
            None
        };
        let mut told_to_stop = stopped.clone();
        // A dropped sender means stop, too.
        let until_stopped = async move { drop(told_to_stop.wait_for(|stop| *stop).await) };
        let monitoring = http::Monitoring {
            health: Arc::clone(&health),
            metrics,
        };
        let http = http::serve(
            self.http,
            routers(monitoring, &self.site, lander, self.encryption),
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
        // With the connections the last lander is gone.
        landing.finish().await;
        // A cancelled derive repeats its work next time, and loses nothing.
        let deriver_ends = async {
            if let Some(deriver) = deriver {
                deriver.shut_down(BACKGROUND_GRACE).await;
            }
        };
        tokio::join!(deriver_ends, refresher.shut_down(BACKGROUND_GRACE));
        Ok(())
    }
}

/// Makes the HTTP routers: monitoring on every connection; the page and the API on encrypted ones alone where encryption
/// is required.
fn routers(
    monitoring: http::Monitoring,
    site: &Site,
    lander: Lander,
    encryption: Encryption,
) -> Routers {
    let monitoring = http::router(monitoring);
    let api = Api {
        inquirer: site.inquirer.clone(),
        users: site.users.clone(),
        logins: site.logins.clone(),
        lander,
    };
    let all = |encrypted| {
        monitoring
            .clone()
            .merge(compress(page::router(site, encrypted)))
            .merge(compress(api::router(&api, encrypted)))
    };
    let plain = if encryption.is_required() {
        monitoring.clone().merge(http::to_https())
    } else {
        all(false)
    };
    Routers {
        plain,
        encrypted: all(true),
        encryption,
    }
}

/// Compresses responses where the client accepts it, except Parquet, which is compressed already.
fn compress(router: Router) -> Router {
    let compressible = DefaultPredicate::new().and(NotForContentType::const_new(api::PARQUET));
    router.layer(CompressionLayer::new().compress_when(compressible))
}
