//! The real psql: its commands about the catalog, which ask the catalog more than anything else.

use std::process::{Command, Output};

use rstest::rstest;

use crate::needs;
use crate::support::{PASSWORD, TestServer};

/// Runs psql; none where it is not on the machine.
async fn psql(server: &TestServer, user: &'static str, command: &str) -> Option<Output> {
    if !needs::program("psql") {
        return None;
    }
    let port = server.address.port().to_string();
    let command = command.to_owned();
    let run = move || {
        Command::new("psql")
            .args([
                "-X",
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                user,
                "-d",
                "rapport",
                "-c",
                &command,
            ])
            .env("PGPASSWORD", PASSWORD)
            .env("PAGER", "cat")
            .output()
            .unwrap()
    };
    Some(tokio::task::spawn_blocking(run).await.unwrap())
}

#[rstest]
#[case("\\d", "orders")]
#[case("\\d orders", "order_id")]
#[case("\\d+ orders", "numeric(18,4)")]
#[case("\\dt", "")]
#[case("\\dv", "")]
#[case("\\dn", "public")]
#[case("\\dn+", "public")]
#[case("\\l", "rapport")]
#[case("\\du", "ann")]
#[case("\\df", "Schema")]
#[case("\\dT", "Schema")]
#[case("\\dp", "orders")]
#[case("\\di", "")]
#[case("\\ds", "")]
#[case("\\conninfo", "as user \"ann\"")]
#[case("SELECT count(*) FROM orders", "3")]
#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_psqls_works(#[case] command: &str, #[case] expected: &str) {
    let server = TestServer::start().await;
    let Some(output) = psql(&server, "ann", command).await else {
        return;
    };
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command}: {err}");
    assert!(!err.contains("ERROR"), "{command}: {err}");
    assert!(out.contains(expected), "{command}: {out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told() {
    let server = TestServer::start().await;
    server.users.set_password("ann", "another").unwrap();
    let Some(output) = psql(&server, "ann", "SELECT 1").await else {
        return;
    };
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        err.contains("FATAL:  password authentication failed for user \"ann\""),
        "{err}"
    );
}
