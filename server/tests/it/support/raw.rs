//! A client of the Postgres protocol that sends exactly the messages that a test gives it.

use std::net::SocketAddr;

use bytes::{BufMut, BytesMut};
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Represents a message from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub kind: char,
    pub body: Vec<u8>,
}

impl Message {
    /// Returns a field of an error: `C` is the SQLSTATE, `S` the severity, `M` the message.
    pub fn field(&self, field: char) -> String {
        let mut rest = self.body.as_slice();
        while let Some((&kind, after)) = rest.split_first() {
            let end = after
                .iter()
                .position(|byte| *byte == 0)
                .unwrap_or(after.len());
            if char::from(kind) == field {
                return String::from_utf8_lossy(&after[..end]).into_owned();
            }
            rest = after.get(end + 1..).unwrap_or_default();
        }
        String::new()
    }

    /// Returns the tag of a CommandComplete.
    pub fn tag(&self) -> String {
        String::from_utf8_lossy(&self.body)
            .trim_end_matches('\0')
            .to_owned()
    }

    /// Returns the values of a DataRow.
    pub fn values(&self) -> Vec<Option<Vec<u8>>> {
        let mut at = 2;
        let mut values = Vec::new();
        while at < self.body.len() {
            let length = i32::from_be_bytes(self.body[at..at + 4].try_into().unwrap());
            at += 4;
            values.push(usize::try_from(length).ok().map(|length| {
                at += length;
                self.body[at - length..at].to_vec()
            }));
        }
        values
    }
}

/// Represents a connection.
pub struct Raw {
    stream: TcpStream,
    /// Process id and cancel key.
    pub key: (i32, Vec<u8>),
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Raw {
        Raw {
            stream: TcpStream::connect(address).await.unwrap(),
            key: (0, Vec::new()),
        }
    }

    /// Sends bytes as they are.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        // The server may have closed the connection, which the test sees when it reads.
        let _ = self.stream.write_all(bytes).await;
    }

    /// Closes the connection's sending side.
    pub async fn hang_up(&mut self) {
        // The server may have closed the connection before.
        let _ = self.stream.shutdown().await;
    }

    pub async fn send(&mut self, kind: char, body: &[u8]) {
        self.send_bytes(&message(kind, body)).await;
    }

    pub async fn send_startup(&mut self, parameters: &[(&str, &str)]) {
        let bytes = startup(3 << 16, parameters);
        self.send_bytes(&bytes).await;
    }

    /// Reads the next message; none at the end of the connection.
    pub async fn read(&mut self) -> Option<Message> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header).await.ok()?;
        let length = i32::from_be_bytes(header[1..].try_into().unwrap()) as usize - 4;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.ok()?;
        Some(Message {
            kind: char::from(header[0]),
            body,
        })
    }

    /// Reads one byte, such as the answer to a request for TLS.
    pub async fn read_byte(&mut self) -> u8 {
        self.stream.read_u8().await.unwrap()
    }

    /// Reads messages up to ReadyForQuery, or to the end of the connection.
    pub async fn read_to_ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.read().await {
            let ready = message.kind == 'Z';
            messages.push(message);
            if ready {
                break;
            }
        }
        messages
    }

    /// Reads messages to the end of the connection.
    pub async fn read_to_end(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.read().await {
            messages.push(message);
        }
        messages
    }

    /// Reads messages up to ReadyForQuery and returns their kinds.
    pub async fn kinds(&mut self) -> String {
        self.read_to_ready()
            .await
            .iter()
            .map(|message| message.kind)
            .collect()
    }

    pub async fn query(&mut self, sql: &str) -> Vec<Message> {
        let mut body = sql.as_bytes().to_vec();
        body.push(0);
        self.send('Q', &body).await;
        self.read_to_ready().await
    }

    /// Logs in and returns AuthenticationOk, or the error that the login fails with.
    pub async fn authenticate(&mut self, user: &str, password: &str) -> Message {
        self.send_startup(&[("user", user), ("database", "rapport")])
            .await;
        let asked = self.read().await.unwrap();
        if asked.kind != 'R' {
            return asked;
        }
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        self.send('p', &sasl_initial(SCRAM_SHA_256, scram.message()))
            .await;
        let first = self.read().await.unwrap();
        if first.kind != 'R' {
            return first;
        }
        scram.update(&first.body[4..]).unwrap();
        self.send('p', scram.message()).await;
        let last = self.read().await.unwrap();
        if last.kind != 'R' {
            return last;
        }
        scram.finish(&last.body[4..]).unwrap();
        self.read().await.unwrap()
    }

    pub async fn log_in(&mut self, user: &str, password: &str) {
        let ok = self.authenticate(user, password).await;
        assert_eq!((ok.kind, ok.body), ('R', vec![0, 0, 0, 0]));
        for message in self.read_to_ready().await {
            if message.kind == 'K' {
                let pid = i32::from_be_bytes(message.body[..4].try_into().unwrap());
                self.key = (pid, message.body[4..].to_vec());
            }
        }
    }

    pub async fn parse(&mut self, name: &str, sql: &str) {
        self.send(
            'P',
            &[name.as_bytes(), b"\0", sql.as_bytes(), b"\0\0\0"].concat(),
        )
        .await;
    }

    /// Binds a statement without parameters to a portal.
    pub async fn bind(&mut self, portal: &str, statement: &str) {
        self.send(
            'B',
            &[
                portal.as_bytes(),
                b"\0",
                statement.as_bytes(),
                b"\0\0\0\0\0\0\0",
            ]
            .concat(),
        )
        .await;
    }

    pub async fn execute(&mut self, portal: &str, max_rows: i32) {
        self.send(
            'E',
            &[portal.as_bytes(), b"\0", &max_rows.to_be_bytes()].concat(),
        )
        .await;
    }

    pub async fn sync(&mut self) {
        self.send('S', b"").await;
    }
}

pub fn message(kind: char, body: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    bytes.put_u8(kind as u8);
    bytes.put_i32(body.len() as i32 + 4);
    bytes.put_slice(body);
    bytes
}

pub fn startup(version: i32, parameters: &[(&str, &str)]) -> BytesMut {
    let mut body = BytesMut::new();
    body.put_i32(version);
    for (name, value) in parameters {
        body.put_slice(name.as_bytes());
        body.put_u8(0);
        body.put_slice(value.as_bytes());
        body.put_u8(0);
    }
    body.put_u8(0);
    let mut bytes = BytesMut::new();
    bytes.put_i32(body.len() as i32 + 4);
    bytes.put_slice(&body);
    bytes
}

pub fn sasl_initial(mechanism: &str, data: &[u8]) -> Vec<u8> {
    [
        mechanism.as_bytes(),
        b"\0",
        &(data.len() as i32).to_be_bytes(),
        data,
    ]
    .concat()
}

/// Makes a cancel request.
pub fn cancel(pid: i32, key: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    bytes.put_i32(12 + key.len() as i32);
    bytes.put_i32(80_877_102);
    bytes.put_i32(pid);
    bytes.put_slice(key);
    bytes
}
