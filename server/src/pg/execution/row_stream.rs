//! Running plans: on threads of their own, streamed, and stopped when nobody wants the rows any more.
//!
//! A plan runs in a task on the query runtime, which also encodes its rows; the connection, on the I/O runtime, takes
//! encoded pieces from a channel of two. So a client that reads slowly holds back its own query alone, and a heavy
//! query holds back no login. Rows of a cursor are encoded late, when they are fetched and their format is known. What
//! always holds: when a [`RowStream`] is dropped, its task is aborted, and with it everything that DataFusion has
//! started for it; and the task's right to run is given back only when it has really ended.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use futures::{FutureExt, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::cancellation::stopping;
use super::fair_share::giving_way;
use super::gate::{Gate, GateOnDrop};
use super::tasks::{AbortOnDrop, physical_plan, task_context};
use crate::pg::resources::admission::Permit;
use crate::pg::resources::memory::Share;
use crate::pg::resources::stop_flag::GivenUp;
use crate::pg::resources::throttle::Pace;
use rapport_pgsql::encode::{CopyEncoder, RowEncoder, Rows};
use rapport_pgsql::error::PgError;

/// Turns batches into messages.
pub enum Encoder {
    /// As rows of a result.
    Rows(RowEncoder),
    /// As data of a COPY.
    Copy(CopyEncoder),
    /// Not yet: whoever takes the rows encodes them.
    Late,
}

impl Encoder {
    /// A batch in pieces, of which each is made when it is asked for: text takes more than what it is made of.
    fn encode(
        &self,
        batch: RecordBatch,
    ) -> Result<Box<dyn Iterator<Item = Result<Piece, PgError>> + Send + '_>, PgError> {
        let piece = |rows: Result<Rows, PgError>| rows.map(Piece::Rows);
        Ok(match self {
            Encoder::Rows(rows) => Box::new(rows.encode(&batch)?.map(piece)),
            Encoder::Copy(copy) => Box::new(copy.encode(&batch)?.map(piece)),
            Encoder::Late => Box::new(std::iter::once(Ok(Piece::Batch(batch)))),
        })
    }
}

/// A planned query that shall run.
pub struct Work {
    /// The lake and the functions that it sees.
    pub state: SessionState,
    /// The optimised plan.
    pub plan: LogicalPlan,
    /// What becomes of its rows.
    pub encoder: Encoder,
    /// What its operators may hold.
    pub memory: Arc<Share>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

/// Part of a result.
#[derive(Debug)]
enum Piece {
    Rows(Rows),
    Batch(RecordBatch),
}

impl Piece {
    fn rows(&self) -> usize {
        match self {
            Piece::Rows(rows) => rows.ends.len(),
            Piece::Batch(batch) => batch.num_rows(),
        }
    }
}

/// Rows that are encoded at once, where they are fetched.
const LATE_ROWS: usize = 1024;
/// So many bytes of a batch are, or one row.
const LATE_BYTES: usize = 256 * 1024;

/// The rows of a running query as they come.
#[derive(Debug)]
pub struct RowStream {
    pieces: mpsc::Receiver<Result<Option<Piece>, PgError>>,
    /// A piece of which some rows have been taken.
    current: Option<(Piece, usize)>,
    finished: bool,
    gate: Arc<Gate>,
    task: Option<AbortOnDrop>,
}

/// Some rows.
#[derive(Debug, Default)]
pub struct Taken {
    /// The messages.
    pub data: Bytes,
    /// How many there are.
    pub rows: u64,
}

impl RowStream {
    /// Starts to run a plan.
    pub fn start(runtime: &Handle, work: Work, permit: Permit) -> RowStream {
        let (sender, pieces) = mpsc::channel(2);
        let pace = Arc::clone(permit.pace());
        let gate = Arc::new(Gate::open(permit));
        let passed = Arc::clone(&gate);
        let task = runtime.spawn(async move {
            let _ended = GateOnDrop(Arc::clone(&passed));
            let produced = produce(&work, &pace, &sender, &passed);
            let produced = std::panic::AssertUnwindSafe(work.memory.unless_given_up(produced));
            let end = match produced.catch_unwind().await {
                Ok(Ok(())) => Ok(None),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(PgError::internal("a query panicked")),
            };
            // Nobody waits any more if this fails.
            let _ = sender.send(end).await;
        });
        RowStream {
            pieces,
            current: None,
            finished: false,
            gate,
            task: Some(AbortOnDrop(task.abort_handle())),
        }
    }

