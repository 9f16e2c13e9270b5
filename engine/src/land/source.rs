//! What is landed: files, folders, standard input, bytes in memory; found, named, and opened as plain NDJSON or Parquet.
//!
//! The form of an input is told by its first bytes, so that a mislabelled file lands right; a name that promises a form
//! the bytes do not have is an error, since that is what a broken download looks like. In folders only files with a known
//! ending are taken (a folder holds other things too), and a file `accounts.ndjson` is left out: by convention it holds
//! settings, not events. So is what is hidden, and a link back to a folder above. A file of no bytes whose name promises a
//! form is left out too, wherever it was named: it holds no event, and rotated logs leave such files behind. What was left
//! out is reported, never silent.

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

/// The endings of the files that are taken from a folder.
const ENDINGS: [&str; 6] = ["ndjson", "jsonl", "json", "gz", "zst", "parquet"];
/// By convention the settings beside the events, in the same folder.
const SETTINGS_FILE: &str = "accounts.ndjson";
const READ_AHEAD: usize = 256 * 1024;

/// Something to land.
#[derive(Debug, Clone)]
pub struct LandSource {
    /// What rejected lines are said to come from, and what errors name.
    label: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Path(PathBuf),
    Stdin,
    Bytes(Bytes),
}

impl LandSource {
    /// A file, or a folder with all that is below it.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            label: label_of(&path),
            kind: Kind::Path(path),
        }
    }

    /// Standard input, named `-`.
    pub fn stdin() -> Self {
        Self {
            label: "-".into(),
            kind: Kind::Stdin,
        }
    }

    /// Bytes in memory, under a name of the caller's.
    pub fn bytes(label: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self {
            label: label.into(),
            kind: Kind::Bytes(bytes.into()),
        }
    }

    /// The name under which its rejected lines are kept.
    pub fn label(&self) -> &str {
        &self.label
    }
}

/// A path as rejected lines and errors name it: without a `.` or `//`, so that a file spelt in two ways is one source and
/// its rejected lines are kept once. A `..` stays: after a link it leads elsewhere than the text says.
fn label_of(path: &Path) -> String {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let label = parts.collect::<PathBuf>().display().to_string();
    match label.as_str() {
        "" => ".".to_owned(),
        // This name is standard input's.
        "-" => "./-".to_owned(),
        _ => label,
    }
}

/// What was given, alone or in a folder, and was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// A file, or a folder with all that is below it.
    pub path: String,
    /// Why.
    pub reason: &'static str,
}

/// The inputs that sources stand for, in the order in which they land.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// Files, standard input and bytes; no folders.
    pub inputs: Vec<LandSource>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// The bytes of all inputs together, where all are known.
    pub bytes: Option<u64>,
}

impl Inputs {
    /// Finds what the sources stand for. A path that is not there is an error before anything is read.
    pub fn find(sources: Vec<LandSource>) -> Result<Self, LandError> {
        let mut found = Inputs {
            bytes: Some(0),
            ..Inputs::default()
        };
        for source in sources {
            match &source.kind {
                Kind::Path(path) => found.add_path(path, true, &mut HashSet::new())?,
                Kind::Stdin => {
                    found.bytes = None;
                    found.inputs.push(source);
                }
                Kind::Bytes(bytes) => {
                    found.bytes = found.bytes.map(|b| b + bytes.len() as u64);
                    found.inputs.push(source);
                }
            }
        }
        Ok(found)
    }

