//! A run written to a folder: `accounts.ndjson`, and events in files of bounded size, numbered in order of arrival.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::event::{Event, EventTable};
use super::feed::Events;
use super::ndjson::Lines;
use super::{SynthOptions, accounts, event_schema};

/// In which form events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SynthFormat {
    /// `events-0001.ndjson`, one JSON object a line.
    #[default]
    Ndjson,
    /// `events-0001.parquet`, with the columns of [`event_schema`].
    Parquet,
}

impl SynthFormat {
    const fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// What was written, or, while it goes on, what was written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynthReport {
    /// Lines of `accounts.ndjson`.
    pub accounts: u64,
    /// All events, repeated ones included.
    pub events: u64,
    /// Those of conversations.
    pub conversation_events: u64,
    /// Orders, refunds and cancellations.
    pub order_events: u64,
    /// Message touches.
    pub touch_events: u64,
    /// Files of events.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Hours of the shops' time that have passed.
    pub hours: u64,
    /// Hours in all.
    pub of_hours: u64,
}

impl SynthReport {
    fn count(&mut self, event: &Event) {
        self.events += 1;
        match event.table() {
            EventTable::Conversation => self.conversation_events += 1,
            EventTable::Order => self.order_events += 1,
            EventTable::Touch => self.touch_events += 1,
        }
    }
}

/// Events between two calls of the progress function, and rows of a batch.
const STEP: u64 = 16 * 1024;
/// Rows of a row group: many in a file, so that landing can read it in bounded memory.
const ROW_GROUP: usize = 128 * 1024;

/// Writes the run of `options` into the folder `out`, which is made if it is missing: `accounts.ndjson`, and the
/// events in files of at most `events_per_file`. Tells `progress` now and then how far it is.
///
/// A folder that already holds events is refused: a shorter run would leave the rest of a longer one in it.
pub fn write_dir(
    options: &SynthOptions,
    out: &Path,
    format: SynthFormat,
    events_per_file: u64,
    progress: &mut dyn FnMut(&SynthReport),
) -> io::Result<SynthReport> {
    fs::create_dir_all(out).map_err(|error| named(out, &error))?;
    for entry in fs::read_dir(out).map_err(|error| named(out, &error))? {
        let name = entry?.file_name();
        if name.to_string_lossy().starts_with("events-") {
            let message = format!(
                "{}: holds {} already; name an empty folder",
                out.display(),
                name.to_string_lossy()
            );
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
    }
    let mut report = SynthReport::default();
    let mut lines = String::new();
    for line in accounts(options) {
        lines.push_str(&line);
        lines.push('\n');
        report.accounts += 1;
    }
    let path = out.join("accounts.ndjson");
    fs::write(&path, lines).map_err(|error| named(&path, &error))?;

    let mut events = Events::new(options);
    let mut part = Part::next(
        &mut events,
        format,
        events_per_file.clamp(1, STEP),
        &mut report,
    )?;
    while !part.is_empty() {
        report.files += 1;
        let path = out.join(format!("events-{:04}.{}", report.files, format.extension()));
        let mut left = events_per_file.max(1);
        let mut file = Output::create(&path, format).map_err(|error| named(&path, &error))?;
        loop {
            left -= part.events;
            file.write(&part).map_err(|error| named(&path, &error))?;
            (report.hours, report.of_hours) = events.hours();
            progress(&report);
            part = Part::next(
                &mut events,
                format,
                if left == 0 { events_per_file } else { left }.clamp(1, STEP),
                &mut report,
            )?;
            if left == 0 || part.is_empty() {
                break;
            }
        }
        file.close().map_err(|error| named(&path, &error))?;
        report.bytes += fs::metadata(&path)
            .map_err(|error| named(&path, &error))?
            .len();
    }
    (report.hours, report.of_hours) = events.hours();
    Ok(report)
}

/// `error`, with the file that it is about.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Some events, in the form in which they are written.
struct Part {
    events: u64,
    lines: Vec<u8>,
    batch: Option<RecordBatch>,
}

impl Part {
    /// The next events, at most `most`, counted in `report`.
    fn next(
        events: &mut Events,
        format: SynthFormat,
        most: u64,
        report: &mut SynthReport,
    ) -> io::Result<Self> {
        let mut part = Self {
            events: 0,
            lines: Vec::new(),
            batch: None,
        };
        let mut seen = |event: &Event| report.count(event);
        match format {
            SynthFormat::Ndjson => {
                part.events = events.fill(
                    &mut Lines::default(),
                    &mut part.lines,
                    usize::MAX,
                    most,
                    &mut seen,
                );
            }
            SynthFormat::Parquet => {
                part.batch = events
                    .batch(most as usize, &mut seen)
                    .map_err(io::Error::other)?;
                part.events = part
                    .batch
                    .as_ref()
                    .map_or(0, |batch| batch.num_rows() as u64);
            }
        }
        Ok(part)
    }

    const fn is_empty(&self) -> bool {
        self.events == 0
    }
}

/// A file being written.
enum Output {
    Lines(BufWriter<File>),
    Columns(Box<ArrowWriter<BufWriter<File>>>),
}

impl Output {
    fn create(path: &Path, format: SynthFormat) -> io::Result<Self> {
        let file = BufWriter::with_capacity(256 * 1024, File::create(path)?);
        match format {
            SynthFormat::Ndjson => Ok(Self::Lines(file)),
            SynthFormat::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::LZ4_RAW)
                    .set_max_row_group_row_count(Some(ROW_GROUP))
                    .build();
                let writer = ArrowWriter::try_new(file, event_schema(), Some(properties))?;
                Ok(Self::Columns(Box::new(writer)))
            }
        }
    }

    fn write(&mut self, part: &Part) -> io::Result<()> {
        match self {
            Self::Lines(file) => file.write_all(&part.lines),
            Self::Columns(writer) => part
                .batch
                .as_ref()
                .map_or(Ok(()), |batch| Ok(writer.write(batch)?)),
        }
    }

    fn close(self) -> io::Result<()> {
        match self {
            Self::Lines(mut file) => file.flush(),
            Self::Columns(writer) => writer.into_inner()?.flush(),
        }
    }
}