    /// Rows that are there already.
    ///
    /// # Errors
    /// If they cannot be encoded.
    pub fn ready(batches: Vec<RecordBatch>, encoder: &Encoder) -> Result<RowStream, PgError> {
        let mut ready = Vec::new();
        for batch in batches {
            for piece in encoder.encode(batch)? {
                ready.push(piece?);
            }
        }
        let (sender, pieces) = mpsc::channel(ready.len() + 1);
        for piece in ready {
            // There is room for all.
            let _ = sender.try_send(Ok(Some(piece)));
        }
        let _ = sender.try_send(Ok(None));
        Ok(RowStream {
            pieces,
            current: None,
            finished: false,
            gate: Arc::default(),
            task: None,
        })
    }

    /// Lines of text that are there already.
    ///
    /// # Errors
    /// If they cannot be encoded.
    pub fn of_text(
        columns: usize,
        lines: &[Vec<Option<String>>],
        encoder: &Encoder,
    ) -> Result<RowStream, PgError> {
        let fields: Vec<Field> = (0..columns)
            .map(|at| Field::new(format!("c{at}"), DataType::Utf8, true))
            .collect();
        let arrays: Vec<ArrayRef> = (0..columns)
            .map(|at| {
                let values: StringArray = lines
                    .iter()
                    .map(|line| line.get(at).cloned().flatten())
                    .collect();
                Arc::new(values) as ArrayRef
            })
            .collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .map_err(PgError::internal)?;
        RowStream::ready(vec![batch], encoder)
    }

    /// The next rows, at most so many; none at the end. `late` encodes what is not encoded yet. May be given up and
    /// taken up again.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn next(
        &mut self,
        limit: u64,
        late: Option<&RowEncoder>,
    ) -> Result<Option<Taken>, PgError> {
        loop {
            if let Some((piece, from)) = self.current.take() {
                return self.take(piece, from, limit, late).map(Some);
            }
            if self.finished {
                return Ok(None);
            }
            match self.pieces.recv().await {
                Some(Ok(Some(piece))) if piece.rows() > 0 => self.current = Some((piece, 0)),
                Some(Ok(Some(_))) => {}
                Some(Ok(None)) => self.finished = true,
                Some(Err(error)) => {
                    self.finished = true;
                    return Err(error);
                }
                None => {
                    self.finished = true;
                    return Err(PgError::internal("a query's task ended without a word"));
                }
            }
        }
    }

    /// The next rows as the plan gives them, where nothing encodes them; none at the end.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn batch(&mut self) -> Result<Option<RecordBatch>, PgError> {
        while !self.finished {
            match self.pieces.recv().await {
                Some(Ok(Some(Piece::Batch(batch)))) => return Ok(Some(batch)),
                Some(Ok(Some(Piece::Rows(_)))) => {
                    self.finished = true;
                    return Err(PgError::internal("rows came encoded where none should"));
                }
                Some(Ok(None)) => self.finished = true,
                Some(Err(error)) => {
                    self.finished = true;
                    return Err(error);
                }
                None => {
                    self.finished = true;
                    return Err(PgError::internal("a query's task ended without a word"));
                }
            }
        }
        Ok(None)
    }

    fn take(
        &mut self,
        piece: Piece,
        from: usize,
        limit: u64,
        late: Option<&RowEncoder>,
    ) -> Result<Taken, PgError> {
        let left = piece.rows() - from;
        let count = usize::try_from(limit).map_or(left, |limit| limit.min(left));
        let (data, count) = match (&piece, late) {
            (Piece::Rows(rows), _) => {
                let position = |row: usize| if row == 0 { 0 } else { rows.ends[row - 1] };
                (
                    rows.data.slice(position(from)..position(from + count)),
                    count,
                )
            }
            (Piece::Batch(batch), Some(encoder)) => {
                let slice = batch.slice(from, count.min(late_rows(batch)));
                // The other pieces of the slice are made when it is their turn.
                let first = encoder.encode(&slice)?.next().transpose()?;
                let rows = first.unwrap_or_default();
                (rows.data, rows.ends.len())
            }
            (Piece::Batch(_), None) => (Bytes::new(), count),
        };
        if count < left {
            self.current = Some((piece, from + count));
        }
        Ok(Taken {
            data,
            rows: count as u64,
        })
    }

    /// The query shall stand still for now and let others run: it gives its right to run back as soon as it does.
    pub fn pause(&self) {
        self.gate.close();
    }

    /// The query shall go on. False if it has given its right to run back, and needs another.
    pub fn resume(&self) -> bool {
        self.task.is_none() || self.finished || self.gate.reopen()
    }

    /// The query goes on with another right to run.
    pub fn resume_with(&self, permit: Permit) {
        self.gate.open_with(permit);
    }
}

