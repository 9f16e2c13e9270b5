//! Reads all inputs: one thread reads, several threads parse, and the results are taken in the order of arrival.
//!
//! The reader cuts the inputs into pieces of some thousands of lines, or rows of Parquet. Each piece has a channel of its
//! own for its result, and the receiving ends are queued in the order of the pieces. So the results come in order,
//! however long each piece takes, and as the queue is bounded no thread runs far ahead of another.

use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{AsArray, RecordBatch, StringViewArray};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;
use rapport_data::{
    Chunk, InputError, LineChunker, RawTable, Rejected, check_batch, parse_ndjson_of,
};

use super::error::LandError;
use super::keys::{Accounts, Span};
use super::plain::PlainForm;
use super::runs::{TABLES, stopped};
use super::schema::ReadSchema;
use super::source::{LandSource, Meter, Opened, ParquetInput};
use super::spill::SpillFile;

/// The bytes of lines in a piece, about.
const CHUNK_BYTES: usize = 1 << 20;
/// The decompressed bytes of Parquet in a piece, about, ...
const PIECE_BYTES: usize = 16 << 20;
/// ... within these bounds of rows. The more rows, the longer are the spans of one partition among them, which later steps
/// move as a whole.
const PIECE_ROWS: RangeInclusive<usize> = 64..=65_536;
/// The most bytes of text in a piece of more than one row. A file may hold a text once that many rows share, so its size
/// does not bound them.
const PIECE_TEXT: usize = 64 << 20;

/// Holds the parsed events of one piece of an input.
pub(super) struct Arrival {
    /// The number of the input.
    pub input: usize,
    /// The number of its lines, blank ones included.
    pub lines: u64,
    /// The accepted events of each table, with their partitions.
    pub tables: [Option<(RecordBatch, Vec<Span>)>; TABLES],
    /// The rejected lines.
    pub rejected: Vec<Rejected>,
}

/// Reads and parses the inputs of a landing.
pub(super) struct Parsing<'a> {
    pub now: DateTime<Utc>,
    pub accounts: &'a Accounts,
    pub forms: &'a [Arc<PlainForm>; TABLES],
    pub threads: usize,
    pub spill: &'a SpillFile,
}

enum Piece {
    Lines(Chunk),
    Rows { batch: RecordBatch, first: u64 },
}

type Answer = Result<Arrival, LandError>;
type Job = (usize, Piece, SyncSender<Answer>);

impl Parsing<'_> {
    /// Reads all inputs and passes their pieces to `take`, in order. Ends at the first error.
    pub fn run(
        &self,
        inputs: &[LandSource],
        meter: &Meter,
        mut take: impl FnMut(Arrival) -> Result<(), LandError>,
    ) -> Result<(), LandError> {
        let (give_jobs, jobs) = sync_channel::<Job>(self.threads);
        let (give_answers, answers) = sync_channel::<Receiver<Answer>>(2 * self.threads);
        let jobs = Mutex::new(jobs);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let reader = Reader {
                    jobs: give_jobs,
                    answers: give_answers,
                    meter,
                    spill: self.spill,
                };
                reader.run(inputs);
            });
            for _ in 0..self.threads {
                scope.spawn(|| self.work(inputs, &jobs));
            }
            // The loop owns the queue, so that an early return closes it, which stops the reader.
            for answer in answers {
                take(answer.recv().map_err(|_| stopped())??)?;
            }
            Ok(())
        })
    }

    /// Parses pieces until there are no more.
    fn work(&self, inputs: &[LandSource], jobs: &Mutex<Receiver<Job>>) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((input, piece, answer)) = job else {
                return;
            };
            let parsed = self.parse(input, &inputs[input], piece);
            let arrival = parsed.map_err(|source| match source {
                ParseError::Input(source) => LandError::Input {
                    input: inputs[input].label().to_owned(),
                    source,
                },
                ParseError::Land(error) => error,
            });
            // If the receiver is gone, the landing has failed already.
            let _ = answer.send(arrival);
        }
    }

    fn parse(
        &self,
        input: usize,
        source: &LandSource,
        piece: Piece,
    ) -> Result<Arrival, ParseError> {
        let parsed = match piece {
            Piece::Lines(chunk) => {
                parse_ndjson_of(source.account(), &chunk.bytes, chunk.first_line, self.now)
            }
            Piece::Rows { batch, first } => {
                check_batch(&batch, first, self.now).map_err(ParseError::Input)?
            }
        };
        let mut arrival = Arrival {
            input,
            lines: parsed.lines,
            tables: Default::default(),
            rejected: parsed.rejected,
        };
        for ((rows, form), parts) in parsed
            .tables
            .into_iter()
            .zip(self.forms)
            .zip(&mut arrival.tables)
        {
            if let Some(rows) = rows {
                let stripped = form.strip(&rows, self.accounts, source.batch);
                *parts = Some(stripped.map_err(ParseError::Land)?);
            }
        }
        Ok(arrival)
    }
}

