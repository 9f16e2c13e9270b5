//! Serves HTTP connections, with bounds on their number, on the time of a request's headers, and on the time that they
//! may go on after the server stops.
//!
//! `axum::serve` has none of these bounds: one client that never ends its request would keep a server from stopping.
//! With a certificate, a connection that begins with a TLS handshake is encrypted and any other is plain. Where
//! encryption is required, a plain connection reaches the monitoring routes alone and is redirected to HTTPS otherwise.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::client::Client;
use crate::pg::Encryption;

/// How many connections are served at a time; more wait to be accepted.
const CONNECTIONS: usize = 256;
/// How long a client may take to send a request's headers, and how long an idle connection is kept.
const HEADERS: Duration = Duration::from_secs(15);
/// How large a request's headers may be.
const HEADERS_BYTES: usize = 64 * 1024;
/// How long requests may go on after the server stops.
const GRACE: Duration = Duration::from_secs(5);
/// The first byte of a TLS handshake; no HTTP method begins with it.
const HANDSHAKE: u8 = 0x16;

/// Holds the routers of plain and of encrypted connections.
#[derive(Clone)]
pub struct Routers {
    /// Answers plain connections.
    pub plain: Router,
    /// Answers encrypted connections.
    pub encrypted: Router,
    /// Whether connections are encrypted, and with which certificate.
    pub encryption: Encryption,
}

/// Serves until `stop` is true.
pub async fn serve(listener: TcpListener, routers: Routers, stop: watch::Receiver<bool>) {
    let mut stopped = stop.clone();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut tasks = JoinSet::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            // A dropped sender stops it, too.
            _ = stopped.wait_for(|stop| *stop) => break,
            (place, accepted) = accepted => match accepted {
                Ok((socket, peer)) => {
                    let connection = accept(socket, peer.ip(), routers.clone(), stop.clone());
                    tasks.spawn(async move {
                        let _place = place;
                        connection.await;
                    });
                }
                Err(error) => {
                    // Most likely the process is out of file descriptors: others must close before more can open.
                    tracing::warn!("accepting an HTTP connection failed: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    drop(listener);
    let all_gone = async { while tasks.join_next().await.is_some() {} };
    // Connections that are not done by then are dropped.
    let _ = timeout(GRACE, all_gone).await;
}

/// Serves a connection; encrypts it if it begins with a TLS handshake.
async fn accept(
    socket: TcpStream,
    address: IpAddr,
    routers: Routers,
    mut stop: watch::Receiver<bool>,
) {
    // Responses must go out at once; a socket that refuses the option still works.
    let _ = socket.set_nodelay(true);
    let client = |encrypted| Client { address, encrypted };
    let Some(tls) = routers.encryption.tls() else {
        return serve_connection(TokioIo::new(socket), routers.plain, client(false), stop).await;
    };
    let begun = async {
        let mut first = [0];
        match timeout(HEADERS, socket.peek(&mut first)).await {
            Ok(Ok(1)) if first == [HANDSHAKE] => {}
            Ok(Ok(1)) => return Some(Err(socket)),
            _ => return None,
        }
        match timeout(HEADERS, tls.acceptor().accept(socket)).await {
            Ok(Ok(stream)) => Some(Ok(stream)),
            Ok(Err(error)) => {
                tracing::info!(peer = ?address, "TLS of an HTTP connection failed: {error}");
                None
            }
            Err(_) => None,
        }
    };
    let begun = tokio::select! {
        begun = begun => begun,
        _ = stop.wait_for(|stop| *stop) => None,
    };
    match begun {
        Some(Ok(stream)) => {
            serve_connection(TokioIo::new(stream), routers.encrypted, client(true), stop).await;
        }
        Some(Err(socket)) => {
            serve_connection(TokioIo::new(socket), routers.plain, client(false), stop).await;
        }
        None => {}
    }
}

async fn serve_connection<S>(
    stream: S,
    router: Router,
    client: Client,
    mut stop: watch::Receiver<bool>,
) where
    S: Read + Write + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(HEADERS_BYTES)
        .serve_connection(
            stream,
            TowerToHyperService::new(router.layer(Extension(client))),
        );
    tokio::pin!(connection);
    // An error that ends a connection early is the client's alone.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
