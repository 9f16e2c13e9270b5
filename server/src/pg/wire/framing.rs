//! The byte stream of one connection: frames in, messages out, both buffered.
//!
//! What always holds: a frame is never longer than the limit that its reader sets (so a client that has not logged
//! in cannot make the server hold more than a few kilobytes), and every wait can be given up and taken up again
//! without losing a byte, so that a running statement can be watched, read ahead for and cancelled at once.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use rapport_pgsql::error::PgError;

/// Bytes that are gathered before they are sent.
const OUTPUT_TARGET: usize = 64 * 1024;

/// The longest message before a client is logged in.
pub const MAX_MESSAGE: usize = 10_000;

/// Why nothing more can be read.
#[derive(Debug)]
pub enum ReadError {
    /// The peer is gone, or the network is.
    Lost,
    /// The peer sends what can be no frame.
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
    /// Around a stream, of which nothing has been read.
    pub fn new(io: S) -> Wire<S> {
        Wire {
            io,
            input: BytesMut::new(),
            output: BytesMut::new(),
        }
    }

    /// The stream, without what is buffered of it.
    pub fn into_stream(self) -> S {
        self.io
    }

    /// The first message of a connection, which has a length and no type.
    ///
    /// # Errors
    /// If the peer is gone or the length is not allowed.
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

    /// The next message: its type and its body. Before one is gathered, `hold` is asked whether there is room for so many
    /// bytes.
    ///
    /// # Errors
    /// If the peer is gone, the length is not allowed, or there is no room.
    pub async fn read(
        &mut self,
        limit: usize,
        hold: impl Fn(usize) -> Result<(), PgError>,
    ) -> Result<(u8, Bytes), ReadError> {
        let mut asked = false;
        loop {
            if self.input.len() >= 5 {
                let length = 1 + frame_length(&self.input[1..], limit)?;
                if !asked {
                    hold(length)?;
                    asked = true;
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

    /// Reads what there is into the buffer; may be given up and taken up again.
    ///
    /// # Errors
    /// If the peer is gone.
    pub async fn fill(&mut self) -> Result<(), ReadError> {
        self.input.reserve(4096);
        match self.io.read_buf(&mut self.input).await {
            Ok(0) | Err(_) => Err(ReadError::Lost),
            Ok(_) => Ok(()),
        }
    }

    /// How much has been read and not been taken.
    pub fn buffered(&self) -> usize {
        self.input.len()
    }

    /// Puts a message into the output buffer.
    pub fn put(&mut self, message: &PgWireBackendMessage) {
        let before = self.output.len();
        if let Err(error) = message.encode(&mut self.output) {
            // Only a message over a gigabyte cannot be encoded, and none of ours is.
            tracing::error!("a message to the client was left out: {error}");
            self.output.truncate(before);
        }
    }

    /// Puts encoded messages into the output buffer.
    pub fn put_encoded(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// Whether enough is buffered to be worth sending.
    pub fn is_full(&self) -> bool {
        self.output.len() >= OUTPUT_TARGET
    }

    /// Sends what is buffered; may be given up and taken up again.
    ///
    /// # Errors
    /// If the peer is gone.
    pub async fn flush(&mut self) -> io::Result<()> {
        while self.output.has_remaining() {
            if self.io.write_buf(&mut self.output).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        self.io.flush().await
    }

    /// Sends what is buffered and ends the stream.
    pub async fn close(&mut self) {
        // The peer may be gone already, which is as good.
        if self.flush().await.is_ok() {
            let _ = self.io.shutdown().await;
        }
    }
}

/// One message by itself, for a peer with which there is no conversation.
pub fn encoded(message: &PgWireBackendMessage) -> BytesMut {
    let mut bytes = BytesMut::new();
    if message.encode(&mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

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