enum ParseError {
    Input(InputError),
    Land(LandError),
}

/// Creates the plain form of each table. `by_batch` tells whether several batches are landed.
pub(super) fn plain_forms(by_batch: bool) -> [Arc<PlainForm>; TABLES] {
    RawTable::ALL.map(|table| Arc::new(PlainForm::new(table, by_batch)))
}

/// Cuts the inputs into pieces, on the reading thread.
struct Reader<'a> {
    jobs: SyncSender<Job>,
    answers: SyncSender<Receiver<Answer>>,
    meter: &'a Meter,
    spill: &'a SpillFile,
}

/// Tells that the receivers are gone: the landing has failed with another error.
struct Abandoned;

impl Reader<'_> {
    fn run(&self, inputs: &[LandSource]) {
        for (number, input) in inputs.iter().enumerate() {
            match self.read(number, input) {
                Ok(()) => {}
                Err(Stop::Failed(error)) => {
                    // The error takes its place in the queue, after the pieces that were read before it.
                    let (give, answer) = sync_channel(1);
                    let _ = give.send(Err(error));
                    let _ = self.answers.send(answer);
                    return;
                }
                Err(Stop::Abandoned) => return,
            }
        }
    }

    fn read(&self, number: usize, input: &LandSource) -> Result<(), Stop> {
        match input.open(self.meter, self.spill)? {
            Opened::Lines(lines) => self.lines(number, input, lines),
            Opened::Parquet(ParquetInput::File(file)) => {
                let bytes = file.metadata().map_or(0, |m| m.len());
                self.rows::<File>(number, input, file, bytes)
            }
            Opened::Parquet(ParquetInput::Bytes(bytes)) => {
                let size = bytes.len() as u64;
                self.rows::<Bytes>(number, input, bytes, size)
            }
        }
    }

    fn lines(
        &self,
        number: usize,
        input: &LandSource,
        lines: Box<dyn Read + Send>,
    ) -> Result<(), Stop> {
        for chunk in LineChunker::new(lines, CHUNK_BYTES) {
            let chunk = chunk.map_err(|source| {
                let input = input.label().to_owned();
                match source {
                    InputError::Read(source) => LandError::Read { input, source },
                    source => LandError::Input { input, source },
                }
            })?;
            self.give(number, Piece::Lines(chunk))?;
        }
        Ok(())
    }

    fn rows<R: ChunkReader + 'static>(
        &self,
        number: usize,
        input: &LandSource,
        file: R,
        bytes: u64,
    ) -> Result<(), Stop> {
        let broken = |source| LandError::Parquet {
            input: input.label().to_owned(),
            source,
        };
        let found =
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(broken)?;
        let reading = ReadSchema::of(&found);
        let options = ArrowReaderOptions::new().with_schema(Arc::clone(&reading.schema));
        let metadata =
            ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options).map_err(broken)?;
        let rows = metadata
            .metadata()
            .file_metadata()
            .num_rows()
            .unsigned_abs();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_batch_size(piece_rows(found.metadata()));
        let mut first = 1;
        for batch in builder.build().map_err(broken)? {
            let batch = batch.and_then(|batch| reading.uuids_to_text(batch));
            let batch = batch.map_err(|source| LandError::Rows {
                input: input.label().to_owned(),
                row: first - 1,
                source,
            })?;
            let count = batch.num_rows() as u64;
            self.meter.add(bytes * count / rows.max(1));
            for batch in split_by_text(batch, PIECE_TEXT) {
                let rows = batch.num_rows() as u64;
                self.give(number, Piece::Rows { batch, first })?;
                first += rows;
            }
        }
        Ok(())
    }

    /// Queues a piece to be parsed.
    fn give(&self, number: usize, piece: Piece) -> Result<(), Abandoned> {
        let (give, answer) = sync_channel(1);
        self.answers.send(answer).map_err(|_| Abandoned)?;
        self.jobs.send((number, piece, give)).map_err(|_| Abandoned)
    }
}

