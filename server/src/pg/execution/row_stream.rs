//! The stream of rows of a running query.
//!
//! The plan runs in a task on the account's query threads, which also encodes its rows; the connection, on the I/O threads,
//! receives encoded pieces from a channel that holds two. So a client that reads slowly delays its own query alone, and a
//! heavy query delays no login. Rows of a cursor are encoded when they are fetched, since their format is known only then.
//! What always holds: dropping a [`RowStream`] aborts its task and everything that DataFusion has started for it; and the
//! query's permit is released only when the task has ended.

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

use super::cancellation::with_cancellable_joins;
use super::fair_share::with_fair_share;
use super::gate::{Gate, ReleaseOnDrop};
use super::tasks::{AbortOnDrop, physical_plan, task_context};
use crate::pg::resources::admission::Permit;
use crate::pg::resources::memory::Share;
use crate::pg::resources::stop_flag::StopCheck;
use crate::pg::resources::throttle::Throttle;
use rapport_pgsql::encode::{CopyEncoder, RowEncoder, Rows};
use rapport_pgsql::error::PgError;

/// Encodes batches as messages.
pub enum Encoder {
    /// As rows of a result (`DataRow`).
    Rows(RowEncoder),
    /// As data of a COPY (`CopyData`).
    Copy(CopyEncoder),
    /// Not in the task: the reader of the stream encodes them, or wants batches.
    Deferred,
}

impl Encoder {
    /// Encodes a batch in pieces. Each is made when the iterator gets there, since text takes more memory than arrays.
    fn encode(
        &self,
        batch: RecordBatch,
    ) -> Result<Box<dyn Iterator<Item = Result<Piece, PgError>> + Send + '_>, PgError> {
        let piece = |rows: Result<Rows, PgError>| rows.map(Piece::Rows);
        Ok(match self {
            Encoder::Rows(rows) => Box::new(rows.encode(&batch)?.map(piece)),
            Encoder::Copy(copy) => Box::new(copy.encode(&batch)?.map(piece)),
            Encoder::Deferred => Box::new(std::iter::once(Ok(Piece::Batch(batch)))),
        })
    }
}

/// A planned query, ready to run.
pub struct QueryTask {
    /// The state that it was planned in, with the version of the lake that it reads.
    pub state: SessionState,
    /// The optimised plan.
    pub plan: LogicalPlan,
    /// How its rows are encoded.
    pub encoder: Encoder,
    /// The share that its operators reserve memory from.
    pub memory: Arc<Share>,
}

impl std::fmt::Debug for QueryTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryTask").finish_non_exhaustive()
    }
}

/// Part of a result, encoded or not.
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

/// The most rows that the reader encodes at once.
const CHUNK_ROWS: usize = 1024;
/// The most bytes of a batch that the reader encodes at once; a larger row is encoded alone.
const CHUNK_BYTES: usize = 256 * 1024;

/// Returns the rows of a running query as they come.
#[derive(Debug)]
pub struct RowStream {
    pieces: mpsc::Receiver<Result<Option<Piece>, PgError>>,
    /// A piece, and how many of its rows were returned.
    current: Option<(Piece, usize)>,
    finished: bool,
    gate: Arc<Gate>,
    task: Option<AbortOnDrop>,
}

/// Some encoded rows.
#[derive(Debug, Default)]
pub struct RowChunk {
    /// The messages; empty where rows are only counted.
    pub data: Bytes,
    /// How many rows there are.
    pub rows: u64,
}

