//! A file of secrets on disk, as those of users and of tokens are: its permissions, its lock, its replacement as a whole,
//! and the look at whether it has changed.
//!
//! What always holds: a file that others than its owner can open is refused; a change replaces the file atomically and
//! under a lock, so that a reader sees what was before or what is after, and two writers lose nothing; it stays whose it
//! was, and where it was if its path is a link; and whoever asks for it gets what it holds now.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// So many links in a row are followed.
const LINKS: usize = 40;

/// Why a file of secrets could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others than the owner may read or write it.
    #[error(
        "{} is open to others (mode {mode:04o}) though it holds secrets: run `chmod 600 {}`",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is somebody's to whom a new one cannot be given.
    #[error(
        "{} belongs to user {user} and group {group}, and what would replace it cannot be given to them ({source}); \
        nothing has changed: run this as that user, with `sudo -u '#{user}' -g '#{group}'`",
        path.display()
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// The user that it belongs to.
        user: u32,
        /// The group that it belongs to.
        group: u32,
        /// What the system says.
        source: io::Error,
    },
    /// It is not one of ours.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl FileError {
    /// Whether there is no such file.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, FileError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// What a file of secrets holds.
pub(super) trait Content: Serialize + DeserializeOwned {
    /// What is made of it for those who ask.
    type Read;

    /// Makes that.
    ///
    /// # Errors
    /// What is wrong with the file.
    fn read(&self) -> Result<Self::Read, String>;

    /// Puts its entries in their order.
    fn sort(&mut self);
}

/// A file of secrets, read again whenever it has changed.
#[derive(Debug)]
pub(super) struct SecretFile<C: Content> {
    path: PathBuf,
    /// A file whose owner a new one is given to.
    model: PathBuf,
    loaded: Mutex<Option<(Stamp, Arc<C::Read>)>>,
}

impl<C: Content> SecretFile<C> {
    /// At a path, be there one or not.
    pub(super) fn at(path: &Path) -> SecretFile<C> {
        SecretFile::like(path, path)
    }

    /// At a path; a new one will belong to whom the file at `model` belongs to.
    pub(super) fn like(path: &Path, model: &Path) -> SecretFile<C> {
        SecretFile {
            path: path.to_path_buf(),
            model: model.to_path_buf(),
            loaded: Mutex::new(None),
        }
    }

    /// Makes the file where there is none.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn make(&self, content: impl FnOnce() -> C) -> Result<(), FileError> {
        if self.path.exists() {
            return Ok(());
        }
        let path = target(&self.path)?;
        let _lock = lock(&path, self.owner(&path)?)?;
        if path.exists() {
            return Ok(());
        }
        self.write(&path, &content())
    }

    /// What the file holds now; what was read last while it has not changed.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or is open to others than its owner.
    pub(super) fn load(&self) -> Result<Arc<C::Read>, FileError> {
        let stamp = Stamp::of(&self.path)?;
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((seen, content)) = loaded.as_ref()
            && *seen == stamp
        {
            return Ok(Arc::clone(content));
        }
        let read = parsed::<C>(&self.path)?.read();
        let now = Arc::new(read.map_err(|reason| damaged(&self.path, reason))?);
        *loaded = Some((stamp, Arc::clone(&now)));
        Ok(now)
    }

    /// Edits what the file holds, unless the edit is refused.
    ///
    /// # Errors
    /// The edit's own, or that the file cannot be read or written.
    pub(super) fn change<E: From<FileError>>(
        &self,
        edit: impl FnOnce(&mut C) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = target(&self.path)?;
        let _lock = lock(&path, self.owner(&path)?)?;
        let mut content = parsed::<C>(&path)?;
        edit(&mut content)?;
        content.sort();
        Ok(self.write(&path, &content)?)
    }

    fn write(&self, path: &Path, content: &C) -> Result<(), FileError> {
        let text = serde_json::to_string_pretty(content);
        let text = text.map_err(|error| io_error(path, error.into()))?;
        replace(path, &text, self.owner(path)?, change_owner)
    }

    /// Whose the file is, or a new one shall be.
    fn owner(&self, path: &Path) -> Result<Option<Owner>, FileError> {
        Ok(Owner::at(path)?.or(Owner::at(&self.model)?))
    }
}

/// What tells one state of the file from another: a replacement is a new inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    seconds: i64,
    nanoseconds: i64,
    mode: u32,
}

impl Stamp {
    fn of(path: &Path) -> Result<Stamp, FileError> {
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
    pub(super) fn at(path: &Path) -> Result<Option<Owner>, FileError> {
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
fn target(path: &Path) -> Result<PathBuf, FileError> {
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

/// Held while the file is changed; other processes wait. It is the owner's whose the file is, who may want it next.
fn lock(path: &Path, owner: Option<Owner>) -> Result<File, FileError> {
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
            if let Some(owner) = owner
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

fn parsed<C: Content>(path: &Path) -> Result<C, FileError> {
    serde_json::from_str(&text(path)?).map_err(|error| damaged(path, error.to_string()))
}

fn damaged(path: &Path, reason: String) -> FileError {
    FileError::Damaged {
        path: path.to_path_buf(),
        reason,
    }
}

/// The text of a file that nobody but its owner can open.
fn text(path: &Path) -> Result<String, FileError> {
    let mut file = File::open(path).map_err(|source| io_error(path, source))?;
    // Of the opened file, not of the path: what is checked is what is read.
    let mode = file
        .metadata()
        .map_err(|source| io_error(path, source))?
        .mode()
        & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FileError::Exposed {
            path: path.to_path_buf(),
            mode,
        });
    }
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|source| io_error(path, source))?;
    Ok(text)
}

/// Puts a file of this text in a path's place, by way of `change` the old one's owner's where there is an old one: a file
/// that a server can no longer read would keep everybody out.
pub(super) fn replace(
    path: &Path,
    text: &str,
    owner: Option<Owner>,
    change: impl FnOnce(&File, Owner) -> io::Result<()>,
) -> Result<(), FileError> {
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
    // Else who was removed could be back after a loss of power.
    sync_folder(folder_of(path)).map_err(failed)
}

/// Writes a file for its owner alone, who is settled before it holds anything.
fn write_new(
    path: &Path,
    text: &str,
    settle: impl FnOnce(&File) -> Result<(), FileError>,
) -> Result<(), FileError> {
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

/// Makes a file that belongs to the file at `path` its owner's, unless it is.
fn give(
    path: &Path,
    file: &File,
    owner: Owner,
    change: impl FnOnce(&File, Owner) -> io::Result<()>,
) -> Result<(), FileError> {
    let metadata = file.metadata().map_err(|source| io_error(path, source))?;
    if Owner::of(&metadata) == owner {
        return Ok(());
    }
    change(file, owner).map_err(|source| FileError::Owner {
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

fn io_error(path: &Path, source: io::Error) -> FileError {
    FileError::Io {
        path: path.to_path_buf(),
        source,
    }
}
