//! Connections of HTTP: so many at a time, each within its time, and all gone soon after the server stops.
//!
//! `axum::serve` bounds none of these: one client that never ends its request would keep a server from stopping.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 256;
/// How long a client may take to say what it wants, and an idle connection stays.
const HEADERS: Duration = Duration::from_secs(15);
/// What a request's headers may come to.
const HEADERS_BYTES: usize = 64 * 1024;
/// How long requests may go on once the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `stop` is true.
pub async fn serve(listener: TcpListener, router: Router, stop: watch::Receiver<bool>) {
    let mut stopped = stop.clone();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut tasks = JoinSet::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            // A sender that is gone means the same.
            _ = stopped.wait_for(|stop| *stop) => break,
            (place, accepted) = accepted => match accepted {
                Ok((socket, _)) => {
                    let connection = connection(socket, router.clone(), stop.clone());
                    tasks.spawn(async move {
                        let _place = place;
                        connection.await;
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: others must go before more can come.
                    tracing::warn!("accepting an HTTP connection failed: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    drop(listener);
    let all_gone = async { while tasks.join_next().await.is_some() {} };
    // Who is not done by then is dropped.
    let _ = tokio::time::timeout(GRACE, all_gone).await;
}

async fn connection(socket: TcpStream, router: Router, mut stop: watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(HEADERS_BYTES)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(router));
    tokio::pin!(connection);
    // What ends a connection early is its client's business.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
