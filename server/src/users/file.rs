//! The users file on disk: its JSON form, its permissions, its lock, and its replacement as a whole.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Secret, User, UserInfo, UsersError};

/// So many links in a row are followed.
const LINKS: usize = 40;

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

/// The user and the group that a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: u32,
    group: u32,
}

impl Owner {
    /// Whose the file at a path is; none if there is no file.
    pub(super) fn at(path: &Path) -> Result<Option<Owner>, UsersError> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Owner::of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(path, error)),
        }
    }

    fn of(metadata: &Metadata) -> Owner {
        Owner {
            user: metadata.uid(),
            group: metadata.gid(),
        }
    }
}

/// Where a path leads: the file itself, be it there or not. A rename to a link would put a file in the link's place.
pub(super) fn target(path: &Path) -> Result<PathBuf, UsersError> {
    let mut target = path.to_path_buf();
    for _ in 0..LINKS {
        let Ok(next) = fs::read_link(&target) else {
            return Ok(target);
        };
        target = folder_of(&target).join(next);
    }
    let endless = io::Error::other("too many links lead from one to the next");
    Err(io_error(path, endless))
}

/// Held while the file is changed; other processes wait. It is its owner's as the file is, who may want it next.
pub(super) fn lock(path: &Path) -> Result<File, UsersError> {
    let lock_path = sibling(path, ".lock");
    let open = |make: bool| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(make).mode(0o600);
        options.open(&lock_path)
    };
    let failed = |source| io_error(&lock_path, source);
    let file = match open(true) {
        // Only what was just made is given away: what somebody else has put there may be anything.
        Ok(made) => {
            if let Some(owner) = Owner::at(path)?
                && let Err(error) = give(path, &made, owner, change_owner)
            {
                let _ = fs::remove_file(&lock_path);
                return Err(error);
            }
            made
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            open(false).map_err(failed)?
        }
        Err(error) => return Err(failed(error)),
    };
    file.lock().map_err(failed)?;
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
    let text = serde_json::to_string_pretty(users).map_err(|error| io_error(path, error.into()))?;
    replace(path, &text, Owner::at(path)?, change_owner)
}

/// Puts a file of this text in a path's place, by way of `change` the old one's owner's where there is an old one: a file
/// that a server can no longer read would keep everybody out.
pub(super) fn replace(
    path: &Path,
    text: &str,
    owner: Option<Owner>,
    change: impl FnOnce(&File, Owner) -> io::Result<()>,
) -> Result<(), UsersError> {
    let new_path = sibling(path, &format!(".new-{}", std::process::id()));
    let failed = |source| io_error(path, source);
    let replaced = write_new(&new_path, text, |file| match owner {
        Some(owner) => give(path, file, owner, change),
        None => Ok(()),
    })
    .and_then(|()| fs::rename(&new_path, path).map_err(failed));
    if replaced.is_err() {
        // Leave no copy of the secrets behind; the error that counts is the first one.
        let _ = fs::remove_file(&new_path);
    }
    replaced?;
    // Else a user that was removed could be back after a loss of power.
    sync_folder(folder_of(path)).map_err(failed)
}

/// Writes a file for its owner alone, who is settled before it holds anything.
fn write_new(
    path: &Path,
    text: &str,
    settle: impl FnOnce(&File) -> Result<(), UsersError>,
) -> Result<(), UsersError> {
    let failed = |source| io_error(path, source);
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    settle(&file)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.write_all(b"\n").map_err(failed)?;
    file.sync_all().map_err(failed)
}

/// Makes a file that belongs to the users file at `path` its owner's, unless it is.
fn give(
    path: &Path,
    file: &File,
    owner: Owner,
    change: impl FnOnce(&File, Owner) -> io::Result<()>,
) -> Result<(), UsersError> {
    let metadata = file.metadata().map_err(|source| io_error(path, source))?;
    if Owner::of(&metadata) == owner {
        return Ok(());
    }
    change(file, owner).map_err(|source| UsersError::Owner {
        path: path.to_path_buf(),
        user: owner.user,
        group: owner.group,
        source,
    })
}

fn change_owner(file: &File, owner: Owner) -> io::Result<()> {
    fchown(file, Some(owner.user), Some(owner.group))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems have no such thing as a folder's own bytes.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        outcome => outcome,
    }
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