/// Returns the number of rows of a file that make a piece.
fn piece_rows(file: &ParquetMetaData) -> usize {
    let groups = file.row_groups().iter();
    // The file declares these sizes, and may be wrong.
    let bytes = groups.fold(0_i64, |sum, group| {
        sum.saturating_add(group.total_byte_size())
    });
    let rows = file.file_metadata().num_rows().max(1);
    let row_bytes = usize::try_from(bytes / rows).unwrap_or(0).max(1);
    (PIECE_BYTES / row_bytes).clamp(*PIECE_ROWS.start(), *PIECE_ROWS.end())
}

/// Halves rows until each part has at most `most` bytes of text, or is a single row.
fn split_by_text(rows: RecordBatch, most: usize) -> Vec<RecordBatch> {
    let count = rows.num_rows();
    if count < 2 || text_bytes(&rows) <= most {
        return vec![rows];
    }
    let (first, second) = (
        rows.slice(0, count / 2),
        rows.slice(count / 2, count - count / 2),
    );
    let mut parts = split_by_text(first, most);
    parts.extend(split_by_text(second, most));
    parts
}

/// Returns the bytes of all strings; one that several rows share counts for each.
fn text_bytes(rows: &RecordBatch) -> usize {
    let texts = rows.columns().iter().filter_map(|c| c.as_string_view_opt());
    // The lower four bytes of a view are the length of its string.
    let bytes = |texts: &StringViewArray| -> usize {
        texts.views().iter().map(|view| *view as u32 as usize).sum()
    };
    texts.map(bytes).sum()
}

/// Tells why reading ends early.
enum Stop {
    Failed(LandError),
    Abandoned,
}

impl From<LandError> for Stop {
    fn from(error: LandError) -> Self {
        Stop::Failed(error)
    }
}

impl From<Abandoned> for Stop {
    fn from(_: Abandoned) -> Self {
        Stop::Abandoned
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::ArrayRef;

    use super::*;

    #[test]
    fn rows_are_cut_until_their_texts_are_short_enough_or_they_are_single() {
        let texts = [
            "a".repeat(100),
            "b".repeat(30),
            "c".into(),
            "d".repeat(20),
            String::new(),
        ];
        let column: ArrayRef = Arc::new(StringViewArray::from_iter_values(&texts));
        let rows = RecordBatch::try_from_iter([("text", column)]).unwrap();
        let sizes = |most: usize| -> Vec<usize> {
            let parts = split_by_text(rows.clone(), most);
            assert_eq!(
                arrow::compute::concat_batches(rows.schema_ref(), &parts).unwrap(),
                rows
            );
            parts.iter().map(RecordBatch::num_rows).collect()
        };
        assert_eq!(sizes(151), [5]);
        assert_eq!(sizes(150), [2, 3]);
        assert_eq!(sizes(50), [1, 1, 3]);
        assert_eq!(sizes(0), [1, 1, 1, 1, 1]);
    }
}
