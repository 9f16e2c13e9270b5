//! What tests use of the machine beside a Rust toolchain and a C compiler. `server/tests/run` brings it.
//!
//! Where something lacks, the tests that use it say so and check nothing; in CI (`CI` is set) they fail.

use std::io::Write;
use std::path::PathBuf;

/// Programs, their Debian packages, and the tests that run them.
const PROGRAMS: [(&str, &str, &str); 3] = [
    ("psql", "postgresql-client", "pg_psql, pg_tls"),
    ("chromium", "chromium", "browser"),
    ("chromedriver", "chromium-driver", "browser"),
];

/// Whether a program of [`PROGRAMS`] is there; where it is not, a test ends by this.
pub fn program(name: &str) -> bool {
    let found = find(name).is_some();
    if !found {
        let (_, package, _) = PROGRAMS.iter().find(|(known, ..)| *known == name).unwrap();
        skipped(&format!("{name} (Debian's package {package})"));
    }
    found
}

/// Says that a test checks nothing for lack of something.
pub fn skipped(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "needs {what}");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Not by `eprintln`, which is not shown of tests that pass.
    let _ = writeln!(std::io::stderr(), "skipped: {test} needs {what}");
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(program));
    candidates.find(|candidate| candidate.is_file())
}

/// Of this test alone nextest shows what it says (see `.config/nextest.toml`).
#[test]
fn what_the_machine_lacks_is_told() {
    for (name, package, tests) in PROGRAMS {
        if find(name).is_none() {
            skipped(&format!(
                "{name} (Debian's package {package}), so the tests {tests} check nothing"
            ));
        }
    }
}
