//! Decoding of frontend messages: those that a client sends.
//!
//! A message is cut out of the stream by its length before its body is decoded, and every read of the body is checked. So a
//! malformed body is an error about that message, and never a panic or a loss of synchronisation.

use bytes::{Buf, Bytes};

use rapport_pgsql::error::PgError;

/// The first message of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// A request for TLS.
    Ssl,
    /// A request for GSSAPI encryption.
    Gss,
    /// A request to cancel the statement of another connection.
    Cancel {
        /// The process id of that connection.
        pid: i32,
        /// The key that it was given.
        key: Bytes,
    },
    /// A login.
    Startup {
        /// Minor version of protocol 3.
        minor: u16,
        /// `user`, `database` and settings.
        parameters: Vec<(String, String)>,
    },
}

/// The kind of object that Describe and Close name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A prepared statement.
    Statement,
    /// A portal.
    Portal,
}

/// The parameters and formats of a Bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The portal to make.
    pub portal: String,
    /// The prepared statement.
    pub statement: String,
    /// Formats of the parameters: none for text, one for all, or one for each.
    pub parameter_formats: Vec<i16>,
    /// The values; `None` for NULL.
    pub parameters: Vec<Option<Bytes>>,
    /// Formats of the result's columns, in the same way.
    pub result_formats: Vec<i16>,
}

/// A message of a client that is logged in, or logging in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A simple query.
    Query(String),
    /// Prepare a statement.
    Parse {
        /// Name of the statement, "" for the unnamed one.
        name: String,
        /// Its text.
        query: String,
        /// OIDs of the types of the first parameters, 0 where the server chooses.
        types: Vec<u32>,
    },
    /// Make a portal.
    Bind(Bind),
    /// Describe the columns of a statement or portal.
    Describe(Target, String),
    /// Run a portal.
    Execute {
        /// Its name.
        portal: String,
        /// How many rows at most; no limit at or below zero.
        max_rows: i32,
    },
    /// Close a statement or portal.
    Close(Target, String),
    /// Send what is buffered.
    Flush,
    /// End of a group of extended messages.
    Sync,
    /// End of the connection.
    Terminate,
    /// A password or a step of SASL.
    Password(Bytes),
    /// A function call, which is not supported.
    FunctionCall,
    /// Part of a COPY FROM. None runs here, so it is ignored, as PostgreSQL does after one that failed.
    Copy,
}

const CANCEL: i32 = 80_877_102;
const SSL: i32 = 80_877_103;
const GSS: i32 = 80_877_104;

/// Decodes the first message, given without its length.
///
/// # Errors
/// If it is malformed or of another protocol.
pub fn decode_opening(body: Bytes) -> Result<Opening, PgError> {
    let mut body = Reader(body);
    match body.i32()? {
        SSL => Ok(Opening::Ssl),
        GSS => Ok(Opening::Gss),
        CANCEL => {
            let pid = body.i32()?;
            Ok(Opening::Cancel { pid, key: body.0 })
        }
        version => {
            let (major, minor) = ((version >> 16) as u16, version as u16);
            if major != 3 {
                return Err(PgError::fatal(
                    "0A000",
                    format!(
                        "unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2"
                    ),
                ));
            }
            let mut parameters = Vec::new();
            loop {
                let name = body.text()?;
                if name.is_empty() {
                    break;
                }
                parameters.push((name, body.text()?));
            }
            body.end()?;
            Ok(Opening::Startup { minor, parameters })
        }
    }
}

/// Returns whether a message of this type is skipped between a failed message and the next Sync. An unknown type is not: the
/// client has lost synchronisation, and the connection ends.
pub fn is_skipped(kind: u8) -> bool {
    matches!(
        kind,
        b'Q' | b'P' | b'B' | b'D' | b'E' | b'C' | b'H' | b'F' | b'p' | b'd' | b'c' | b'f'
    )
}

/// Decodes the body of a message of this type.
///
/// # Errors
/// Fatal if the type is unknown; otherwise if the body is malformed.
pub fn decode(kind: u8, body: Bytes) -> Result<Message, PgError> {
    let mut body = Reader(body);
    let message = match kind {
        b'Q' => Message::Query(body.text()?),
        b'P' => {
            let name = body.text()?;
            let query = body.text()?;
            let count = body.count()?;
            let types = (0..count)
                .map(|_| body.i32().map(|oid| oid as u32))
                .collect::<Result<_, _>>()?;
            Message::Parse { name, query, types }
        }
        b'B' => Message::Bind(bind(&mut body)?),
        b'D' => Message::Describe(body.target()?, body.text()?),
        b'E' => Message::Execute {
            portal: body.text()?,
            max_rows: body.i32()?,
        },
        b'C' => Message::Close(body.target()?, body.text()?),
        b'H' => Message::Flush,
        b'S' => Message::Sync,
        b'X' => Message::Terminate,
        b'p' => return Ok(Message::Password(body.0)),
        b'F' => return Ok(Message::FunctionCall),
        b'd' | b'c' | b'f' => return Ok(Message::Copy),
        other => {
            return Err(PgError::fatal(
                "08P01",
                format!("invalid frontend message type {other}"),
            ));
        }
    };
    body.end()?;
    Ok(message)
}

