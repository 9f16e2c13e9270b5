//! The byte stream of one connection: frames in, messages out, both buffered.
//!
//! What always holds: a frame is never longer than the limit that its reader sets, so a client that has not logged in
//! cannot make the server hold more than a few kilobytes; and every wait is cancel-safe and loses no byte, so that the
//! connection can wait for a statement, for an interrupt and for more input at the same time.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use rapport_pgsql::error::PgError;

/// How many bytes are gathered before they are sent.
const OUTPUT_TARGET: usize = 64 * 1024;

/// The most bytes of a message from a client that has not logged in.
pub const MAX_LOGIN_MESSAGE: usize = 10_000;

/// Why nothing more can be read.
#[derive(Debug)]
pub enum ReadError {
    /// The client or the network is gone.
    Lost,
    /// The client sent something that is not a frame, or is not allowed now.
    Invalid(PgError),
}

impl From<PgError> for ReadError {
    fn from(error: PgError) -> ReadError {
        ReadError::Invalid(error)
    }
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> ReadError {
        ReadError::Lost
    }
}

/// A connection's stream with its buffers.
pub struct Wire<S> {
    io: S,
    input: BytesMut,
    output: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Wraps a stream from which nothing has been read.
    pub fn new(io: S) -> Wire<S> {
        Wire {
            io,
            input: BytesMut::new(),
            output: BytesMut::new(),
        }
    }

    /// Returns the stream, and drops what is buffered.
    pub fn into_stream(self) -> S {
        self.io
    }

    /// Reads the first message of a connection, which has a length and no type.
    ///
    /// # Errors
    /// If the client is gone, or the length is not allowed.
    pub async fn read_opening(&mut self, limit: usize) -> Result<Bytes, ReadError> {
        loop {
            if self.input.len() >= 4 {
                let length = frame_length(&self.input, limit)?;
                if length < 8 {
                    return Err(ReadError::Invalid(PgError::fatal(
                        "08P01",
                        "invalid length of startup packet",
                    )));
                }
                if self.input.len() >= length {
                    let mut frame = self.input.split_to(length);
                    frame.advance(4);
                    return Ok(frame.freeze());
                }
            }
            self.fill().await?;
        }
    }

    /// Reads the next message, and returns its type and body. `reserve` is called with its length in bytes before it is
    /// gathered.
    ///
    /// # Errors
    /// If the client is gone, the length is not allowed, or `reserve` fails.
    pub async fn read(
        &mut self,
        limit: usize,
        reserve: impl Fn(usize) -> Result<(), PgError>,
    ) -> Result<(u8, Bytes), ReadError> {
        let mut reserved = false;
        loop {
            if self.input.len() >= 5 {
                let length = 1 + frame_length(&self.input[1..], limit)?;
                if !reserved {
                    reserve(length)?;
                    reserved = true;
                }
                if self.input.len() >= length {
                    let mut frame = self.input.split_to(length);
                    let kind = frame[0];
                    frame.advance(5);
                    return Ok((kind, frame.freeze()));
                }
                self.input
                    .reserve((length - self.input.len()).min(OUTPUT_TARGET));
            }
            self.fill().await?;
        }
    }

    /// Reads what the client has sent into the buffer. Cancel-safe.
    ///
    /// # Errors
    /// If the client is gone.
    pub async fn fill(&mut self) -> Result<(), ReadError> {
        self.input.reserve(4096);
        match self.io.read_buf(&mut self.input).await {
            Ok(0) | Err(_) => Err(ReadError::Lost),
            Ok(_) => Ok(()),
        }
    }

    /// Returns how many bytes are read and not yet taken as a message.
    pub fn buffered(&self) -> usize {
        self.input.len()
    }

    /// Puts a message into the output buffer.
    pub fn put(&mut self, message: &PgWireBackendMessage) {
        let before = self.output.len();
        if let Err(error) = message.encode(&mut self.output) {
            // Only a message over a gigabyte cannot be encoded, and the server sends none.
            tracing::error!("a message to the client was left out: {error}");
            self.output.truncate(before);
        }
    }

    /// Puts encoded messages into the output buffer.
    pub fn put_encoded(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// Returns whether enough is buffered to be worth sending.
    pub fn is_full(&self) -> bool {
        self.output.len() >= OUTPUT_TARGET
    }

    /// Sends what is buffered. Cancel-safe.
    ///
    /// # Errors
    /// If the client is gone.
    pub async fn flush(&mut self) -> io::Result<()> {
        while self.output.has_remaining() {
            if self.io.write_buf(&mut self.output).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        self.io.flush().await
    }

    /// Sends what is buffered and closes the stream.
    pub async fn close(&mut self) {
        // The client may be gone already, which is as good.
        if self.flush().await.is_ok() {
            let _ = self.io.shutdown().await;
        }
    }
}

/// Encodes one message, for a client that gets no connection.
pub fn encode_alone(message: &PgWireBackendMessage) -> BytesMut {
    let mut bytes = BytesMut::new();
    if message.encode(&mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

/// Reads and checks the length at the start of a frame.
fn frame_length(header: &[u8], limit: usize) -> Result<usize, ReadError> {
    let length = header.get(..4).map_or(0, |mut bytes| bytes.get_i32());
    match usize::try_from(length) {
        Ok(length) if (4..=limit).contains(&length) => Ok(length),
        _ => Err(ReadError::Invalid(PgError::fatal(
            "08P01",
            format!("invalid message length {length}: expected 4 to {limit}"),
        ))),
    }
}
