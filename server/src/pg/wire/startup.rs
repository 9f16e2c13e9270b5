//! How a connection begins: requests for encryption, then a startup message or a cancel request.

use bytes::Bytes;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::response::SslResponse;
use pgwire::tokio::server::MaybeTls;
use tokio_rustls::TlsAcceptor;

use super::framing::{MAX_MESSAGE, ReadError, Wire};
use super::frontend::{self, Opening};
use super::tls::{Encryption, Tls};
use rapport_pgsql::error::{PgError, code};

/// What a connection begins with.
pub enum Greeting {
    /// It goes on in TLS, and says so again.
    Tls(TlsAcceptor),
    /// It wants to log in.
    Startup {
        /// The minor version of the protocol.
        minor: u16,
        /// Names and values.
        parameters: Vec<(String, String)>,
    },
    /// It asks to cancel the statement of another connection, and no more.
    Cancel {
        /// The process id of that connection.
        pid: i32,
        /// The key that it was given.
        key: Bytes,
    },
}

/// Answers requests for encryption until the client says what it wants.
///
/// # Errors
/// If it is gone, or says what it may not.
pub async fn greet(
    wire: &mut Wire<MaybeTls>,
    encryption: &Encryption,
    encrypted: bool,
) -> Result<Greeting, ReadError> {
    // One request for TLS and one for GSSAPI may come before the startup message.
    let mut requests = if encrypted { 2 } else { 0 };
    loop {
        let body = wire.read_opening(MAX_MESSAGE).await?;
        match frontend::opening(body)? {
            Opening::Ssl | Opening::Gss if requests == 2 => {
                return Err(
                    PgError::fatal(code::PROTOCOL, "encryption was answered already").into(),
                );
            }
            asked @ (Opening::Ssl | Opening::Gss) => {
                requests += 1;
                let tls = matches!(asked, Opening::Ssl).then_some(encryption.tls());
                let acceptor = tls.flatten().map(Tls::acceptor);
                wire.put(&Backend::SslResponse(match acceptor {
                    Some(_) => SslResponse::Accept,
                    None => SslResponse::Refuse,
                }));
                wire.flush().await?;
                if let Some(acceptor) = acceptor {
                    return Ok(Greeting::Tls(acceptor));
                }
            }
            // It says nothing but a key that was drawn at random; libpq sends it in plain text.
            Opening::Cancel { pid, key } => {
                return Ok(Greeting::Cancel { pid, key });
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
                return Ok(Greeting::Startup { minor, parameters });
            }
        }
    }
}

/// Goes on in TLS.
///
/// # Errors
/// If the client speaks none, or spoke before it had its answer.
pub async fn encrypt(
    wire: Wire<MaybeTls>,
    acceptor: &TlsAcceptor,
) -> std::io::Result<Wire<MaybeTls>> {
    // Bytes that came before the answer came in plain text, from whoever sits between, and must not count as encrypted.
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
