//! A file of secrets on disk, such as the users file and the tokens file: permissions, locking, atomic replacement, and
//! reloading when it has changed.
//!
//! What always holds: a file that others than its owner can open is refused. A change replaces the file atomically and
//! under a lock, so a reader sees the old or the new content, and concurrent writers lose nothing. The file keeps its
//! owner, and its place if the path is a symbolic link. A read returns what the file holds now.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How many symbolic links in a row are followed.
const LINKS: usize = 40;

/// Says why a file of secrets could not be read or changed.
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
    /// The file belongs to a user to whom its replacement cannot be given.
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
    /// The content is not what Rapport writes.
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

/// Represents the stored form of a file of secrets.
pub(super) trait Content: Serialize + DeserializeOwned {
    /// What a valid file is read into.
    type Valid;

    /// Checks the stored form and converts it.
    ///
    /// # Errors
    /// What is wrong with the file.
    fn validate(&self) -> Result<Self::Valid, String>;

    /// Sorts the entries, before the file is written.
    fn sort(&mut self);
}

/// Reads and changes a file of secrets; reads it again whenever it has changed.
#[derive(Debug)]
pub(super) struct SecretFile<C: Content> {
    path: PathBuf,
    /// The file whose owner a new file is given to.
    owner_model: PathBuf,
    loaded: Mutex<Option<(Stamp, Arc<C::Valid>)>>,
}

impl<C: Content> SecretFile<C> {
    /// Names a file, which need not exist yet.
    pub(super) fn new(path: &Path) -> SecretFile<C> {
        SecretFile::with_owner_of(path, path)
    }

    /// Names a file that, when it is created, is given to the owner of the file at `model`.
    pub(super) fn with_owner_of(path: &Path, model: &Path) -> SecretFile<C> {
        SecretFile {
            path: path.to_path_buf(),
            owner_model: model.to_path_buf(),
            loaded: Mutex::new(None),
        }
    }

    /// Creates the file if it does not exist.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(super) fn create(&self, content: impl FnOnce() -> C) -> Result<(), FileError> {
        if self.path.exists() {
            return Ok(());
        }
        let path = resolve_links(&self.path)?;
        let _lock = lock(&path, self.owner(&path)?)?;
        if path.exists() {
            return Ok(());
        }
        self.write(&path, &content())
    }

    /// Returns the file's content; reads the file only if it has changed since it was last read.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or is open to others than its owner.
    pub(super) fn load(&self) -> Result<Arc<C::Valid>, FileError> {
        let stamp = Stamp::of(&self.path)?;
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((seen, content)) = loaded.as_ref()
            && *seen == stamp
        {
            return Ok(Arc::clone(content));
        }
        let valid = parse::<C>(&self.path)?.validate();
        let now = Arc::new(valid.map_err(|reason| damaged(&self.path, reason))?);
        *loaded = Some((stamp, Arc::clone(&now)));
        Ok(now)
    }

    /// Edits the file's content under the lock and replaces the file; a refused edit changes nothing.
    ///
    /// # Errors
    /// The edit's own error, or that the file cannot be read or written.
    pub(super) fn change<E: From<FileError>>(
        &self,
        edit: impl FnOnce(&mut C) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = resolve_links(&self.path)?;
        let _lock = lock(&path, self.owner(&path)?)?;
        let mut content = parse::<C>(&path)?;
        edit(&mut content)?;
        content.sort();
        Ok(self.write(&path, &content)?)
    }

    fn write(&self, path: &Path, content: &C) -> Result<(), FileError> {
        let text = serde_json::to_string_pretty(content);
        let text = text.map_err(|error| io_error(path, error.into()))?;
        replace(path, &text, self.owner(path)?, change_owner)
    }

    /// Returns the file's owner, or the one that a new file is given to.
    fn owner(&self, path: &Path) -> Result<Option<Owner>, FileError> {
        Ok(Owner::at(path)?.or(Owner::at(&self.owner_model)?))
    }
}

/// Identifies one state of the file: a replacement has a new inode.
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

/// Represents the user and the group that a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: u32,
    group: u32,
}

impl Owner {
    /// Returns the owner of the file at a path; none if there is no file.
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

/// Follows symbolic links to the file itself, which need not exist: renaming a new file to a link would replace the link.
fn resolve_links(path: &Path) -> Result<PathBuf, FileError> {
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

/// Locks the file against changes by other processes until the returned file is dropped. The lock file is given to the
/// secret file's owner, who may be the next to take it.
fn lock(path: &Path, owner: Option<Owner>) -> Result<File, FileError> {
    let lock_path = sibling(path, ".lock");
    let open = |make: bool| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(make).mode(0o600);
        options.open(&lock_path)
    };
    let failed = |source| io_error(&lock_path, source);
    let file = match open(true) {
        // Only a lock file that was just created is given away: an existing one may be anything.
        Ok(made) => {
            if let Some(owner) = owner
                && let Err(error) = give_to(path, &made, owner, change_owner)
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

fn parse<C: Content>(path: &Path) -> Result<C, FileError> {
    serde_json::from_str(&read_private(path)?).map_err(|error| damaged(path, error.to_string()))
}

fn damaged(path: &Path, reason: String) -> FileError {
    FileError::Damaged {
        path: path.to_path_buf(),
        reason,
    }
}

/// Reads a file, and refuses it if others than its owner can open it.
fn read_private(path: &Path) -> Result<String, FileError> {
    let mut file = File::open(path).map_err(|source| io_error(path, source))?;
    // The mode is the opened file's, not the path's, so that the file that is checked is the one that is read.
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

/// Replaces the file at a path atomically by one with this text. `change` gives the new file to the old one's owner: a
/// server that could no longer read it would lock everybody out.
pub(super) fn replace(
    path: &Path,
    text: &str,
    owner: Option<Owner>,
    change: impl FnOnce(&File, Owner) -> io::Result<()>,
) -> Result<(), FileError> {
    let new_path = sibling(path, &format!(".new-{}", std::process::id()));
    let failed = |source| io_error(path, source);
    let replaced = write_new(&new_path, text, |file| match owner {
        Some(owner) => give_to(path, file, owner, change),
        None => Ok(()),
    })
    .and_then(|()| fs::rename(&new_path, path).map_err(failed));
    if replaced.is_err() {
        // No copy of the secrets may stay; the error to report is the first one.
        let _ = fs::remove_file(&new_path);
    }
    replaced?;
    // Otherwise a removed user could be back after a loss of power.
    sync_folder(folder_of(path)).map_err(failed)
}

/// Writes a new file with mode 0600; `set_owner` runs before anything is written to it.
fn write_new(
    path: &Path,
    text: &str,
    set_owner: impl FnOnce(&File) -> Result<(), FileError>,
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
    set_owner(&file)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.write_all(b"\n").map_err(failed)?;
    file.sync_all().map_err(failed)
}

/// Gives a file to an owner, unless it is theirs already; errors name the file at `path`.
fn give_to(
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
        // Some file systems cannot sync a folder.
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
