//! The start of a connection: encryption, then a cancel request, or a login and the session that it opens.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::response::{ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::{Authentication, BackendKeyData, SecretKey};
use pgwire::tokio::server::MaybeTls;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::connection::{Connection, close_with_error, put_changed_settings};
use crate::pg::activity::{self, Peer, Present};
use crate::pg::catalog;
use crate::pg::resources::connection_limits::{ConnectionSlot, LoginSlot};
use crate::pg::resources::signals::{Registration, Signals};
use crate::pg::session::Session;
use crate::pg::session::login;
use crate::pg::shared::Server;
use crate::pg::wire::framing::{ReadError, Wire};
use crate::pg::wire::startup::{StartupRequest, accept_tls, read_startup};
use rapport_pgsql::error::{PgError, code, logged};
use rapport_pgsql::settings::Settings;
use rapport_pgsql::types::zone::Zone;

/// Serves a client until its connection ends.
pub(in crate::pg) async fn serve(
    socket: TcpStream,
    peer: IpAddr,
    server: Arc<Server>,
    login_slot: LoginSlot,
) {
    let deadline = Instant::now() + server.options.login_timeout;
    let mut wire = Wire::new(MaybeTls::Plain(socket));
    let mut client = Peer {
        address: Some(peer),
        encrypted: false,
    };
    let mut request = timeout_at(
        deadline,
        read_startup(&mut wire, &server.options.encryption, false),
    )
    .await;
    if let Ok(Ok(StartupRequest::Tls(acceptor))) = &request {
        wire = match timeout_at(deadline, accept_tls(wire, acceptor)).await {
            Ok(Ok(wire)) => wire,
            // There is no stream left to send an error on.
            Ok(Err(error)) => return tracing::info!(peer = ?peer, "TLS failed: {error}"),
            Err(_) => return tracing::info!(peer = ?peer, "TLS took too long"),
        };
        client.encrypted = true;
        request = timeout_at(
            deadline,
            read_startup(&mut wire, &server.options.encryption, true),
        )
        .await;
    }
    let opened = match request {
        Ok(Ok(StartupRequest::Login { minor, parameters })) => {
            timeout_at(
                deadline,
                open(&mut wire, &server, client, minor, parameters),
            )
            .await
        }
        Ok(Ok(StartupRequest::Cancel { pid, key })) => return server.connections.cancel(pid, &key),
        Ok(Ok(StartupRequest::Tls(_))) => return,
        Ok(Err(error)) => Ok(Err(error)),
        Err(timed_out) => Err(timed_out),
    };
    let opened = match opened {
        Ok(Ok(opened)) => {
            activity::logged_in();
            drop(login_slot);
            opened
        }
        Ok(Err(ReadError::Lost)) => return,
        Ok(Err(ReadError::Invalid(error))) => {
            tracing::info!(peer = ?peer, "login refused: {}", logged(&error.to_string()));
            match error.code {
                code::TOO_MANY => activity::connection_refused(),
                _ => activity::login_refused(),
            }
            return close_with_error(
                &mut wire,
                PgError {
                    fatal: true,
                    ..error
                },
            )
            .await;
        }
        Err(_) => {
            let error = PgError::fatal(
                code::NOT_AUTHORIZED,
                "canceling authentication due to timeout",
            );
            return close_with_error(&mut wire, error).await;
        }
    };
    let Opened {
        session,
        present,
        registration,
        slot,
    } = opened;
    let connection = Connection::new(wire, server, session, present, registration, slot);
    connection.run_to_end().await;
}

/// The result of a login.
struct Opened {
    session: Session,
    present: Present,
    registration: Registration,
    slot: ConnectionSlot,
}

/// Logs the client in, opens its session and sends the answers up to the first ReadyForQuery.
async fn open(
    wire: &mut Wire<MaybeTls>,
    server: &Arc<Server>,
    peer: Peer,
    minor: u16,
    parameters: Vec<(String, String)>,
) -> Result<Opened, ReadError> {
    let login = login::log_in(
        wire,
        &server.users,
        &server.attempts,
        peer.address,
        minor,
        parameters,
    )
    .await?;

    // Taken after the login, so that nobody can take all slots without a password.
    let slot = server
        .connection_limits
        .take_slot(login.user.info.account.as_deref())?;
    let signals = Arc::new(Signals::default());
    let key = Bytes::from(
        (0..login.key_length)
            .map(|_| rand::random::<u8>())
            .collect::<Vec<_>>(),
    );
    let (pid, registration) =
        server
            .connections
            .register(key.clone(), Arc::clone(&login.user), Arc::clone(&signals));

    let account = login.user.info.account.as_deref();
    let runtime = server.runtimes.of(account).map_err(PgError::internal)?;
    let backend = server
        .backend
        .open(&login.user.info.name, account)
        .await
        .map_err(PgError::from)?;
    let zone = backend
        .time_zone()
        .and_then(|zone| Zone::parse(&zone))
        .unwrap_or(Zone::UTC);
    let timeout = server.options.statement_timeout;
    let mut settings = Settings::new(
        &login.user.info.name,
        catalog::SERVER_VERSION,
        zone,
        timeout,
    );
    for (name, value) in &login.settings {
        settings.set_initial(name, value)?;
    }
    let settings = Arc::new(Mutex::new(settings));
    let identity = catalog::Identity {
        user: login.user.info.clone(),
        pid,
        address: peer.address,
    };
    catalog::install(
        backend.context(),
        &identity,
        &server.catalogs,
        || backend.table_functions(),
        &settings,
        &server.activity,
    )
    .await
    .map_err(PgError::from)?;

    let present = server.activity.enter(
        pid,
        Arc::clone(&login.user),
        peer,
        Arc::clone(&settings),
        Arc::clone(&signals),
    );
    let memory = server
        .memory
        .session(account, &backend.context().runtime_env().memory_pool);
    let session = Session::new(backend, login.user, runtime, memory, signals, settings);
    wire.put(&Backend::Authentication(Authentication::Ok));
    put_changed_settings(wire, &session);
    let secret = match <[u8; 4]>::try_from(&key[..]) {
        Ok(four) => SecretKey::I32(i32::from_be_bytes(four)),
        Err(_) => SecretKey::Bytes(key),
    };
    wire.put(&Backend::BackendKeyData(BackendKeyData::new(pid, secret)));
    wire.put(&Backend::ReadyForQuery(ReadyForQuery::new(
        TransactionStatus::Idle,
    )));
    wire.flush().await?;
    Ok(Opened {
        session,
        present,
        registration,
        slot,
    })
}
