//! Times the page as a browser sees it: from the request to the last byte of the answer.
//!
//! Prints what the first view after the server's start takes, views that nobody has asked for before, the same view again
//! and again, what a view weighs with its assets, and a late page of the conversations beside the first. One connection, one
//! request after the other. The server must be running, on plain HTTP.

use std::error::Error;
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT_ENCODING, CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::form_urlencoded::Serializer;

type Failure = Box<dyn Error>;

/// Times the page over HTTP.
#[derive(Parser)]
struct Arguments {
    /// Where the server is.
    #[arg(long, default_value = "127.0.0.1:8080")]
    address: String,
    /// Who looks.
    #[arg(long)]
    user: String,
    /// With which password.
    #[arg(long)]
    password: String,
    /// The last day of the range.
    #[arg(long)]
    to: NaiveDate,
    /// How many days it has.
    #[arg(long, default_value_t = 30)]
    days: u64,
    /// How often each is timed.
    #[arg(long, default_value_t = 100)]
    runs: usize,
    /// Which page of the conversations is held against the first.
    #[arg(long, default_value_t = 1000)]
    page: usize,
}

/// A browser with what it has been told to keep.
struct Browser {
    address: String,
    sender: SendRequest<Full<Bytes>>,
    cookies: Vec<(String, String)>,
}

/// A whole answer, and how long it took.
struct Answer {
    status: StatusCode,
    body: Bytes,
    took: Duration,
}

impl Browser {
    async fn open(address: &str) -> Result<Browser, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Browser {
            address: address.to_owned(),
            sender,
            cookies: Vec::new(),
        })
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        encoding: &str,
        form: Option<String>,
    ) -> Result<Answer, Failure> {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.address)
            .header(ORIGIN, format!("http://{}", self.address))
            .header(ACCEPT_ENCODING, encoding)
            .header(COOKIE, cookies.join("; "));
        let request = match form {
            Some(form) => request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Full::from(form)),
            None => request.body(Full::default()),
        }?;
        let begin = Instant::now();
        self.sender.ready().await?;
        let reply = self.sender.send_request(request).await?;
        let (head, body) = reply.into_parts();
        let body = body.collect().await?.to_bytes();
        let took = begin.elapsed();
        for cookie in head.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
            if let Some((name, value)) = cookie.split_once('=') {
                self.cookies.retain(|(known, _)| known != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(Answer {
            status: head.status,
            body,
            took,
        })
    }

    /// Gets a view that must be there.
    async fn view(&mut self, path: &str, encoding: &str) -> Result<Answer, Failure> {
        let answer = self.ask(Method::GET, path, encoding, None).await?;
        if answer.status != StatusCode::OK {
            return Err(format!("{path} is answered with {}", answer.status).into());
        }
        Ok(answer)
    }

    async fn log_in(&mut self, user: &str, password: &str) -> Result<(), Failure> {
        let form = self.view("/login", "identity").await?;
        let html = String::from_utf8_lossy(&form.body).into_owned();
        let csrf = after(&html, "name=\"csrf\" value=\"").ok_or("the login form has no token")?;
        let fields = [("csrf", csrf), ("user", user), ("password", password)];
        let form = Serializer::new(String::new()).extend_pairs(fields).finish();
        let answer = self
            .ask(Method::POST, "/login", "identity", Some(form))
            .await?;
        match answer.status {
            StatusCode::SEE_OTHER => Ok(()),
            status => Err(format!("the login is answered with {status}").into()),
        }
    }
}

/// What stands between a text and the next quotation mark.
fn after<'a>(html: &'a str, text: &str) -> Option<&'a str> {
    html.split_once(text)?.1.split('"').next()
}

/// The address of the next page of a list.
fn next(answer: &Answer) -> Option<String> {
    let html = String::from_utf8_lossy(&answer.body).into_owned();
    let link = after(&html, "rel=\"next\" href=\"")?;
    Some(link.replace("&#38;", "&").split('#').next()?.to_owned())
}

/// The addresses of what a view is shown with.
fn assets(html: &str) -> Vec<String> {
    let mut assets: Vec<String> = html
        .split('"')
        .filter(|text| text.starts_with("/assets/"))
        .map(str::to_owned)
        .collect();
    assets.sort();
    assets.dedup();
    assets
}

fn print(what: &str, mut times: Vec<Duration>) -> f64 {
    times.sort();
    let at = |share: usize| {
        let place = (times.len() * share / 100).min(times.len().saturating_sub(1));
        times
            .get(place)
            .map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    println!(
        "{what:32} {:4} runs  min {:7.1} ms  median {:7.1} ms  p95 {:7.1} ms  max {:7.1} ms",
        times.len(),
        at(0),
        at(50),
        at(95),
        at(100)
    );
    at(50)
}

fn path(to: NaiveDate, days: u64, more: &str) -> String {
    let from = to - Days::new(days - 1);
    format!("/performance?from={from}&to={to}{more}")
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let mut browser = Browser::open(&arguments.address).await?;
    browser.log_in(&arguments.user, &arguments.password).await?;
    let first = path(arguments.to, arguments.days, "");
    let cold = browser.view(&first, "br").await?;
    print("the first view", vec![cold.took]);

    let mut others = Vec::new();
    for (back, more) in (1..=10).flat_map(|back| {
        let channels = ["", "&channel=web_chat", "&channel=email,sms"];
        channels.map(|more| (back, more))
    }) {
        let to = arguments.to - Days::new(back);
        let view = browser.view(&path(to, arguments.days, more), "br").await?;
        others.push(view.took);
    }
    print("views not seen before", others);

    let mut again = Vec::new();
    for _ in 0..arguments.runs {
        again.push(browser.view(&first, "br").await?.took);
    }
    print("one view again", again);

    let plain = browser.view(&first, "identity").await?;
    let html = String::from_utf8_lossy(&plain.body).into_owned();
    let mut weight = cold.body.len();
    for asset in assets(&html) {
        weight += browser.view(&asset, "br").await?.body.len();
    }
    println!(
        "over the wire: {} bytes of HTML, {weight} with its assets; {} of HTML unpacked",
        cold.body.len(),
        plain.body.len()
    );

    let (mut late, mut page) = (first.clone(), 1);
    let mut answer = plain;
    while page < arguments.page {
        let Some(link) = next(&answer) else { break };
        answer = browser.view(&link, "identity").await?;
        (late, page) = (link, page + 1);
    }
    let (mut of_first, mut of_late) = (Vec::new(), Vec::new());
    for _ in 0..arguments.runs {
        of_first.push(browser.view(&first, "br").await?.took);
        of_late.push(browser.view(&late, "br").await?.took);
    }
    let of_first = print("page 1 of the conversations", of_first);
    let of_late = print(&format!("page {page}"), of_late);
    println!("page {page} takes {:.2} times page 1", of_late / of_first);
    Ok(())
}
