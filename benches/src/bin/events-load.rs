//! How fast a server lands events over HTTP, and how long a client waits until they are durable.
//!
//! Each client sends batches one after the other, over a connection of its own: conversations of invented shops, whose events
//! have ids of this run. Prints the events per second of all clients, and percentiles of the time from the first byte of a
//! request to its answer. The server must be running; the token must be able to write to all accounts.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{SecondsFormat, Utc};
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The events of a conversation.
const PER_CONVERSATION: usize = 10;

/// Posts events to a server and times the answers.
#[derive(Parser)]
struct Arguments {
    /// Where the server's HTTP is.
    #[arg(long, default_value = "127.0.0.1:8080")]
    address: SocketAddr,
    /// A token that may write to all accounts.
    #[arg(long)]
    token: String,
    /// How many clients send at a time.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// The events of a batch.
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
    /// The batches that each client sends.
    #[arg(long, default_value_t = 100)]
    batches: usize,
    /// The shops that the events are of.
    #[arg(long, default_value_t = 20)]
    accounts: usize,
}

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arc::new(Arguments::parse());
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..arguments.clients {
        clients.spawn(send(Arc::clone(&arguments), format!("{run}-{client}")));
    }
    let (mut times, mut repeated) = (Vec::new(), 0);
    while let Some(sent) = clients.join_next().await {
        let sent = sent??;
        times.extend(sent.times);
        repeated += sent.repeated;
    }
    let seconds = begin.elapsed().as_secs_f64();
    times.sort_unstable();
    let events = times.len() * arguments.batch;
    println!(
        "{} clients, {} batches of {} events: {:.0} events/s; answered after p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms; {repeated} sent again",
        arguments.clients,
        times.len(),
        arguments.batch,
        events as f64 / seconds,
        percentile(&times, 50),
        percentile(&times, 99),
        percentile(&times, 100),
    );
    Ok(())
}

/// Returns a percentile of sorted times, in milliseconds.
fn percentile(times: &[Duration], percent: usize) -> f64 {
    let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times
        .get(index)
        .map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

/// What sending gave.
struct Sent {
    times: Vec<Duration>,
    /// The requests that the server had no room for.
    repeated: usize,
}

/// Sends the batches of one client.
async fn send(arguments: Arc<Arguments>, client: String) -> Result<Sent, Failure> {
    let stream = TcpStream::connect(arguments.address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // How a connection ends is seen by what its client gets.
    tokio::spawn(async { drop(connection.await) });
    let (mut times, mut repeated) = (Vec::new(), 0);
    for batch in 0..arguments.batches {
        let body = Bytes::from(events(&arguments, &format!("{client}-{batch}")));
        let begin = Instant::now();
        while !post(&mut sender, &arguments, body.clone()).await? {
            repeated += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        times.push(begin.elapsed());
    }
    Ok(Sent { times, repeated })
}

/// Writes a batch: conversations of messages, now.
fn events(arguments: &Arguments, batch: &str) -> String {
    let at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut lines = String::new();
    for event in 0..arguments.batch {
        let conversation = event / PER_CONVERSATION;
        let account = conversation % arguments.accounts.max(1);
        let what = match event % PER_CONVERSATION {
            0 => {
                r#""type":"conversation_started","channel":"web_chat","first_message":"Where is my order?""#
            }
            _ => {
                r#""type":"message_sent","sender":"agent","text":"It is on its way and arrives tomorrow.""#
            }
        };
        lines.push_str(&format!(
            "{{\"event_id\":\"{batch}-{event}\",\"account_id\":\"load-{account}\",\"occurred_at\":\"{at}\",\"conversation_id\":\"{batch}-{conversation}\",{what}}}\n"
        ));
    }
    lines
}

/// Posts a batch. Returns whether all of it has landed; if not, the server had no room for it.
async fn post(
    sender: &mut SendRequest<Full<Bytes>>,
    arguments: &Arguments,
    body: Bytes,
) -> Result<bool, Failure> {
    let request = Request::post("/v1/events")
        .header(HOST, "rapport")
        .header(AUTHORIZATION, format!("Bearer {}", arguments.token))
        .header(CONTENT_TYPE, "application/x-ndjson")
        .body(Full::new(body))?;
    sender.ready().await?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let told = body.collect().await?.to_bytes();
    let told = String::from_utf8_lossy(&told);
    match head.status {
        StatusCode::TOO_MANY_REQUESTS => Ok(false),
        StatusCode::OK if told.contains(&format!("\"landed\":{},", arguments.batch)) => Ok(true),
        status => Err(format!("{status}: {told}").into()),
    }
}
