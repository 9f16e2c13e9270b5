//! `land --watch`: files land as they come, once each, also across restarts.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;

use super::*;

/// A watching process, killed when dropped.
struct Watching {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Watching {
    fn start(program: &Program, folder: &str) -> Watching {
        let arguments = ["land", "--format", "json", "--watch", folder];
        let mut command = program.command(&arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Watching { child, output }
    }

    /// Waits for the next landing: what landed, what was repeated, and the last parts of its sources.
    fn landing(&mut self) -> (u64, u64, Vec<String>) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let name = |source: &Value| {
            let source = source["source"].as_str().unwrap();
            assert!(source.starts_with("file:///"), "{source}");
            source.rsplit('/').next().unwrap().to_owned()
        };
        let sources = told["sources"]
            .as_array()
            .unwrap()
            .iter()
            .map(name)
            .collect();
        let number = |name: &str| told[name].as_u64().unwrap();
        (number("landed"), number("duplicates"), sources)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Moves a file into the folder, so that it is there as a whole.
fn put(home: &Home, name: &str, content: &[u8]) {
    let written = home.path("written");
    std::fs::write(&written, content).unwrap();
    std::fs::rename(&written, home.path(&format!("incoming/{name}"))).unwrap();
}

fn line(number: usize) -> &'static [u8] {
    EVENTS.split_inclusive('\n').nth(number).unwrap().as_bytes()
}

#[test]
fn files_land_as_they_come_once_each_across_restarts() {
    let home = Home::new();
    let folder = home.path("incoming");
    std::fs::create_dir_all(home.path("incoming/2026/01")).unwrap();
    let program = &home.program;
    let named = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };

    put(&home, "a 100%.ndjson", line(0));
    let mut watching = Watching::start(program, &folder);
    assert_eq!(watching.landing(), (1, 0, named(&["a 100%.ndjson"])));
    // What is no file of events by its name, is hidden or holds settings is left alone.
    for name in ["notes.txt", ".b.ndjson", "accounts.ndjson"] {
        put(&home, name, line(1));
    }
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(line(1)).unwrap();
    let zipped = zipped.finish().unwrap();
    put(&home, "2026/01/b.ndjson.gz", &zipped);
    assert_eq!(watching.landing(), (1, 0, named(&["b.ndjson.gz"])));
    // One that is cut off keeps no other from landing.
    put(&home, "broken.gz", &zipped[..20]);
    put(&home, "c.ndjson", line(2));
    assert_eq!(watching.landing(), (1, 0, named(&["c.ndjson"])));
    drop(watching);

    // Nothing of that is read again by the next, but what came and what changed.
    put(&home, "a 100%.ndjson", &[line(0), line(1)].concat());
    put(&home, "broken.gz", &zipped);
    let mut watching = Watching::start(program, &folder);
    assert_eq!(
        watching.landing(),
        (0, 3, named(&["a 100%.ndjson", "broken.gz"]))
    );
    drop(watching);

    // Where the lake lost what it remembers, all lands again and changes nothing (E1).
    std::fs::remove_dir_all(home.path("lake/_watched")).unwrap();
    let mut watching = Watching::start(program, &folder);
    let (landed, duplicates, sources) = watching.landing();
    assert_eq!((landed, duplicates, sources.len()), (0, 5, 4));
    let stop = std::process::Command::new("kill")
        .arg(watching.child.id().to_string())
        .status();
    assert!(stop.unwrap().success());
    assert!(watching.child.wait().unwrap().success());
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let home = Home::new();
    let refused = home.program.run(&["land", "--watch", "nowhere"]);
    fails(&refused, 1, &["cannot watch nowhere"]);
    assert!(!std::path::Path::new(&home.path("lake")).exists());
}
