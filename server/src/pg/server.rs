//! The listening side: accepts connections, within limits, and ends them all when the server stops.

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
use super::resources::connection_limits::Entrance;
use super::session::backend::Backend;
use super::shared::{PgOptions, Server};
use super::statements::{Inquirer, opening};
use super::wire::framing;
use crate::users::{Attempts, Users};
use rapport_pgsql::error::{PgError, code, logged};

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

    /// The address that it listens at.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Returns what runs statements on behalf of others than connections.
    pub fn inquirer(&self) -> Inquirer {
        Inquirer::new(Arc::clone(&self.server))
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
    opening::serve(socket, peer, server, entrance).await;
}

/// Tells a client that there is no way in, without waiting for it in any way.
fn refuse(socket: TcpStream) {
    activity::connection_refused();
    let error = PgError::fatal(code::TOO_MANY, "sorry, too many clients are logging in");
    let message = framing::encoded(&Message::ErrorResponse(error.into_response()));
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
