//! `POST /v1/events`: lands the events of a request, and answers once they are durable.
//!
//! The request is NDJSON, plain or compressed. It is read as a whole before any of it is landed, so a request that breaks off
//! lands nothing. Its source, which its rejected lines are kept under, is made of the token's name and the text, so that one
//! that is sent again rejects the same lines, and they are kept once (SPEC E3).

use std::io::{self, Cursor, Read};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::Response;
use futures::StreamExt;
use mime::Mime;
use rapport_engine::land::{gunzipped, unzstd};
use rapport_engine::{LandReport, LandSource};
use serde_json::json;

use super::caller::Writer;
use super::problem::Problem;
use super::{Api, json};
use crate::hex;
use crate::landing::Room;

/// The media types of NDJSON; no registry has one.
pub const NDJSON: [&str; 2] = ["application/x-ndjson", "application/ndjson"];
/// How long a client may take to send a request.
const SENDING: Duration = Duration::from_secs(60);
/// How much text is decompressed at a time.
const STEP: u64 = 64 * 1024;
/// How many bytes of the text's hash are in the name of its source.
const HASH_BYTES: usize = 8;

/// The content codings of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Identity,
    Gzip,
    Zstd,
}

/// Lands the events of a request.
pub async fn land(
    State(api): State<Api>,
    writer: Writer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let coding = coding(&headers)?;
    let most = api.lander.request_bytes();
    let mut room = api.lander.room().map_err(Problem::full)?;
    let sent = tokio::time::timeout(SENDING, read(body, most, &mut room)).await;
    let sent = sent.map_err(|_| Problem::too_slow())??;
    let turn = api.lander.decoder().await;
    let decoding = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let text = decode(sent, coding, most, &mut room)?;
        let hash = hex::encode(&digest(&SHA256, &text).as_ref()[..HASH_BYTES]);
        Ok::<_, Problem>((text, hash, room))
    });
    let (text, hash, room) = decoding.await.map_err(Problem::internal)??;
    let source = format!("http/{}/{hash}", writer.name);
    let lines = LandSource::lines(source.as_str(), text, writer.account);
    let report = api.lander.land(lines, room).await;
    Ok(json(&told(&source, &report.map_err(Problem::not_landed)?)))
}

/// Tells what was landed, in the words of `rapport land`.
fn told(source: &str, report: &LandReport) -> serde_json::Value {
    let rejection =
        |line: &rapport_engine::land::Rejection| json!({"line": line.line, "reason": line.reason});
    let rejections: Vec<_> = report.rejections.iter().map(rejection).collect();
    json!({
        "source": source,
        "lines": report.lines,
        "landed": report.landed,
        "duplicates": report.duplicates,
        "rejected": report.rejected,
        "rejections": rejections,
    })
}

/// Returns the coding of a request that has the media type of events.
fn coding(headers: &HeaderMap) -> Result<Coding, Problem> {
    let media = headers.get(CONTENT_TYPE);
    let media = media.and_then(|media| media.to_str().ok()?.parse().ok());
    if !media.is_some_and(|media: Mime| NDJSON.contains(&media.essence_str())) {
        return Err(Problem::unsupported(format!(
            "expected events, one JSON object a line, as Content-Type: {}",
            NDJSON[0]
        )));
    }
    let named: Vec<_> = headers.get_all(CONTENT_ENCODING).iter().collect();
    let named = match named[..] {
        [] => "identity",
        [one] => one.to_str().unwrap_or_default(),
        _ => "",
    };
    match named.trim().to_ascii_lowercase().as_str() {
        "identity" => Ok(Coding::Identity),
        "gzip" | "x-gzip" => Ok(Coding::Gzip),
        "zstd" => Ok(Coding::Zstd),
        _ => Err(Problem::unsupported(
            "expected Content-Encoding: gzip or zstd, or none",
        )),
    }
}

/// Reads the body as it was sent. One that is refused is read on for as much as a request may have, since a client that still
/// sends may not look for the answer.
async fn read(body: Body, most: usize, room: &mut Room) -> Result<Vec<u8>, Problem> {
    let (mut sent, mut bytes, mut refused) = (Vec::new(), 0, None);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk: Bytes = chunk
            .map_err(|error| Problem::bad_request(format!("the request broke off: {error}")))?;
        bytes += chunk.len();
        if bytes > most {
            refused = Some(Problem::too_large(most));
        } else if refused.is_none() {
            refused = room.grow(chunk.len()).map_err(Problem::full).err();
        }
        if refused.is_none() {
            sent.extend_from_slice(&chunk);
        } else {
            sent = Vec::new();
            room.clear();
        }
        if bytes > 2 * most {
            break;
        }
    }
    match refused {
        Some(problem) => Err(problem),
        None => Ok(sent),
    }
}

/// Decompresses a body.
fn decode(sent: Vec<u8>, coding: Coding, most: usize, room: &mut Room) -> Result<Vec<u8>, Problem> {
    let broken = |error: io::Error| {
        Problem::bad_request(format!(
            "the body is not what Content-Encoding says: {error}"
        ))
    };
    let mut reader: Box<dyn Read> = match coding {
        Coding::Identity => return Ok(sent),
        // Of an empty body there is nothing to decompress.
        _ if sent.is_empty() => return Ok(sent),
        Coding::Gzip => Box::new(gunzipped(Cursor::new(sent)).map_err(broken)?),
        Coding::Zstd => Box::new(unzstd(Cursor::new(sent)).map_err(broken)?),
    };
    let mut text = Vec::new();
    loop {
        let read = reader.by_ref().take(STEP).read_to_end(&mut text);
        let read = read.map_err(broken)?;
        if read == 0 {
            return Ok(text);
        }
        if text.len() > most {
            return Err(Problem::too_large(most));
        }
        room.grow(read).map_err(Problem::full)?;
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_headers_tell_what_a_request_is() {
        for (media, codings, read) in [
            ("application/x-ndjson", &[][..], Some(Coding::Identity)),
            (
                "application/ndjson; charset=utf-8",
                &["identity"],
                Some(Coding::Identity),
            ),
            ("APPLICATION/X-NDJSON", &["GZIP"], Some(Coding::Gzip)),
            ("application/x-ndjson", &["x-gzip"], Some(Coding::Gzip)),
            ("application/x-ndjson", &[" zstd"], Some(Coding::Zstd)),
            ("application/x-ndjson", &["br"], None),
            ("application/x-ndjson", &["gzip, zstd"], None),
            ("application/x-ndjson", &["gzip", "gzip"], None),
            ("application/x-ndjson", &[""], None),
            ("application/json", &[], None),
            ("application/x-www-form-urlencoded", &[], None),
            ("x-ndjson", &[], None),
            ("", &[], None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
            for coding in codings {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            assert_eq!(coding(&headers).ok(), read, "{media} {codings:?}");
        }
        assert!(coding(&HeaderMap::new()).is_err());
    }
}
