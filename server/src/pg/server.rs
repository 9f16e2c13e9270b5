//! The listening side: accepts connections, within limits, and ends them all when the server stops.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pgwire::messages::PgWireBackendMessage as Backend;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::activity::{self, Activity};
use super::backend;
use super::catalog::Catalogs;
use super::connection;
use super::control::Connections;
use super::memory::MemoryShares;
use super::places::{Entrance, Places};
use super::process_memory::ProcessMemory;
use super::runtimes::QueryRuntimes;
use super::tls::Encryption;
use super::wire;
use crate::users::{Attempts, LoginLimits, Users};
use rapport_pgsql::error::{PgError, code, logged};

/// How the endpoint behaves.
#[derive(Debug, Clone)]
pub struct PgOptions {
    /// Connections that may be logged in at a time; one more is refused with 53300.
    pub max_connections: usize,
    /// How many of them one account may have.
    pub connections_per_account: usize,
    /// Threads that run the queries of an account, apart from those that serve connections.
    pub query_threads: usize,
    /// Statements that may run at a time for one account (operators are one account here).
    pub statements_per_account: usize,
    /// How many bytes the process may hold, whatever for; before it holds more, the largest statement ends.
    pub process_memory: usize,
    /// How many bytes all statements of one account may hold at a time.
    pub account_memory: usize,
    /// How many bytes the statements of one session may hold at a time.
    pub session_memory: usize,
    /// A statement that takes longer than this is logged; none is.
    pub slow_statement: Option<Duration>,
    /// How long a statement waits for its turn.
    pub queue_timeout: Duration,
    /// How long a statement may run unless its session says otherwise; zero is for ever.
    pub statement_timeout: Duration,
    /// How many logins may fail.
    pub login_limits: LoginLimits,
    /// How long a login may take.
    pub login_timeout: Duration,
    /// How long a session may stand idle, in a transaction or not, whatever it wishes; zero is for ever.
    pub idle_timeout: Duration,
    /// How long a client may leave bytes unread that are sent to it.
    pub write_timeout: Duration,
    /// How long statements may go on once the server stops.
    pub shutdown_grace: Duration,
    /// The longest message that a client may send once it is logged in.
    pub max_message: usize,
    /// Whether connections are encrypted.
    pub encryption: Encryption,
}

impl Default for PgOptions {
    fn default() -> PgOptions {
        PgOptions {
            max_connections: 200,
            connections_per_account: 100,
            query_threads: std::thread::available_parallelism().map_or(2, usize::from),
            statements_per_account: 16,
            process_memory: 1024 * 1024 * 1024,
            account_memory: 768 * 1024 * 1024,
            session_memory: 512 * 1024 * 1024,
            slow_statement: Some(Duration::from_secs(5)),
            queue_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(600),
            login_limits: LoginLimits::default(),
            login_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(3600),
            write_timeout: Duration::from_secs(300),
            shutdown_grace: Duration::from_secs(30),
            max_message: 64 * 1024 * 1024,
            encryption: Encryption::Off,
        }
    }
}

/// A client from which nothing is heard, not even by the network itself, is looked for after so long, and so often.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_AGAIN: Duration = Duration::from_secs(15);
const KEEPALIVE_TIMES: u32 = 4;

/// How often it is looked whether the process holds nearly all that it may.
const MEMORY_LOOKED_AT: Duration = Duration::from_millis(25);
/// How long a statement that was given up has to free what it held before another is.
const FREED_WITHIN: Duration = Duration::from_millis(250);

/// The Postgres endpoint.
pub struct PgServer {
    listener: TcpListener,
    pub(super) server: Arc<Server>,
}

/// What all connections share.
pub(super) struct Server {
    pub(super) options: PgOptions,
    pub(super) backend: Arc<dyn backend::Backend>,
    pub(super) users: Users,
    pub(super) attempts: Arc<Attempts>,
    pub(super) runtimes: QueryRuntimes,
    pub(super) connections: Arc<Connections>,
    pub(super) places: Places,
    pub(super) admission: super::admission::Admission,
    pub(super) memory: MemoryShares,
    process_memory: Arc<ProcessMemory>,
    pub(super) activity: Arc<Activity>,
    pub(super) catalogs: Catalogs,
}

