//! The start of a connection: requests for encryption, then a startup message or a cancel request.

use bytes::Bytes;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::response::SslResponse;
use pgwire::tokio::server::MaybeTls;
use tokio_rustls::TlsAcceptor;

use super::framing::{MAX_LOGIN_MESSAGE, ReadError, Wire};
use super::frontend::{self, Opening};
use super::tls::{Encryption, Tls};
use rapport_pgsql::error::{PgError, code};

/// What a client asks for at the start of a connection.
pub enum StartupRequest {
    /// TLS, over which it then asks again.
    Tls(TlsAcceptor),
    /// A login.
    Login {
        /// The minor version of protocol 3.
        minor: u16,
        /// `user`, `database` and settings, as names and values.
        parameters: Vec<(String, String)>,
    },
    /// To cancel the statement of another connection, and nothing else.
    Cancel {
        /// The process id of that connection.
        pid: i32,
        /// The key that it was given.
        key: Bytes,
    },
}

/// Answers requests for encryption until the client asks for something else or TLS is accepted.
///
/// # Errors
/// If the client is gone, breaks the protocol, or logs in without the encryption that is required.
pub async fn read_startup(
    wire: &mut Wire<MaybeTls>,
    encryption: &Encryption,
    encrypted: bool,
) -> Result<StartupRequest, ReadError> {
    // One request for TLS and one for GSSAPI may come before the startup message.
    let mut requests = if encrypted { 2 } else { 0 };
    loop {
        let body = wire.read_opening(MAX_LOGIN_MESSAGE).await?;
        match frontend::decode_opening(body)? {
            Opening::Ssl | Opening::Gss if requests == 2 => {
                return Err(
                    PgError::fatal(code::PROTOCOL, "encryption was answered already").into(),
                );
            }
            request @ (Opening::Ssl | Opening::Gss) => {
                requests += 1;
                let tls = matches!(request, Opening::Ssl).then_some(encryption.tls());
                let acceptor = tls.flatten().map(Tls::acceptor);
                wire.put(&Backend::SslResponse(match acceptor {
                    Some(_) => SslResponse::Accept,
                    None => SslResponse::Refuse,
                }));
                wire.flush().await?;
                if let Some(acceptor) = acceptor {
                    return Ok(StartupRequest::Tls(acceptor));
                }
            }
            // Allowed without encryption: it tells nothing but a random key, and libpq sends it in plain text.
            Opening::Cancel { pid, key } => {
                return Ok(StartupRequest::Cancel { pid, key });
            }
            Opening::Startup { .. } if encryption.is_required() && !encrypted => {
                return Err(PgError::fatal(
                    code::NOT_AUTHORIZED,
                    "connections must be encrypted, and this one is not",
                )
                .hint("connect with sslmode=require, or better verify-full")
                .into());
            }
            Opening::Startup { minor, parameters } => {
                return Ok(StartupRequest::Login { minor, parameters });
            }
        }
    }
}

/// Makes the TLS handshake, and returns the encrypted stream.
///
/// # Errors
/// If the handshake fails, or the client sent bytes before the request for TLS was answered.
pub async fn accept_tls(
    wire: Wire<MaybeTls>,
    acceptor: &TlsAcceptor,
) -> std::io::Result<Wire<MaybeTls>> {
    // Such bytes came in plain text, perhaps from somebody in between, and must not count as encrypted.
    if wire.buffered() > 0 {
        return Err(std::io::Error::other(
            "bytes in plain text came after the request for TLS",
        ));
    }
    match wire.into_stream() {
        MaybeTls::Plain(socket) => {
            let stream = acceptor.accept(socket).await?;
            Ok(Wire::new(MaybeTls::Tls(Box::new(stream))))
        }
        _ => Err(std::io::Error::other("the connection is no plain one")),
    }
}
