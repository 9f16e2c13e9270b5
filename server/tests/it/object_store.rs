//! A lake on S3, over a server that speaks it and enforces conditional writes: moto, of the libraries that
//! `server/tests/clients/run --install` brings.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::crash::tables;
use crate::program::{Program, worked};

/// How often commands are killed.
const ROUNDS: u64 = 3;

/// A server of S3 with one bucket, `lakes`. It is killed when dropped.
struct S3 {
    server: Child,
    address: SocketAddr,
}

impl S3 {
    fn start() -> S3 {
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/run");
        let programs = Command::new(run).arg("--python").output().unwrap();
        let programs = String::from_utf8(programs.stdout).unwrap();
        let mut server = Command::new(Path::new(programs.trim()).join("moto_server"))
            .args(["--host", "127.0.0.1", "--port", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(server.stderr.take().unwrap()).lines();
        let address = said
            .find_map(|line| {
                Some(
                    line.unwrap()
                        .split_once("http://")?
                        .1
                        .trim()
                        .parse()
                        .unwrap(),
                )
            })
            .unwrap();
        // It says each request, and would stand still if nobody read that.
        std::thread::spawn(move || said.for_each(drop));
        let s3 = S3 { server, address };
        assert_eq!(request(s3.address, "PUT", "/lakes", ""), 200);
        s3
    }

    /// The program on a lake of the bucket, with credentials as the environment has them.
    fn program(&self, lake: &str) -> Program {
        on_s3(self.address, lake)
    }

    /// The number of objects in the bucket.
    fn objects(&self) -> u64 {
        let listed = answer(
            self.address,
            "GET",
            "/lakes?list-type=2&max-keys=100000",
            "",
        );
        listed.matches("<Key>").count() as u64
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn on_s3(address: SocketAddr, lake: &str) -> Program {
    Program::at(&format!("s3://lakes/{lake}"))
        .with("AWS_ENDPOINT_URL", &format!("http://{address}"))
        .with("AWS_ALLOW_HTTP", "true")
        .with("AWS_ACCESS_KEY_ID", "someone")
        .with("AWS_SECRET_ACCESS_KEY", "secret")
        .with("AWS_REGION", "eu-central-1")
        .with("RAPPORT_ROUND_EVENTS", "1")
}

/// Sends a request without a body; answers with all that comes back.
fn answer(address: SocketAddr, method: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Sends a request without a body; answers with the status.
fn request(address: SocketAddr, method: &str, path: &str, headers: &str) -> u16 {
    let answer = answer(address, method, path, headers);
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Makes events of two shops in a folder, and a lake of them on the local disk.
fn local(home: &Path) -> Program {
    let events = home.join("events");
    let program = Program::new(&home.join("lake"));
    let size = ["--accounts", "2", "--days", "4", "--conversations", "60"];
    program.ok(&[&["synth", "--out", events.to_str().unwrap()], &size[..]].concat());
    fill(&program, home);
    program
}

fn put(home: &Path) -> Vec<String> {
    let accounts = home.join("events/accounts.ndjson");
    ["accounts", "put", accounts.to_str().unwrap()]
        .map(str::to_owned)
        .to_vec()
}

fn land(home: &Path) -> Vec<String> {
    vec![
        "land".to_owned(),
        home.join("events").to_str().unwrap().to_owned(),
    ]
}

fn ok(program: &Program, command: &[String]) {
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    program.ok(&command);
}

fn start(program: &Program, command: &[String]) -> Child {
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let mut command = program.command(&command);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lands the events of a folder and derives them.
fn fill(program: &Program, home: &Path) {
    for command in [&put(home)[..], &land(home), &["derive".to_owned()]] {
        ok(program, command);
    }
}

#[test]
#[ignore = "needs moto: server/tests/clients/run --install"]
fn the_server_of_these_tests_enforces_conditional_writes() {
    let s3 = S3::start();
    // It does not check signatures.
    let once = "If-None-Match: *\r\nAuthorization: AWS4-HMAC-SHA256 Credential=someone/20260101/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n";
    assert_eq!(request(s3.address, "PUT", "/lakes/key", once), 200);
    assert_eq!(request(s3.address, "PUT", "/lakes/key", once), 412);
}

#[test]
#[ignore = "needs moto: server/tests/clients/run --install"]
fn a_lake_on_s3_has_the_tables_of_a_local_one() {
    let home = tempfile::tempdir().unwrap();
    let local = local(home.path());
    let s3 = S3::start();
    let program = s3.program("whole");
    let none = program.run(&["derive"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&none.stderr).contains("no lake at"),
        "{none:?}"
    );
    fill(&program, home.path());
    let expected = tables(&local);
    assert_eq!(tables(&program), expected);
    program.ok(&["maintain"]);
    assert_eq!(tables(&program), expected);
    program.ok(&["backfill", "--from", "2026-01-01", "--to", "2026-12-31"]);
    assert_eq!(tables(&program), expected);
    // What is landed again is a repetition (E1).
    ok(&program, &land(home.path()));
    assert_eq!(tables(&program), expected);
}

#[test]
#[ignore = "needs moto: server/tests/clients/run --install"]
fn writers_of_one_lake_on_s3_lose_and_double_nothing() {
    let home = tempfile::tempdir().unwrap();
    let expected = tables(&local(home.path()));
    let s3 = S3::start();
    for writers in [2, 4] {
        let program = s3.program(&format!("of-{writers}"));
        ok(&program, &put(home.path()));
        let derive = ["derive".to_owned()];
        let backfill =
            ["backfill", "--from", "2026-01-01", "--to", "2026-12-31"].map(str::to_owned);
        for _ in 0..2 {
            let land = land(home.path());
            let commands = [&land[..], &derive, &land, &backfill];
            let running = commands.into_iter().cycle().take(writers);
            let running: Vec<Child> = running.map(|command| start(&program, command)).collect();
            for child in running {
                worked(
                    &["one of several writers"],
                    child.wait_with_output().unwrap(),
                );
            }
        }
        program.ok(&["derive"]);
        assert_eq!(tables(&program), expected, "{writers} writers");
    }
}

#[test]
#[ignore = "needs moto: server/tests/clients/run --install"]
fn commands_killed_on_s3_are_finished_by_the_next() {
    let home = tempfile::tempdir().unwrap();
    let expected = tables(&local(home.path()));
    let s3 = S3::start();
    let mut random = SmallRng::seed_from_u64(3);
    for round in 0..ROUNDS {
        let program = s3.program(&format!("round-{round}"));
        ok(&program, &put(home.path()));
        for command in [land(home.path()), vec!["derive".to_owned()]] {
            let most = s3.objects() + random.random_range(0..40);
            let mut child = start(&program, &command);
            while child.try_wait().unwrap().is_none() && s3.objects() < most {}
            // It may have ended by itself just now.
            let _ = child.kill();
            child.wait().unwrap();
            ok(&program, &command);
        }
        assert_eq!(tables(&program), expected, "round {round}");
    }
}

/// Passes requests on to a server of S3, without their conditions.
fn without_conditions(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            std::thread::spawn(move || pass_on(client, server));
        }
    });
    address
}

/// Passes on one request and its answer, and closes.
fn pass_on(client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    let mut request = BufReader::new(client.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        request.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(text) = lower.strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
        if line == "\r\n" {
            server.write_all(b"Connection: close\r\n\r\n")?;
            break;
        }
        if !lower.starts_with("if-") && !lower.starts_with("connection:") {
            server.write_all(line.as_bytes())?;
        }
    }
    std::io::copy(&mut request.take(length), &mut server)?;
    std::io::copy(&mut server, &mut &client)?;
    client.shutdown(std::net::Shutdown::Both)
}

#[test]
#[ignore = "needs moto: server/tests/clients/run --install"]
fn a_store_without_conditional_writes_is_refused() {
    let home = tempfile::tempdir().unwrap();
    local(home.path());
    let s3 = S3::start();
    let before = s3.objects();
    let careless = on_s3(without_conditions(s3.address), "careless");
    let land = land(home.path());
    let refused = careless.run(&[&land[0], &land[1]]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("no conditional writes"), "{said}");
    assert_eq!(s3.objects(), before, "what was tried is left");
    // By configuration, too.
    let off = s3.program("off").with("AWS_CONDITIONAL_PUT", "disabled");
    let refused = off.run(&[&land[0], &land[1]]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

/// Two lakes of a bucket are apart, and a program without credentials is told what the store says.
#[test]
#[ignore = "needs moto: server/tests/clients/run --install"]
fn a_lake_is_its_prefix_of_the_bucket() {
    let home = tempfile::tempdir().unwrap();
    local(home.path());
    let s3 = S3::start();
    let (one, other) = (s3.program("one"), s3.program("one/within"));
    ok(&one, &put(home.path()));
    ok(&other, &put(home.path()));
    ok(&one, &land(home.path()));
    let count = [
        "query",
        "--sql",
        "SELECT count(*) AS n FROM raw.order_events",
        "--format",
        "json",
    ];
    let counted = |program: &Program| program.json(&count)[0]["n"].clone();
    assert_ne!(counted(&one), Value::from(0));
    assert_eq!(counted(&other), Value::from(0));
    let missing = on_s3(s3.address, "x").run(&["query", "--sql", "SELECT 1"]);
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    let gone = Program::at("s3://nowhere/lake")
        .with("AWS_ENDPOINT_URL", &format!("http://{}", s3.address))
        .with("AWS_ALLOW_HTTP", "true")
        .with("AWS_ACCESS_KEY_ID", "someone")
        .with("AWS_SECRET_ACCESS_KEY", "secret");
    let land = land(home.path());
    let refused = gone.run(&[&land[0], &land[1]]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("nowhere"),
        "{said}"
    );
}