    /// Adds a file, or a folder's files by name. `given`: the caller named this very path, so its ending does not matter.
    fn add_path(
        &mut self,
        path: &Path,
        given: bool,
        above: &mut HashSet<PathBuf>,
    ) -> Result<(), LandError> {
        let fail = |source: io::Error| LandError::Open {
            input: path.display().to_string(),
            source,
        };
        let metadata = std::fs::metadata(path).map_err(fail)?;
        if !metadata.is_dir() {
            if !given && !wanted(path) {
                self.skip(path, "not a file of events by its name");
                return Ok(());
            }
            if metadata.is_file() && metadata.len() == 0 && Form::promised(path).is_some() {
                self.skip(path, "it is empty");
                return Ok(());
            }
            self.bytes = match metadata.is_file() {
                true => self.bytes.map(|b| b + metadata.len()),
                false => None,
            };
            self.inputs.push(LandSource::path(path));
            return Ok(());
        }
        // A link to a folder above would never end.
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
            if hidden(&entry) {
                self.skip(&entry, "hidden by its name");
            } else {
                self.add_path(&entry, false, above)?;
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

fn hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn wanted(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name != SETTINGS_FILE)
        && ending(path).is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

fn ending(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// An opened input.
pub(super) enum Opened {
    /// Lines, decompressed.
    Lines(Box<dyn Read + Send>),
    /// A Parquet file.
    Parquet(ParquetInput),
}

/// Where a Parquet file's bytes are.
pub(super) enum ParquetInput {
    /// On disk.
    File(File),
    /// In memory.
    Bytes(Bytes),
}

/// Counts the bytes that were read from all inputs, before decompression.
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

struct Counted<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.meter.add(read as u64);
        Ok(read)
    }
}

/// The forms that first bytes tell apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Gzip,
    Zstd,
    Parquet,
}

impl Form {
    fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Form::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Form::Zstd,
            [b'P', b'A', b'R', b'1', ..] => Form::Parquet,
            _ => Form::Plain,
        }
    }

    /// What a name promises.
    fn promised(path: &Path) -> Option<(Self, &'static str)> {
        match ending(path)?.as_str() {
            "gz" => Some((Form::Gzip, "gzip")),
            "zst" => Some((Form::Zstd, "zstd")),
            "parquet" => Some((Form::Parquet, "Parquet")),
            _ => None,
        }
    }
}

impl LandSource {
    /// Opens an input (not a folder) for reading. What is read of lines goes to the meter; Parquet's reader has to tell
    /// it itself. What has to be copied goes where rows are spilled.
    pub(super) fn open(&self, meter: &Meter, spill: &SpillFile) -> Result<Opened, LandError> {
        let fail = |source: io::Error| LandError::Open {
            input: self.label.clone(),
            source,
        };
        let mut stream: Box<dyn Read + Send> = match &self.kind {
            Kind::Path(path) => Box::new(File::open(path).map_err(fail)?),
            Kind::Stdin => Box::new(io::stdin()),
            Kind::Bytes(bytes) => Box::new(Cursor::new(bytes.clone())),
        };
        let start = read_start(&mut stream).map_err(fail)?;
        let form = Form::of(&start);
        if let Kind::Path(path) = &self.kind
            && let Some((promised, name)) = Form::promised(path)
            && promised != form
        {
            return Err(LandError::Form {
                input: self.label.clone(),
                expected: name,
                empty: start.is_empty(),
            });
        }
        let mut whole = Cursor::new(start).chain(stream);
        if form == Form::Parquet {
            let found = match self.seekable().map_err(fail)? {
                Some(input) => input,
                None => ParquetInput::File(spill.copy(&mut whole, fail)?),
            };
            return Ok(Opened::Parquet(found));
        }
        let counted = Counted {
            inner: whole,
            meter: meter.clone(),
        };
        let ahead = BufReader::with_capacity(READ_AHEAD, counted);
        Ok(Opened::Lines(match form {
            Form::Gzip => Box::new(Frames::<_, GzDecoder<_>>::new(ahead).map_err(fail)?),
            Form::Zstd => Box::new(Frames::<_, zstd::Decoder<_>>::new(ahead).map_err(fail)?),
            Form::Plain | Form::Parquet => Box::new(ahead),
        }))
    }

    /// Parquet is read from its end, so what cannot be sought in (`None`) has to be copied first.
    fn seekable(&self) -> io::Result<Option<ParquetInput>> {
        Ok(match &self.kind {
            Kind::Bytes(bytes) => Some(ParquetInput::Bytes(bytes.clone())),
            Kind::Path(path) if std::fs::metadata(path)?.is_file() => {
                Some(ParquetInput::File(File::open(path)?))
            }
            Kind::Path(_) | Kind::Stdin => None,
        })
    }
}

/// The first few bytes: enough to tell the form, fewer only at the end.
fn read_start(stream: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(4);
    stream.take(4).read_to_end(&mut start)?;
    Ok(start)
}
