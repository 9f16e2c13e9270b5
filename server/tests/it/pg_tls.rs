//! Connections that are encrypted: by the real psql, which checks the certificate, and by raw bytes.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use rapport::pg::{Encryption, PgOptions, Tls, TlsFiles};
use rstest::rstest;
use tempfile::TempDir;

use crate::needs;
use crate::support::raw::{self, Raw};
use crate::support::{PASSWORD, TestServer, connect, error_of, value};

/// A certificate and key of the tests', copied so that the key is its owner's alone.
fn files(folder: &Path, certificate: &str, key: &str) -> TlsFiles {
    let files = TlsFiles {
        certificate: folder.join("server.crt"),
        key: folder.join("server.key"),
    };
    put(certificate, &files.certificate);
    put(key, &files.key);
    files
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/tls")
        .join(name)
}

fn put(name: &str, at: &Path) {
    let new = at.with_extension("new");
    std::fs::copy(fixture(name), &new).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(&new, at).unwrap();
}

struct Encrypted {
    server: TestServer,
    files: TlsFiles,
    _folder: TempDir,
}

async fn start(wrap: fn(Arc<Tls>) -> Encryption, certificate: &str, key: &str) -> Encrypted {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), certificate, key);
    let options = PgOptions {
        encryption: wrap(Arc::new(Tls::open(files.clone()).unwrap())),
        ..PgOptions::default()
    };
    Encrypted {
        server: TestServer::with(options).await,
        files,
        _folder: folder,
    }
}

/// Runs psql, which trusts that certificate and no other.
async fn psql(server: &TestServer, mode: &'static str, trusted: &str, command: &str) -> Output {
    let port = server.address.port();
    let trusted = fixture(trusted);
    let connection = format!(
        "host=127.0.0.1 port={port} user=ann dbname=rapport sslmode={mode} sslrootcert={}",
        trusted.display()
    );
    let command = command.to_owned();
    tokio::task::spawn_blocking(move || {
        Command::new("psql")
            .args(["-XAt", &connection, "-c", &command])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap()
    })
    .await
    .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap().trim()
}

#[rstest]
#[case::pkcs8("rsa.crt", "rsa-pkcs8.key")]
#[case::pkcs1("rsa.crt", "rsa-pkcs1.key")]
#[case::sec1("ec.crt", "ec-sec1.key")]
#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_key_serves_a_client_that_checks_the_certificate(
    #[case] certificate: &str,
    #[case] key: &str,
) {
    if !needs::program("psql") {
        return;
    }
    let encrypted = start(Encryption::Required, certificate, key).await;
    let output = psql(&encrypted.server, "verify-full", certificate, "SELECT 4711").await;
    assert_eq!(text(&output.stdout), "4711", "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_encrypt_is_refused_where_it_is_required_and_served_where_it_is_optional() {
    let required = start(Encryption::Required, "ec.crt", "ec-sec1.key").await;
    let error = connect(&required.server.config("ann")).await.err().unwrap();
    assert_eq!(
        error_of(&error),
        (
            "28000".into(),
            "connections must be encrypted, and this one is not".into()
        )
    );

    let optional = start(Encryption::Optional, "ec.crt", "ec-sec1.key").await;
    let client = optional.server.client("ann").await;
    assert_eq!(value(&client, "SELECT 1").await, "1");
    if !needs::program("psql") {
        return;
    }
    let output = psql(&optional.server, "require", "ec.crt", "SELECT 2").await;
    assert_eq!(text(&output.stdout), "2", "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_wants_tls_gets_none_where_it_is_off() {
    if !needs::program("psql") {
        return;
    }
    let server = TestServer::start().await;
    let output = psql(&server, "require", "ec.crt", "SELECT 1").await;
    assert!(
        text(&output.stderr).contains("server does not support SSL"),
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_counts_at_once_and_a_wrong_one_never() {
    if !needs::program("psql") {
        return;
    }
    let encrypted = start(Encryption::Required, "rsa.crt", "rsa-pkcs8.key").await;
    let serves = async |certificate: &str| {
        let output = psql(&encrypted.server, "verify-full", certificate, "SELECT 1").await;
        text(&output.stdout) == "1"
    };
    assert!(serves("rsa.crt").await && !serves("ec.crt").await);
    // The certificate comes before its key: the old pair goes on.
    put("ec.crt", &encrypted.files.certificate);
    assert!(serves("rsa.crt").await && !serves("ec.crt").await);
    put("ec-sec1.key", &encrypted.files.key);
    assert!(serves("ec.crt").await && !serves("rsa.crt").await);
    std::fs::remove_file(&encrypted.files.key).unwrap();
    assert!(serves("ec.crt").await);
}

/// CVE-2021-23222 of PostgreSQL: a query that somebody in between puts behind the request must not count as encrypted.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_in_plain_text_behind_the_request_end_the_connection() {
    let encrypted = start(Encryption::Required, "ec.crt", "ec-sec1.key").await;
    let mut raw = Raw::connect(encrypted.server.address).await;
    let request = [&8i32.to_be_bytes()[..], &80_877_103i32.to_be_bytes()[..]].concat();
    let startup = raw::startup(3 << 16, &[("user", "ann")]);
    raw.send_bytes(&[&request[..], &startup[..]].concat()).await;
    assert_eq!(raw.read_byte().await, b'S');
    assert_eq!(raw.read_to_end().await, vec![]);
}

#[rstest]
#[case::no_certificate("none.crt", "ec-sec1.key", "No such file")]
#[case::no_key("ec.crt", "none.key", "No such file")]
#[case::key_as_certificate(
    "ec-sec1.key",
    "ec-sec1.key",
    "it holds no certificate; expected certificates in PEM"
)]
#[case::certificate_as_key("ec.crt", "ec.crt", "expected a private key in PEM")]
#[case::of_another("ec.crt", "rsa-pkcs8.key", "do not fit")]
fn what_cannot_be_served_is_an_error(
    #[case] certificate: &str,
    #[case] key: &str,
    #[case] expected: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let wanted = TlsFiles {
        certificate: folder.path().join("server.crt"),
        key: folder.path().join("server.key"),
    };
    for (name, at) in [(certificate, &wanted.certificate), (key, &wanted.key)] {
        if fixture(name).exists() {
            put(name, at);
        }
    }
    let error = Tls::open(wanted).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    assert!(error.contains("server."), "{error}");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), "ec.crt", "ec-sec1.key");
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o604)).unwrap();
    let error = Tls::open(files).unwrap_err().to_string();
    assert!(error.contains("open to others (mode 0604)"), "{error}");
}
