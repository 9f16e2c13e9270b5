//! The page and the API over HTTPS: with the endpoint's certificate, on the port of plain HTTP.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::http::Http;
use crate::program::{Program, Served};

/// A client that trusts one certificate, and no other.
#[derive(Debug)]
struct Only {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *presented == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::General("another certificate".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 is spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// A server with a certificate.
struct Encrypted {
    served: Served,
    certificate: CertificateDer<'static>,
    _folder: TempDir,
}

impl Encrypted {
    fn start(mode: &str) -> Encrypted {
        let folder = tempfile::tempdir().unwrap();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
        let key = folder.path().join("server.key");
        std::fs::copy(fixtures.join("ec-sec1.key"), &key).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let certificate = fixtures.join("ec.crt");
        let lake = folder.path().join("lake");
        let program = Program::new(&lake);
        let accounts = folder.path().join("accounts.ndjson");
        std::fs::write(&accounts, "{\"account_id\": \"acme\"}\n").unwrap();
        program.ok(&["accounts", "put", accounts.to_str().unwrap()]);
        let mut command =
            program.command(&["serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        command
            .args(["--tls", mode, "--tls-cert"])
            .arg(&certificate);
        command.arg("--tls-key").arg(&key);
        Encrypted {
            served: Served::start(command),
            certificate: CertificateDer::from_pem_file(&certificate).unwrap(),
            _folder: folder,
        }
    }

    /// Gets something over HTTPS: the whole answer with its head.
    async fn get(&self, path: &str) -> String {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let only = Only {
            certificate: self.certificate.clone(),
            provider: Arc::clone(&provider),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(only))
            .with_no_client_auth();
        let socket = TcpStream::connect(self.served.http).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, socket).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: rapport\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_encryption_is_required_people_are_sent_to_https_and_machines_are_answered() {
    let encrypted = Encrypted::start("required");
    let plain = Http::new(encrypted.served.http);
    assert_eq!(plain.get("/healthz").await.status, 200);
    for path in ["/v1", "/v1/queries", "/v1/queries/headline_metrics"] {
        assert_eq!(plain.get(path).await.status, 403, "{path}");
    }
    for path in ["/", "/login", "/performance?range=7-days"] {
        let reply = plain.get(path).await;
        let location = format!("https://rapport{path}");
        assert_eq!(
            (reply.status, reply.header("location")),
            (308, location.as_str())
        );
        assert_eq!(reply.header("set-cookie"), "");
    }
    let login = encrypted.get("/login").await;
    assert!(login.starts_with("HTTP/1.1 200 "), "{login}");
    let cookie = login.lines().find(|line| line.starts_with("set-cookie: "));
    let cookie = cookie.unwrap();
    assert!(
        cookie.starts_with("set-cookie: __Host-rapport_csrf="),
        "{cookie}"
    );
    for part in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(
        encrypted
            .get("/v1/queries")
            .await
            .starts_with("HTTP/1.1 401 ")
    );
    assert!(encrypted.get("/healthz").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_encryption_is_optional_a_cookie_is_as_safe_as_its_connection() {
    let encrypted = Encrypted::start("optional");
    let plain = Http::new(encrypted.served.http).get("/login").await;
    assert_eq!(plain.status, 200);
    let cookie = plain.header("set-cookie");
    assert!(
        cookie.starts_with("rapport_csrf=") && !cookie.contains("Secure"),
        "{cookie}"
    );
    let login = encrypted.get("/login").await;
    assert!(
        login.contains("set-cookie: __Host-rapport_csrf="),
        "{login}"
    );
}