impl PgServer {
    /// Listens at an address, for these users.
    ///
    /// # Errors
    /// If the address cannot be listened at, or the system gives no thread.
    pub async fn bind(
        address: impl ToSocketAddrs,
        backend: Arc<dyn backend::Backend>,
        users: Users,
        options: PgOptions,
    ) -> std::io::Result<PgServer> {
        let process_memory = Arc::new(ProcessMemory::new(options.process_memory));
        let server = Server {
            backend,
            users,
            attempts: Arc::new(Attempts::new(options.login_limits)),
            runtimes: QueryRuntimes::new(options.query_threads)?,
            connections: Arc::default(),
            places: Places::new(options.max_connections, options.connections_per_account),
            admission: super::admission::Admission::new(
                options.statements_per_account,
                options.queue_timeout,
            ),
            memory: MemoryShares::new(
                options.account_memory,
                options.session_memory,
                Arc::clone(&process_memory),
            ),
            process_memory,
            activity: Arc::new(Activity::new(options.slow_statement)),
            catalogs: Catalogs::default(),
            options,
        };
        Ok(PgServer {
            listener: TcpListener::bind(address).await?,
            server: Arc::new(server),
        })
    }

    /// The address that it listens at.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The failed logins of late, which those of the web page count among.
    pub fn attempts(&self) -> Arc<Attempts> {
        Arc::clone(&self.server.attempts)
    }

    /// Serves until `shutdown` is ready; then lets running statements end, for the time of grace.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let PgServer { listener, server } = self;
        let mut tasks = JoinSet::new();
        let mut users_looked_at = tokio::time::interval(Duration::from_secs(1));
        let mut memory_looked_at = tokio::time::interval(MEMORY_LOOKED_AT);
        memory_looked_at.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = listener.accept() => match accepted {
                    Ok((socket, peer)) => match server.places.enter(Some(peer.ip())) {
                        Some(entrance) => {
                            let server = Arc::clone(&server);
                            tasks.spawn(serve(socket, peer.ip(), server, entrance));
                        }
                        None => refuse(socket),
                    },
                    Err(error) => {
                        // Out of file descriptors, most likely: others must go before more can come.
                        tracing::warn!("accepting a Postgres connection failed: {error}");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = tasks.join_next() => {}
                _ = users_looked_at.tick() => end_of_users(&server),
                _ = memory_looked_at.tick() => if give_up_largest(&server) {
                    memory_looked_at.reset_after(FREED_WITHIN);
                },
            }
        }
        drop(listener);
        server.connections.finish_all();
        let all_gone = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(server.options.shutdown_grace, all_gone)
            .await
            .is_err()
        {
            server.connections.end_all();
            let all_gone = async { while tasks.join_next().await.is_some() {} };
            // Then they are dropped where they stand.
            let _ = tokio::time::timeout(Duration::from_secs(1), all_gone).await;
        }
    }
}

async fn serve(socket: TcpStream, peer: IpAddr, server: Arc<Server>, entrance: Entrance) {
    // Answers are short and wanted at once; a socket that refuses this still works.
    let _ = socket.set_nodelay(true);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE_AGAIN)
        .with_retries(KEEPALIVE_TIMES);
    let _ = SockRef::from(&socket).set_tcp_keepalive(&keepalive);
    connection::serve(socket, peer, server, entrance).await;
}

/// Tells a client that there is no way in, without waiting for it in any way.
fn refuse(socket: TcpStream) {
    activity::connection_refused();
    let error = PgError::fatal(code::TOO_MANY, "sorry, too many clients are logging in");
    let message = wire::encoded(&Backend::ErrorResponse(error.into_response()));
    // It is a small message to an empty socket; who does not get it is refused all the same.
    if let Ok(socket) = socket.into_std() {
        let _ = (&socket).write(&message);
    }
}

/// Gives up the largest statement where the process holds nearly all that it may; tells whether there was one.
fn give_up_largest(server: &Server) -> bool {
    if !server.process_memory.is_nearly_full() {
        return false;
    }
    let Some(largest) = server.activity.largest() else {
        return false;
    };
    largest.give_up();
    tracing::warn!(
        pid = largest.pid,
        user = logged(&largest.user.info.name),
        held = server.process_memory.held(),
        "the server holds nearly all that it may: its largest statement ends"
    );
    true
}

/// Ends the sessions of users and tokens that are gone, and of users that have another password, role or account now.
fn end_of_users(server: &Server) {
    server
        .connections
        .end_where(|user| match server.users.is_current(user) {
            Ok(is_current) => !is_current,
            Err(error) => {
                // No new login is possible; who is in stays, rather than all falling out over a slip of the hand.
                tracing::error!("{error}");
                false
            }
        });
}
