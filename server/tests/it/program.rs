//! Running the binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

/// The binary, and the lake that it works on.
#[derive(Clone)]
pub struct Program {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Program {
    pub fn new(lake: &Path) -> Self {
        Self::at(lake.to_str().unwrap())
    }

    /// The binary on the lake at a path or URL.
    pub fn at(lake: &str) -> Self {
        Self {
            arguments: vec!["--lake".into(), lake.into()],
            environment: Vec::new(),
        }
    }

    /// The same with a variable in its environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same at a fixed time.
    pub fn now(mut self, now: DateTime<Utc>) -> Self {
        let now = now.to_rfc3339_opts(SecondsFormat::Micros, true);
        self.arguments.extend(["--now".into(), now]);
        self
    }

    /// A command without the environment's say.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare();
        command.args(&self.arguments).args(arguments);
        command.envs(self.environment.iter().map(|(k, v)| (k, v)));
        command
    }

    /// Runs a command, whatever comes of it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that works; answers with its standard output.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Vec<u8> {
        worked(arguments, self.run(arguments))
    }

    /// The same with something on standard input.
    #[track_caller]
    pub fn ok_with_input(&self, arguments: &[&str], input: &str) -> Vec<u8> {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        worked(arguments, child.wait_with_output().unwrap())
    }

    /// Runs a command that answers in JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.ok(arguments)).unwrap()
    }

    /// Serves on free ports.
    pub fn serve(&self) -> Served {
        let arguments = ["serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"];
        Served::start(self.command(&arguments))
    }
}

/// The binary alone.
pub fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapport"));
    for (name, _) in std::env::vars() {
        if name.starts_with("RAPPORT_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Returns the standard output of a command that has worked.
#[track_caller]
pub fn worked(arguments: &[&str], output: Output) -> Vec<u8> {
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// What a server answers to GET, its head and its body.
pub fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A server, killed when dropped.
pub struct Served {
    pub child: Child,
    pub pg: SocketAddr,
    pub http: SocketAddr,
    /// What it printed after its addresses comes here.
    pub output: BufReader<std::process::ChildStdout>,
}

impl Served {
    /// Starts a command that serves, and reads its addresses.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut address = |name: &str| {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            let address = line
                .trim()
                .strip_prefix(name)
                .unwrap_or_else(|| panic!("{line:?}"));
            address.trim().parse().unwrap()
        };
        let (pg, http) = (address("postgres "), address("http "));
        Self {
            child,
            pg,
            http,
            output,
        }
    }
}

impl Served {
    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