impl RowStream {
    /// Starts a query on the threads of `runtime`.
    pub fn start(runtime: &Handle, query: QueryTask, permit: Permit) -> RowStream {
        let (sender, pieces) = mpsc::channel(2);
        let throttle = Arc::clone(permit.throttle());
        let gate = Arc::new(Gate::new(permit));
        let task_gate = Arc::clone(&gate);
        let task = runtime.spawn(async move {
            let _release = ReleaseOnDrop(Arc::clone(&task_gate));
            let rows = produce_rows(&query, &throttle, &sender, &task_gate);
            let rows = std::panic::AssertUnwindSafe(query.memory.run_unless_killed(rows));
            let end = match rows.catch_unwind().await {
                Ok(Ok(())) => Ok(None),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(PgError::internal("a query panicked")),
            };
            // This fails if nobody reads any more.
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

    /// Makes a stream of batches that are complete already.
    ///
    /// # Errors
    /// If they cannot be encoded.
    pub fn from_batches(
        batches: Vec<RecordBatch>,
        encoder: &Encoder,
    ) -> Result<RowStream, PgError> {
        let mut ready = Vec::new();
        for batch in batches {
            for piece in encoder.encode(batch)? {
                ready.push(piece?);
            }
        }
        let (sender, pieces) = mpsc::channel(ready.len() + 1);
        for piece in ready {
            // The channel has room for all.
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

    /// Makes a stream of rows of text that are complete already.
    ///
    /// # Errors
    /// If they cannot be encoded.
    pub fn from_text(
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
        RowStream::from_batches(vec![batch], encoder)
    }

    /// Returns the next rows, at most `limit`; `None` at the end. `encoder` encodes rows of [`Encoder::Deferred`]; without it
    /// they are only counted. Cancel-safe.
    ///
    /// # Errors
    /// If the query fails, or a row cannot be encoded.
    pub async fn next(
        &mut self,
        limit: u64,
        encoder: Option<&RowEncoder>,
    ) -> Result<Option<RowChunk>, PgError> {
        loop {
            if let Some((piece, from)) = self.current.take() {
                return self.take_rows(piece, from, limit, encoder).map(Some);
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

    /// Returns the next batch of a query with [`Encoder::Deferred`]; `None` at the end.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn next_batch(&mut self) -> Result<Option<RecordBatch>, PgError> {
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

    /// Returns rows of a piece, of which `from` were returned before, and keeps the rest.
    fn take_rows(
        &mut self,
        piece: Piece,
        from: usize,
        limit: u64,
        encoder: Option<&RowEncoder>,
    ) -> Result<RowChunk, PgError> {
        let left = piece.rows() - from;
        let count = usize::try_from(limit).map_or(left, |limit| limit.min(left));
        let (data, count) = match (&piece, encoder) {
            (Piece::Rows(rows), _) => {
                let position = |row: usize| if row == 0 { 0 } else { rows.ends[row - 1] };
                (
                    rows.data.slice(position(from)..position(from + count)),
                    count,
                )
            }
            (Piece::Batch(batch), Some(encoder)) => {
                let slice = batch.slice(from, count.min(rows_per_chunk(batch)));
                // The rest of the slice is encoded by the next call.
                let first = encoder.encode(&slice)?.next().transpose()?;
                let rows = first.unwrap_or_default();
                (rows.data, rows.ends.len())
            }
            (Piece::Batch(_), None) => (Bytes::new(), count),
        };
        if count < left {
            self.current = Some((piece, from + count));
        }
        Ok(RowChunk {
            data,
            rows: count as u64,
        })
    }

    /// Pauses the query, which releases its permit once it is idle.
    pub fn pause(&self) {
        self.gate.close();
    }

    /// Resumes the query. Returns false if it has released its permit, and needs [`RowStream::resume_with`].
    pub fn resume(&self) -> bool {
        self.task.is_none() || self.finished || self.gate.reopen()
    }

    /// Resumes the query with another permit.
    pub fn resume_with(&self, permit: Permit) {
        self.gate.open_with(permit);
    }
}

/// Returns how many rows of a batch a reader should encode at once.
pub fn rows_per_chunk(batch: &RecordBatch) -> usize {
    let bytes = |column: &ArrayRef| {
        let sliced = column.to_data().get_slice_memory_size();
        sliced.unwrap_or_else(|_| column.get_array_memory_size())
    };
    let bytes: usize = batch.columns().iter().map(bytes).sum();
    let each = bytes / batch.num_rows().max(1);
    (CHUNK_BYTES / each.max(1)).clamp(1, CHUNK_ROWS)
}

/// Runs a query and sends its rows, until it ends or nobody reads them.
async fn produce_rows(
    query: &QueryTask,
    throttle: &Arc<Throttle>,
    sender: &mpsc::Sender<Result<Option<Piece>, PgError>>,
    gate: &Gate,
) -> Result<(), PgError> {
    let physical = physical_plan(&query.state, &query.plan).await?;
    // The reader of the rows holds the other end of the channel.
    let weak = sender.downgrade();
    let unwanted: StopCheck =
        Arc::new(move || weak.upgrade().is_none_or(|sender| sender.is_closed()));
    let should_stop = query.memory.stop_check(unwanted);
    let physical = with_fair_share(with_cancellable_joins(physical, &should_stop)?, throttle)?;
    let context = task_context(&query.state, Arc::clone(&query.memory));
    let mut stream = execute_stream(physical, context)?;
    loop {
        throttle.wait_for_reader(gate.pass()).await;
        let Some(batch) = stream.next().await else {
            return Ok(());
        };
        for piece in query.encoder.encode(batch?)? {
            // The query is idle while the channel is full.
            let room = throttle
                .wait_for_reader(gate.while_idle(sender.reserve()))
                .await;
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
    async fn a_stream_returns_at_most_the_rows_asked_for() {
        for deferred in [false, true] {
            let lines: Vec<_> = ["a", "b", "c"]
                .map(|text| vec![Some(text.to_owned())])
                .to_vec();
            let (first, second) = if deferred {
                (Encoder::Deferred, Some(encoder()))
            } else {
                (Encoder::Rows(encoder()), None)
            };
            let mut stream = RowStream::from_text(1, &lines, &first).unwrap();
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
