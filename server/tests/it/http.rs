//! Asking a server over HTTP.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap};
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A client, with what it says in every request.
#[derive(Clone)]
pub struct Http {
    address: SocketAddr,
    headers: Vec<(String, String)>,
    version: Version,
}

/// Why there is no answer: the server went away.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Http {
    /// Nobody in particular.
    pub fn new(address: SocketAddr) -> Http {
        Http {
            address,
            headers: Vec::new(),
            version: Version::HTTP_11,
        }
    }

    /// The bearer of a token.
    pub fn bearing(address: SocketAddr, token: &str) -> Http {
        Http::new(address).saying(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// The same with a header.
    pub fn saying(mut self, name: &str, value: &str) -> Http {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same in another version of HTTP.
    pub fn in_version(self, version: Version) -> Http {
        Http { version, ..self }
    }

    /// Sends a request without a body; answers once the headers of the answer are there.
    pub async fn begin(&self, method: Method, path: &str) -> Response<Incoming> {
        let sent = self.send(method, path, Bytes::new()).await;
        sent.unwrap()
    }

    /// Sends a request; answers once the headers of the answer are there.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // How a connection ends is seen by what its client gets.
            let _ = connection.await;
        });
        let mut request = Request::builder()
            .method(method)
            .version(self.version)
            .uri(path)
            .header(HOST, "rapport");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).unwrap();
        Ok(sender.send_request(request).await?)
    }

    /// Sends a request; answers with the whole answer.
    pub async fn ask(&self, method: Method, path: &str) -> Reply {
        whole(path, self.begin(method, path).await).await
    }

    /// Posts events; fails where the server goes away.
    pub async fn try_post(&self, events: impl Into<Bytes>) -> Result<Reply, Failure> {
        let path = "/v1/events";
        let answer = self.send(Method::POST, path, events.into()).await?;
        Ok(whole(path, answer).await)
    }

    /// Posts events.
    pub async fn post(&self, events: impl Into<Bytes>) -> Reply {
        self.try_post(events).await.unwrap()
    }

    /// Gets what is there.
    pub async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path).await
    }

    /// Gets what must be there.
    pub async fn good(&self, path: &str) -> Reply {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply
    }
}

async fn whole(path: &str, answer: Response<Incoming>) -> Reply {
    let (head, body) = answer.into_parts();
    let body = body.collect().await;
    let body = body.unwrap_or_else(|error| panic!("{path}: {error}"));
    Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.to_bytes(),
    }
}

impl Reply {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header; nothing if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}
