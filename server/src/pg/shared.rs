//! What all connections of the endpoint share: its options, users, limits and the backend.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::activity::Activity;
use super::catalog::Catalogs;
use super::resources::admission::Admission;
use super::resources::connection_limits::ConnectionLimits;
use super::resources::memory::MemoryShares;
use super::resources::process_memory::ProcessMemory;
use super::resources::runtimes::QueryRuntimes;
use super::resources::signals::Connections;
use super::session::backend::Backend;
use super::wire::tls::Encryption;
use crate::users::{Attempts, LoginLimits, Users};

/// Options of the endpoint.
#[derive(Debug, Clone)]
pub struct PgOptions {
    /// The most connections that are logged in at a time; the next one is refused with 53300.
    pub max_connections: usize,
    /// The most of them that one account has.
    pub connections_per_account: usize,
    /// Threads that run the queries of one account; connections are served by others.
    pub query_threads: usize,
    /// The most statements of an account that run at a time. Operators count as one account.
    pub statements_per_account: usize,
    /// The most bytes that the process holds; when it nears that, the largest statement is killed.
    pub process_memory: usize,
    /// The most bytes that the statements of one account hold together.
    pub account_memory: usize,
    /// The most bytes that the statements of one session hold together.
    pub session_memory: usize,
    /// Statements that take this long or longer are logged; with `None` none is.
    pub slow_statement: Option<Duration>,
    /// How long a statement waits to be admitted.
    pub queue_timeout: Duration,
    /// How long a statement may run unless its session sets another limit; zero is no limit.
    pub statement_timeout: Duration,
    /// How many logins may fail before further ones are refused.
    pub login_limits: LoginLimits,
    /// How long a login may take.
    pub login_timeout: Duration,
    /// How long a session may be idle, in a transaction or not, whatever its settings; zero is no limit.
    pub idle_timeout: Duration,
    /// How long sending may take to a client that does not read.
    pub write_timeout: Duration,
    /// How long statements may still run at shutdown.
    pub shutdown_grace: Duration,
    /// The most bytes of a message from a client that has logged in.
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

/// The state that all connections share.
pub(super) struct Server {
    pub(super) options: PgOptions,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) users: Users,
    pub(super) attempts: Arc<Attempts>,
    pub(super) runtimes: QueryRuntimes,
    pub(super) connections: Arc<Connections>,
    pub(super) connection_limits: ConnectionLimits,
    pub(super) admission: Admission,
    pub(super) memory: MemoryShares,
    pub(super) process_memory: Arc<ProcessMemory>,
    pub(super) activity: Arc<Activity>,
    pub(super) catalogs: Catalogs,
}

impl Server {
    /// Makes the shared state, with the limits of the options.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn new(
        backend: Arc<dyn Backend>,
        users: Users,
        options: PgOptions,
    ) -> io::Result<Server> {
        let process_memory = Arc::new(ProcessMemory::new(options.process_memory));
        Ok(Server {
            backend,
            users,
            attempts: Arc::new(Attempts::new(options.login_limits)),
            runtimes: QueryRuntimes::new(options.query_threads)?,
            connections: Arc::default(),
            connection_limits: ConnectionLimits::new(
                options.max_connections,
                options.connections_per_account,
            ),
            admission: Admission::new(options.statements_per_account, options.queue_timeout),
            memory: MemoryShares::new(
                options.account_memory,
                options.session_memory,
                Arc::clone(&process_memory),
            ),
            process_memory,
            activity: Arc::new(Activity::new(options.slow_statement)),
            catalogs: Catalogs::default(),
            options,
        })
    }
}
