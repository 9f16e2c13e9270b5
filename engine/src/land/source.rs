//! Finds the inputs of a landing (files, folders, standard input, bytes in memory), names them, and opens them as lines or
//! Parquet.
//!
//! The format of an input is taken from its first bytes, so that a mislabelled file lands correctly. A name that says gzip,
//! zstd or Parquet where the bytes do not is an error, because a broken download looks like that. An empty file with such a
//! name is skipped: rotated logs leave such files. In a folder only files with a known extension are read. Hidden files,
//! links back to a parent folder, and `accounts.ndjson`, which by convention holds settings, are skipped. Everything
//! skipped is reported.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use flate2::bufread::GzDecoder;

use super::error::LandError;
use super::frames::Frames;
use super::spill::SpillFile;

/// The extensions of the files that are read from a folder.
const EXTENSIONS: [&str; 6] = ["ndjson", "jsonl", "json", "gz", "zst", "parquet"];
/// The file of settings that may be in the same folder as events.
const SETTINGS_FILE: &str = "accounts.ndjson";
const READ_AHEAD: usize = 256 * 1024;

/// Names something to land.
#[derive(Debug, Clone)]
pub struct LandSource {
    /// The name in errors, and the source of its rejected lines.
    label: String,
    kind: Kind,
    /// The number of the batch that it is of.
    pub(super) batch: u32,
}

#[derive(Debug, Clone)]
enum Kind {
    Path(PathBuf),
    Stdin,
    Bytes(Bytes),
    /// Lines, whatever their first bytes look like, and the only account whose events are accepted.
    Lines(Bytes, Option<String>),
}

impl LandSource {
    fn new(label: String, kind: Kind) -> Self {
        let batch = 0;
        Self { label, kind, batch }
    }

    /// Names a file, or a folder with all files below it.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::new(label_of(&path), Kind::Path(path))
    }

    /// Names one file, as `label`.
    pub(super) fn file(label: String, path: PathBuf) -> Self {
        Self::new(label, Kind::Path(path))
    }

    /// Names standard input, as `-`.
    pub fn stdin() -> Self {
        Self::new("-".into(), Kind::Stdin)
    }

    /// Names bytes in memory, as `label`.
    pub fn bytes(label: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self::new(label.into(), Kind::Bytes(bytes.into()))
    }

    /// Names lines in memory, as `label`, from a sender who may write events of `account` alone, or of any if it is `None`.
    pub fn lines(
        label: impl Into<String>,
        bytes: impl Into<Bytes>,
        account: Option<String>,
    ) -> Self {
        Self::new(label.into(), Kind::Lines(bytes.into(), account))
    }

    /// Returns the only account whose events are accepted; `None` for any.
    pub(super) fn account(&self) -> Option<&str> {
        match &self.kind {
            Kind::Lines(_, account) => account.as_deref(),
            _ => None,
        }
    }

    /// Returns the name that its rejected lines have as their source.
    pub fn label(&self) -> &str {
        &self.label
    }
}

/// Returns the name of a path in rejected lines and errors. It has no `.` or `//`, so that a file spelled in two ways is one
/// source, whose rejected lines are kept once. A `..` stays: after a link it leads elsewhere than the text says.
fn label_of(path: &Path) -> String {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let label = parts.collect::<PathBuf>().display().to_string();
    match label.as_str() {
        "" => ".".to_owned(),
        // `-` is the name of standard input.
        "-" => "./-".to_owned(),
        _ => label,
    }
}

/// Names a file or folder that was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file, or the folder with all files below it.
    pub path: String,
    /// Why it was not read.
    pub reason: &'static str,
}

/// Lists the inputs that sources stand for, in the order in which they land.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// Files, standard input and bytes, but no folders.
    pub inputs: Vec<LandSource>,
    /// The files and folders that are not read.
    pub skipped: Vec<Skipped>,
    /// The total size of all inputs in bytes; `None` if one is not known.
    pub bytes: Option<u64>,
}

impl Inputs {
    /// Finds the inputs of sources. A path that does not exist is an error before anything is read.
    pub fn find(sources: Vec<LandSource>) -> Result<Self, LandError> {
        let mut found = Inputs {
            bytes: Some(0),
            ..Inputs::default()
        };
        for source in sources {
            match &source.kind {
                Kind::Path(path) => {
                    found.add_path(path, Some(&source.label), &mut HashSet::new())?;
                }
                Kind::Stdin => {
                    found.bytes = None;
                    found.inputs.push(source);
                }
                Kind::Bytes(bytes) | Kind::Lines(bytes, _) => {
                    found.bytes = found.bytes.map(|b| b + bytes.len() as u64);
                    found.inputs.push(source);
                }
            }
        }
        Ok(found)
    }