fn bind(body: &mut Reader) -> Result<Bind, PgError> {
    let portal = body.text()?;
    let statement = body.text()?;
    let parameter_formats = body.formats()?;
    let count = body.count()?;
    let mut parameters = Vec::new();
    for _ in 0..count {
        let length = body.i32()?;
        parameters.push(match usize::try_from(length) {
            Ok(length) => Some(body.bytes(length)?),
            Err(_) if length == -1 => None,
            Err(_) => return Err(malformed()),
        });
    }
    let result_formats = body.formats()?;
    Ok(Bind {
        portal,
        statement,
        parameter_formats,
        parameters,
        result_formats,
    })
}

/// Decodes a SASLInitialResponse into the mechanism and its first data.
///
/// # Errors
/// If it is malformed.
pub fn decode_sasl_initial(body: Bytes) -> Result<(String, Bytes), PgError> {
    let mut body = Reader(body);
    let mechanism = body.text()?;
    let length = usize::try_from(body.i32()?).map_err(|_| malformed())?;
    let data = body.bytes(length)?;
    body.end()?;
    Ok((mechanism, data))
}

fn malformed() -> PgError {
    PgError::protocol("invalid message format")
}

/// Reads a body; each read checks what is left.
struct Reader(Bytes);

impl Reader {
    fn i32(&mut self) -> Result<i32, PgError> {
        self.0.try_get_i32().map_err(|_| malformed())
    }

    fn i16(&mut self) -> Result<i16, PgError> {
        self.0.try_get_i16().map_err(|_| malformed())
    }

    /// Reads a number of elements: 16 bits, which clients use as unsigned.
    fn count(&mut self) -> Result<usize, PgError> {
        Ok(usize::from(self.i16()? as u16))
    }

    fn formats(&mut self) -> Result<Vec<i16>, PgError> {
        let count = self.count()?;
        (0..count)
            .map(|_| match self.i16()? {
                format @ (0 | 1) => Ok(format),
                other => Err(PgError::new(
                    "22023",
                    format!("unsupported format code: {other}"),
                )),
            })
            .collect()
    }

    fn target(&mut self) -> Result<Target, PgError> {
        match self.0.try_get_u8() {
            Ok(b'S') => Ok(Target::Statement),
            Ok(b'P') => Ok(Target::Portal),
            _ => Err(malformed()),
        }
    }

    fn bytes(&mut self, length: usize) -> Result<Bytes, PgError> {
        if self.0.len() < length {
            return Err(malformed());
        }
        Ok(self.0.split_to(length))
    }

    /// Reads text up to a NUL.
    fn text(&mut self) -> Result<String, PgError> {
        let length = self
            .0
            .iter()
            .position(|byte| *byte == 0)
            .ok_or_else(malformed)?;
        let text = self.0.split_to(length);
        self.0.advance(1);
        String::from_utf8(text.to_vec())
            .map_err(|_| PgError::new("22021", "invalid byte sequence for encoding \"UTF8\""))
    }

    fn end(&self) -> Result<(), PgError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(malformed())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_body_of_any_type_panics(kind in any::<u8>(), body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(kind, Bytes::from(body.clone()));
            let _ = decode_opening(Bytes::from(body.clone()));
            let _ = decode_sasl_initial(Bytes::from(body));
        }
    }

    #[test]
    fn counts_are_checked_against_the_length_of_the_body() {
        // A Bind that promises 65535 parameters and brings none.
        let body = Bytes::from_static(b"\0\0\0\0\xff\xff");
        assert_eq!(decode(b'B', body).unwrap_err().code, "08P01");
        // One parameter of 2 GiB.
        let body = Bytes::from_static(b"\0\0\0\0\0\x01\x7f\xff\xff\xff");
        assert_eq!(decode(b'B', body).unwrap_err().code, "08P01");
    }

    #[test]
    fn trailing_bytes_are_an_error() {
        assert_eq!(
            decode(b'S', Bytes::from_static(b"x")).unwrap_err().code,
            "08P01"
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_an_error() {
        assert_eq!(
            decode(b'Q', Bytes::from_static(b"\xff\0"))
                .unwrap_err()
                .code,
            "22021"
        );
    }
}
