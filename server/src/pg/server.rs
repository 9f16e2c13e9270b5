//! The listener: accepts connections within limits, watches memory and users, and ends all connections at shutdown.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pgwire::messages::PgWireBackendMessage as Message;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::activity;
use super::resources::connection_limits::LoginSlot;
use super::session::backend::Backend;
use super::shared::{PgOptions, Server};
use super::statements::{Inquirer, opening};
use super::wire::framing;
use crate::users::{Attempts, Users};
use rapport_pgsql::error::{PgError, code, logged};

/// TCP keepalive: how long a client may be silent before it is probed, how often, and how many times.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_AGAIN: Duration = Duration::from_secs(15);
const KEEPALIVE_TIMES: u32 = 4;

/// How often the memory of the process is checked.
const MEMORY_CHECK: Duration = Duration::from_millis(25);
/// How long a killed statement has to free its memory before another is killed.
const KILL_GRACE: Duration = Duration::from_millis(250);

/// The Postgres endpoint.
pub struct PgServer {
    listener: TcpListener,
    server: Arc<Server>,
}

impl PgServer {
    /// Listens at an address, for these users.
    ///
    /// # Errors
    /// If the address cannot be listened at, or the system gives no thread.
    pub async fn bind(
        address: impl ToSocketAddrs,
        backend: Arc<dyn Backend>,
        users: Users,
        options: PgOptions,
    ) -> std::io::Result<PgServer> {
        Ok(PgServer {
            listener: TcpListener::bind(address).await?,
            server: Arc::new(Server::new(backend, users, options)?),
        })
    }

    /// Returns the address that it listens at.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Returns a client for statements from within the process.
    pub fn inquirer(&self) -> Inquirer {
        Inquirer::new(Arc::clone(&self.server))
    }

    /// Returns the recent failed logins, which logins on the web page count with.
    pub fn attempts(&self) -> Arc<Attempts> {
        Arc::clone(&self.server.attempts)
    }

    /// Serves until `shutdown` is ready, and then waits for running statements, at most for the grace period.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let PgServer { listener, server } = self;
        let mut tasks = JoinSet::new();
        let mut users_check = tokio::time::interval(Duration::from_secs(1));
        let mut memory_check = tokio::time::interval(MEMORY_CHECK);
        memory_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = listener.accept() => match accepted {
                    Ok((socket, peer)) => match server.connection_limits.take_login_slot(Some(peer.ip())) {
                        Some(login_slot) => {
                            let server = Arc::clone(&server);
                            tasks.spawn(serve(socket, peer.ip(), server, login_slot));
                        }
                        None => refuse(socket),
                    },
                    Err(error) => {
                        // Out of file descriptors, most likely: others must close before more can be accepted.
                        tracing::warn!("accepting a Postgres connection failed: {error}");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = tasks.join_next() => {}
                _ = users_check.tick() => end_removed_users(&server),
                _ = memory_check.tick() => if kill_largest(&server) {
                    memory_check.reset_after(KILL_GRACE);
                },
            }
        }
        drop(listener);
        server.connections.end_all_when_idle();
        let all_gone = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(server.options.shutdown_grace, all_gone)
            .await
            .is_err()
        {
            server.connections.end_all();
            let all_gone = async { while tasks.join_next().await.is_some() {} };
            // Those that are left are dropped with `tasks`.
            let _ = tokio::time::timeout(Duration::from_secs(1), all_gone).await;
        }
    }
}

/// Sets the options of a socket and serves its client.
async fn serve(socket: TcpStream, peer: IpAddr, server: Arc<Server>, login_slot: LoginSlot) {
    // Answers are short and wanted at once. A socket that refuses these options still works.
    let _ = socket.set_nodelay(true);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE_AGAIN)
        .with_retries(KEEPALIVE_TIMES);
    let _ = SockRef::from(&socket).set_tcp_keepalive(&keepalive);
    opening::serve(socket, peer, server, login_slot).await;
}

/// Sends a client the error that too many are logging in, without waiting for it.
fn refuse(socket: TcpStream) {
    activity::connection_refused();
    let error = PgError::fatal(code::TOO_MANY, "sorry, too many clients are logging in");
    let message = framing::encode_alone(&Message::ErrorResponse(error.into_response()));
    // A small message fits into an empty socket buffer; if not, the client is refused without it.
    if let Ok(socket) = socket.into_std() {
        let _ = (&socket).write(&message);
    }
}

/// Kills the largest statement if the process is nearly full. Returns whether one was killed.
fn kill_largest(server: &Server) -> bool {
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

/// Ends the sessions of users and tokens that were removed, and of users whose password, role or account has changed.
fn end_removed_users(server: &Server) {
    server
        .connections
        .end_where(|user| match server.users.is_current(user) {
            Ok(is_current) => !is_current,
            Err(error) => {
                // New logins are refused while the file cannot be read; open sessions stay, so that a mistake in it ends none.
                tracing::error!("{error}");
                false
            }
        });
}