    /// Adds a file, or the files of a folder sorted by name. If the caller named this path itself, as `given`, its extension
    /// does not matter. `above` holds the folders that contain it.
    fn add_path(
        &mut self,
        path: &Path,
        given: Option<&str>,
        above: &mut HashSet<PathBuf>,
    ) -> Result<(), LandError> {
        let fail = |source: io::Error| LandError::Open {
            input: path.display().to_string(),
            source,
        };
        let metadata = std::fs::metadata(path).map_err(fail)?;
        if !metadata.is_dir() {
            if given.is_none() && !is_event_file(path) {
                self.skip(path, "not a file of events by its name");
                return Ok(());
            }
            if metadata.is_file() && metadata.len() == 0 && Form::from_name(path).is_some() {
                self.skip(path, "it is empty");
                return Ok(());
            }
            self.bytes = match metadata.is_file() {
                true => self.bytes.map(|b| b + metadata.len()),
                false => None,
            };
            let label = given.map_or_else(|| label_of(path), str::to_owned);
            self.inputs.push(LandSource::file(label, path.to_owned()));
            return Ok(());
        }
        // Following a link to a parent folder would never end.
        let real = std::fs::canonicalize(path).map_err(fail)?;
        if !above.insert(real.clone()) {
            self.skip(path, "a link back to a folder above");
            return Ok(());
        }
        let mut entries = std::fs::read_dir(path)
            .and_then(|entries| {
                entries
                    .map(|e| Ok(e?.path()))
                    .collect::<io::Result<Vec<_>>>()
            })
            .map_err(fail)?;
        entries.sort();
        for entry in entries {
            if is_hidden(&entry) {
                self.skip(&entry, "hidden by its name");
            } else {
                self.add_path(&entry, None, above)?;
            }
        }
        above.remove(&real);
        Ok(())
    }

    fn skip(&mut self, path: &Path, reason: &'static str) {
        self.skipped.push(Skipped {
            path: label_of(path),
            reason,
        });
    }
}

pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Tells whether a file of a folder holds events, by its name.
pub(super) fn is_event_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name != SETTINGS_FILE)
        && extension(path).is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// Holds an opened input.
pub(super) enum Opened {
    /// Decompressed lines.
    Lines(Box<dyn Read + Send>),
    /// A Parquet file.
    Parquet(ParquetInput),
}

/// Holds the bytes of a Parquet file.
pub(super) enum ParquetInput {
    /// On disk.
    File(File),
    /// In memory.
    Bytes(Bytes),
}

/// Counts the bytes that are read from all inputs, before decompression.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(Arc<AtomicU64>);

impl Meter {
    pub fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Adds the bytes that are read to a meter.
struct MeteredReader<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for MeteredReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.meter.add(read as u64);
        Ok(read)
    }
}

/// The formats of inputs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Gzip,
    Zstd,
    Parquet,
}

impl Form {
    /// Recognises a format by the first bytes of an input.
    fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Form::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Form::Zstd,
            [b'P', b'A', b'R', b'1', ..] => Form::Parquet,
            _ => Form::Plain,
        }
    }

    /// Returns the format that a file name says, and its name in errors; `None` for a name that may be any.
    fn from_name(path: &Path) -> Option<(Self, &'static str)> {
        match extension(path)?.as_str() {
            "gz" => Some((Form::Gzip, "gzip")),
            "zst" => Some((Form::Zstd, "zstd")),
            "parquet" => Some((Form::Parquet, "Parquet")),
            _ => None,
        }
    }
}

impl LandSource {
    /// Opens an input that is no folder. Reading lines updates the meter; the reader of Parquet must do so itself. An input
    /// that has to be copied goes to the spill folder.
    pub(super) fn open(&self, meter: &Meter, spill: &SpillFile) -> Result<Opened, LandError> {
        let fail = |source: io::Error| LandError::Open {
            input: self.label.clone(),
            source,
        };
        let mut stream: Box<dyn Read + Send> = match &self.kind {
            Kind::Path(path) => Box::new(File::open(path).map_err(fail)?),
            Kind::Stdin => Box::new(io::stdin()),
            Kind::Bytes(bytes) => Box::new(Cursor::new(bytes.clone())),
            Kind::Lines(bytes, _) => {
                meter.add(bytes.len() as u64);
                return Ok(Opened::Lines(Box::new(Cursor::new(bytes.clone()))));
            }
        };
        let start = read_start(&mut stream).map_err(fail)?;
        let form = Form::of(&start);
        if let Kind::Path(path) = &self.kind
            && let Some((expected, name)) = Form::from_name(path)
            && expected != form
        {
            return Err(LandError::Form {
                input: self.label.clone(),
                expected: name,
                empty: start.is_empty(),
            });
        }
        let mut whole = Cursor::new(start).chain(stream);
        if form == Form::Parquet {
            let found = match self.open_seekable().map_err(fail)? {
                Some(input) => input,
                None => ParquetInput::File(spill.copy(&mut whole, fail)?),
            };
            return Ok(Opened::Parquet(found));
        }
        let metered = MeteredReader {
            inner: whole,
            meter: meter.clone(),
        };
        let ahead = BufReader::with_capacity(READ_AHEAD, metered);
        Ok(Opened::Lines(match form {
            Form::Gzip => Box::new(Frames::<_, GzDecoder<_>>::new(ahead).map_err(fail)?),
            Form::Zstd => Box::new(Frames::<_, zstd::Decoder<_>>::new(ahead).map_err(fail)?),
            Form::Plain | Form::Parquet => Box::new(ahead),
        }))
    }

    /// Opens a Parquet input that can be read from any position. Returns `None` for a stream, which has to be copied first,
    /// because Parquet is read from its end.
    fn open_seekable(&self) -> io::Result<Option<ParquetInput>> {
        Ok(match &self.kind {
            Kind::Bytes(bytes) => Some(ParquetInput::Bytes(bytes.clone())),
            Kind::Path(path) if std::fs::metadata(path)?.is_file() => {
                Some(ParquetInput::File(File::open(path)?))
            }
            Kind::Path(_) | Kind::Stdin | Kind::Lines(..) => None,
        })
    }
}

/// Reads the first bytes of an input, as many as tell its format; fewer only if there are no more.
fn read_start(stream: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(4);
    stream.take(4).read_to_end(&mut start)?;
    Ok(start)
}
