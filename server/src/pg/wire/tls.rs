//! TLS of connections: whether it is off, optional or required, and the certificate.
//!
//! What always holds: if TLS is configured and its certificate or key cannot be used, the server does not start; it never
//! falls back to plain text. When a client asks for TLS and one of the files has changed, both are read again. A pair that
//! cannot be used, such as a new certificate whose key is not yet replaced, is logged, and the last good pair stays.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};

/// The most bytes that are read of a certificate chain or key.
const LONGEST_FILE: u64 = 1 << 20;

/// Whether connections are encrypted.
#[derive(Debug, Clone, Default)]
pub enum Encryption {
    /// No connection is.
    #[default]
    Off,
    /// A connection is if the client asks for it.
    Optional(Arc<Tls>),
    /// All are: a client that does not ask for it is refused.
    Required(Arc<Tls>),
}

impl Encryption {
    /// Returns the TLS configuration, unless encryption is off.
    pub fn tls(&self) -> Option<&Tls> {
        match self {
            Encryption::Off => None,
            Encryption::Optional(tls) | Encryption::Required(tls) => Some(tls),
        }
    }

    /// Returns whether connections without encryption are refused.
    pub fn is_required(&self) -> bool {
        matches!(self, Encryption::Required(_))
    }
}

/// The PEM files of the certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, followed by the intermediate ones.
    pub certificate: PathBuf,
    /// Its private key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// Why a certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("TLS {what} {}: {source}", path.display())]
    Io {
        /// What the file holds.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("TLS {what} {} cannot be used: {reason}; expected {expected}", path.display())]
    Unusable {
        /// What the file should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The accepted form.
        expected: &'static str,
    },
    /// The key can be read by others than its owner.
    #[error(
        "TLS key {} is open to others (mode {mode:04o}): run `chmod 600 {}`",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key is not that of the certificate.
    #[error("TLS certificate {} and key {} do not fit: {reason}", files.certificate.display(), files.key.display())]
    Pair {
        /// Both files.
        files: TlsFiles,
        /// What is wrong with them.
        reason: String,
    },
}

/// TLS configuration whose certificate may be replaced while the server runs.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: Mutex<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    /// The stamps of the files that were read last, whether they could be used or not.
    seen: Option<[Stamp; 2]>,
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// If they cannot be used.
    pub fn open(files: TlsFiles) -> Result<Tls, TlsError> {
        let seen = stamps(&files).ok();
        let config = Arc::new(load(&files)?);
        Ok(Tls {
            files,
            current: Mutex::new(Current { config, seen }),
        })
    }

    /// Returns an acceptor for the next connection, after reading the files again if they have changed.
    pub fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamps(&self.files).ok();
        if now.is_some() && now != current.seen {
            match load(&self.files) {
                Ok(config) => {
                    current.config = Arc::new(config);
                    tracing::info!("the TLS certificate was read again");
                }
                Err(error) => tracing::error!("the TLS certificate stays as it was: {error}"),
            }
            current.seen = now;
        }
        TlsAcceptor::from(Arc::clone(&current.config))
    }
}

/// Tells whether a file has changed: its length, time of modification and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: SystemTime,
    identity: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> io::Result<Stamp> {
        Ok(Stamp {
            length: metadata.len(),
            modified: metadata.modified()?,
            identity: identity(metadata),
        })
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> u64 {
    0
}

fn stamps(files: &TlsFiles) -> io::Result<[Stamp; 2]> {
    let stamp = |path: &Path| Stamp::of(&std::fs::metadata(path)?);
    Ok([stamp(&files.certificate)?, stamp(&files.key)?])
}

fn load(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let (text, _) = read("certificate", &files.certificate)?;
    let unusable = |reason: String| TlsError::Unusable {
        what: "certificate",
        path: files.certificate.clone(),
        reason,
        expected: "certificates in PEM",
    };
    let chain = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable("it holds no certificate".into()));
    }
    let (text, metadata) = read("key", &files.key)?;
    check_mode(&files.key, &metadata)?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| TlsError::Unusable {
        what: "key",
        path: files.key.clone(),
        reason: error.to_string(),
        expected: "a private key in PEM without a passphrase: PKCS#8, PKCS#1 or SEC1",
    })?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| TlsError::Pair {
            files: files.clone(),
            reason: error.to_string(),
        })
}

fn read(what: &'static str, path: &Path) -> Result<(Vec<u8>, Metadata), TlsError> {
    let read = || {
        let file = File::open(path)?;
        // Metadata of the opened file and not of the path, so that what is checked is what is read.
        let metadata = file.metadata()?;
        let mut text = Vec::new();
        file.take(LONGEST_FILE).read_to_end(&mut text)?;
        Ok((text, metadata))
    };
    read().map_err(|source| TlsError::Io {
        what,
        path: path.to_owned(),
        source,
    })
}

/// Checks the mode of a key file as PostgreSQL does: 0600 or less, or 0640 if root owns it.
#[cfg(unix)]
fn check_mode(path: &Path, metadata: &Metadata) -> Result<(), TlsError> {
    use std::os::unix::fs::MetadataExt;

    let allowed = if metadata.uid() == 0 { 0o640 } else { 0o600 };
    let mode = metadata.mode() & 0o777;
    if mode & !allowed & 0o077 != 0 {
        return Err(TlsError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &Metadata) -> Result<(), TlsError> {
    Ok(())
}
