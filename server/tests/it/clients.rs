//! Real clients: drivers, ORMs, tools and poolers, each by a script of its own that compares what it gets with what
//! PostgreSQL gives. `tests/clients/run` starts the server, runs them all and makes the table of `docs/clients.md`.

use std::path::Path;
use std::process::Command;

#[test]
#[ignore = "needs the clients on the machine: server/tests/clients/run --install"]
fn every_operation_of_every_client_goes_well_and_the_table_says_so() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("clients.md");
    let output = Command::new(here.join("tests/clients/run"))
        .arg(env!("CARGO_BIN_EXE_rapport"))
        .arg("--table")
        .arg(&table)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let made = std::fs::read_to_string(&table).unwrap();
    let kept = std::fs::read_to_string(here.join("../docs/clients.md")).unwrap();
    assert_eq!(
        made, kept,
        "docs/clients.md is not what the run made: server/tests/clients/run BINARY --table docs/clients.md makes it anew"
    );
}
