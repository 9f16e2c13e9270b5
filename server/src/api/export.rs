//! Streams a result to the client: rows are written as the client takes them, never all at once.
//!
//! The statement runs ahead of the client by no more than the channels between them hold. A client that disconnects, or
//! reads nothing until the statement's timeout, ends the statement. An error before the first bytes is answered as a
//! problem; a later one breaks the transfer, so that no part is taken for the whole.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, Version};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, stream};
use tokio::sync::mpsc;

use super::form::Form;
use super::problem::Problem;
use crate::output::{self, Formulas, OutputError, ResultWriter};
use crate::pg::{Answer, Inquiry, PgError};

/// How many bytes are sent at once; a smaller result is sent with a `Content-Length`.
const CHUNK: usize = 64 * 1024;

/// Represents one message of the task that writes a result to the response's body.
enum Message {
    /// The next bytes.
    Bytes(Bytes),
    /// The result is complete.
    End,
    /// The result breaks off.
    Error(PgError),
}

/// Writes a result in one form.
pub struct Export {
    answer: Answer,
    form: Form,
    /// The bytes that are written and not sent yet.
    buffer: Buffer,
    /// None once the end has been written.
    writer: Option<Box<dyn ResultWriter>>,
    parts: Box<dyn Iterator<Item = RecordBatch> + Send>,
    /// Keeps the session in `system.sessions` until the last byte has been sent.
    _inquiry: Inquiry,
}

impl Export {
    /// Begins to write an answer.
    ///
    /// # Errors
    /// If the form cannot hold it.
    pub fn new(inquiry: Inquiry, mut answer: Answer, form: Form) -> Result<Export, Problem> {
        let buffer = Buffer::default();
        let schema = Arc::clone(answer.schema());
        let out = buffer.clone();
        let writer = output::writer(form.result_form(), out, schema, Formulas::Escaped);
        let writer =
            writer.map_err(|error| Problem::from_error(write_error(&mut answer, &error)))?;
        Ok(Export {
            answer,
            form,
            buffer,
            writer: Some(writer),
            parts: Box::new(std::iter::empty()),
            _inquiry: inquiry,
        })
    }

    /// Makes the response; CSV and Parquet are attachments named after the query.
    ///
    /// # Errors
    /// Any error before the first bytes.
    pub async fn response(mut self, name: &str, version: Version) -> Result<Response, Problem> {
        let form = self.form;
        let first = self.next().await.map_err(Problem::from_error)?;
        let body = if self.writer.is_none() {
            Body::from(first.unwrap_or_default())
        } else if version < Version::HTTP_11 {
            return Err(Problem::old_protocol());
        } else {
            Body::from_stream(self.into_stream(first))
        };
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
        if form != Form::Json {
            let disposition = format!("attachment; filename=\"{name}.{}\"", form.name());
            let disposition = HeaderValue::try_from(disposition).map_err(Problem::internal)?;
            headers.insert(CONTENT_DISPOSITION, disposition);
        }
        Ok(response)
    }

    /// Streams the result from its first bytes on. A task of its own writes it, so that a client that does not read cannot
    /// hold the statement beyond its timeout.
    fn into_stream(self, first: Option<Bytes>) -> impl Stream<Item = Result<Bytes, PgError>> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.send(first, sender));
        stream::unfold(Some(receiver), |receiver| async {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(Message::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
                Some(Message::End) => None,
                Some(Message::Error(error)) => Some((Err(error), None)),
                None => Some((Err(PgError::internal("a result has no end")), None)),
            }
        })
    }

    /// Sends the result until it ends, fails, or the client disconnects.
    async fn send(mut self, first: Option<Bytes>, sender: mpsc::Sender<Message>) {
        let mut next = Ok(first);
        loop {
            let message = match next {
                Ok(Some(bytes)) => Message::Bytes(bytes),
                Ok(None) => Message::End,
                Err(error) => Message::Error(error),
            };
            let is_last = !matches!(message, Message::Bytes(_));
            match self.answer.within(sender.send(message)).await {
                Ok(Ok(())) if !is_last => {}
                // The client has disconnected or not read in time. Without `End` the transfer breaks, so it cannot take
                // what it has for the whole.
                _ => return,
            }
            next = tokio::select! {
                () = sender.closed() => return,
                next = self.next() => next,
            };
        }
    }

    /// Returns the next bytes; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, PgError> {
        while self.writer.is_some() && self.buffer.lock().len() < CHUNK {
            match self.parts.next() {
                Some(part) => self.write(Some(part)).await?,
                None => match self.answer.next().await? {
                    Some(batch) => self.parts = Box::new(Answer::parts(batch)),
                    None => self.write(None).await?,
                },
            }
        }
        let bytes = mem::take(&mut *self.buffer.lock());
        Ok((!bytes.is_empty()).then(|| Bytes::from(bytes)))
    }

    /// Writes rows, or the end if there are none.
    async fn write(&mut self, rows: Option<RecordBatch>) -> Result<(), PgError> {
        let Some(mut writer) = self.writer.take() else {
            return Ok(());
        };
        let write = move || match rows {
            Some(rows) => writer.write(&rows).map(|()| Some(writer)),
            None => writer.finish().map(|()| None),
        };
        self.writer = match self.answer.work(write).await? {
            Ok(writer) => writer,
            Err(error) => return Err(write_error(&mut self.answer, &error)),
        };
        Ok(())
    }
}

/// Records that the result could not be written as the statement's error, and returns it.
fn write_error(answer: &mut Answer, error: &OutputError) -> PgError {
    let error = PgError::internal(format!("a result could not be written: {error}"));
    answer.failed(&error);
    error
}

/// Holds the bytes that the writer has written and the client has not been sent. Clones share them.
#[derive(Debug, Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