/// How many rows of a batch are encoded at once, where they are encoded late.
pub fn late_rows(batch: &RecordBatch) -> usize {
    let bytes = |column: &ArrayRef| {
        let sliced = column.to_data().get_slice_memory_size();
        sliced.unwrap_or_else(|_| column.get_array_memory_size())
    };
    let bytes: usize = batch.columns().iter().map(bytes).sum();
    let each = bytes / batch.num_rows().max(1);
    (LATE_BYTES / each.max(1)).clamp(1, LATE_ROWS)
}

async fn produce(
    work: &Work,
    pace: &Arc<Pace>,
    sender: &mpsc::Sender<Result<Option<Piece>, PgError>>,
    gate: &Gate,
) -> Result<(), PgError> {
    let physical = physical_plan(&work.state, &work.plan).await?;
    // Who wants the rows holds the other end.
    let weak = sender.downgrade();
    let unwanted: GivenUp =
        Arc::new(move || weak.upgrade().is_none_or(|sender| sender.is_closed()));
    let given_up = work.memory.given_up_or(unwanted);
    let physical = giving_way(stopping(physical, &given_up)?, pace)?;
    let context = task_context(&work.state, Arc::clone(&work.memory));
    let mut stream = execute_stream(physical, context)?;
    loop {
        pace.waiting(gate.pass()).await;
        let Some(batch) = stream.next().await else {
            return Ok(());
        };
        for piece in work.encoder.encode(batch?)? {
            // While nobody takes rows the query stands still.
            let room = pace.waiting(gate.standing_still(sender.reserve())).await;
            let Ok(room) = room else { return Ok(()) };
            room.send(Ok(Some(piece?)));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use rapport_pgsql::encode::{Column, Formats, Style};
    use rapport_pgsql::types::zone::Zone;

    fn encoder() -> RowEncoder {
        let style = Style {
            zone: Zone::UTC,
            extra_float_digits: 1,
            intervals: Default::default(),
        };
        RowEncoder::new([Column::text("c0")].into(), Formats::default(), style)
    }

    #[tokio::test]
    async fn rows_are_taken_as_many_as_are_asked_for_early_and_late() {
        for late in [false, true] {
            let lines: Vec<_> = ["a", "b", "c"]
                .map(|text| vec![Some(text.to_owned())])
                .to_vec();
            let (first, second) = if late {
                (Encoder::Late, Some(encoder()))
            } else {
                (Encoder::Rows(encoder()), None)
            };
            let mut stream = RowStream::of_text(1, &lines, &first).unwrap();
            let two = stream.next(2, second.as_ref()).await.unwrap().unwrap();
            assert_eq!(
                &two.data[..],
                b"D\0\0\0\x0b\0\x01\0\0\0\x01aD\0\0\0\x0b\0\x01\0\0\0\x01b"
            );
            let rest = stream
                .next(u64::MAX, second.as_ref())
                .await
                .unwrap()
                .unwrap();
            assert_eq!((rest.rows, rest.data.last()), (1, Some(&b'c')));
            assert!(stream.next(1, second.as_ref()).await.unwrap().is_none());
        }
    }
}
