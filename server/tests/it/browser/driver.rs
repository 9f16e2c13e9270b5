//! The browser's driver: a process of the test's own, which ends with the test and takes its browsers along.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::needs;
use crate::program::get;

/// A running `chromedriver`.
pub struct Driver {
    child: Child,
    address: SocketAddr,
    /// Open for as long as it runs, since it may write.
    _output: BufReader<ChildStdout>,
}

impl Driver {
    /// Starts the machine's driver on a free port; none where the machine has no browser or no driver.
    pub fn start() -> Option<Self> {
        if !(needs::program("chromium") && needs::program("chromedriver")) {
            return None;
        }
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut told = String::new();
        let port = loop {
            let begin = told.len();
            assert!(output.read_line(&mut told).unwrap() > 0, "{told}");
            if let Some((_, port)) = told[begin..].split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').parse().unwrap();
            }
        };
        Some(Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            _output: output,
        })
    }

    /// Where it takes commands.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Killed it would leave its browsers behind; asked to end, it ends them first.
        if !get(self.address, "/shutdown").starts_with("HTTP/1.1 200 ") {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
