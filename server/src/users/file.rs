//! The users file on disk: its JSON form, its permissions, its lock, and its replacement as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Secret, User, UserInfo, UsersError};

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UsersFile {
    /// Makes the salts that are shown for users that do not exist.
    server_key: String,
    pub(super) users: Vec<StoredUser>,
}

/// One user; bytes are written as hexadecimal digits.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredUser {
    pub(super) name: String,
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    salt: String,
    iterations: usize,
    salted_password: String,
}

impl UsersFile {
    pub(super) fn empty(server_key: &[u8]) -> UsersFile {
        UsersFile {
            server_key: to_hex(server_key),
            users: Vec::new(),
        }
    }

    pub(super) fn server_key(&self) -> Result<Vec<u8>, String> {
        from_hex("server_key", &self.server_key)
    }
}

impl StoredUser {
    pub(super) fn new(name: &str, role: &str, account: Option<&str>, secret: Secret) -> StoredUser {
        let mut user = StoredUser {
            name: name.to_owned(),
            role: role.to_owned(),
            account: account.map(str::to_owned),
            salt: String::new(),
            iterations: 0,
            salted_password: String::new(),
        };
        user.set_secret(secret);
        user
    }

    pub(super) fn set_secret(&mut self, secret: Secret) {
        self.salt = to_hex(&secret.salt);
        self.iterations = secret.iterations;
        self.salted_password = to_hex(&secret.salted_password);
    }

    pub(super) fn user(&self) -> Result<User, String> {
        if self.iterations < super::ITERATIONS {
            return Err(format!(
                "user {:?} has {} iterations: expected {} at least",
                self.name,
                self.iterations,
                super::ITERATIONS
            ));
        }
        Ok(User {
            info: UserInfo {
                name: self.name.clone(),
                role: self.role.clone(),
                account: self.account.clone(),
            },
            salt: from_hex("salt", &self.salt)?,
            iterations: self.iterations,
            salted_password: from_hex("salted_password", &self.salted_password)?,
        })
    }
}

/// What tells one state of the file from another: a replacement is a new inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    length: u64,
    seconds: i64,
    nanoseconds: i64,
    mode: u32,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Stamp, UsersError> {
        let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
        Ok(Stamp {
            inode: metadata.ino(),
            length: metadata.len(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
            mode: metadata.mode(),
        })
    }
}

/// Held while the file is changed; other processes wait.
pub(super) fn lock(path: &Path) -> Result<File, UsersError> {
    let lock_path = sibling(path, ".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&lock_path)
        .map_err(|source| io_error(&lock_path, source))?;
    file.lock().map_err(|source| io_error(&lock_path, source))?;
    Ok(file)
}

pub(super) fn read(path: &Path) -> Result<UsersFile, UsersError> {
    let mut file = File::open(path).map_err(|source| io_error(path, source))?;
    // Of the opened file, not of the path: what is checked is what is read.
    let mode = file
        .metadata()
        .map_err(|source| io_error(path, source))?
        .mode()
        & 0o7777;
    if mode & 0o077 != 0 {
        return Err(UsersError::Exposed {
            path: path.to_path_buf(),
            mode,
        });
    }
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|source| io_error(path, source))?;
    serde_json::from_str(&text).map_err(|error| UsersError::Damaged {
        path: path.to_path_buf(),
        reason: error.to_string(),
    })
}

/// Writes a new file beside the old one and puts it in its place, so that there is never half a file.
pub(super) fn write(path: &Path, users: &UsersFile) -> Result<(), UsersError> {
    let new_path = sibling(path, &format!(".new-{}", std::process::id()));
    let text = serde_json::to_string_pretty(users).map_err(|error| io_error(path, error.into()))?;
    let write_new = || -> io::Result<()> {
        match fs::remove_file(&new_path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&new_path)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&new_path, path)
    };
    write_new().map_err(|source| {
        // Leave no copy of the secrets behind; the error that counts is the first one.
        let _ = fs::remove_file(&new_path);
        io_error(path, source)
    })
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn io_error(path: &Path, source: io::Error) -> UsersError {
    UsersError::Io {
        path: path.to_path_buf(),
        source,
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(field: &str, text: &str) -> Result<Vec<u8>, String> {
    let error = || format!("{field} is not hexadecimal");
    if !text.len().is_multiple_of(2) || text.is_empty() || !text.is_ascii() {
        return Err(error());
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| error()))
        .collect()
}
