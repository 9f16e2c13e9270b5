//! A result on its way out: rows are written as the client takes them, never all at once.
//!
//! Nothing runs ahead of the client but what the channels to it hold, and a client that goes away, or takes nothing until
//! the statement's time is up, ends the statement. What goes wrong before the first bytes is answered as a problem; after
//! them it is an error of the body, which breaks the transfer.

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

/// Bytes that are sent at once; a result of no more has a length.
const CHUNK: usize = 64 * 1024;

/// What becomes of a result, part by part.
enum Sent {
    /// Some of it.
    Bytes(Bytes),
    /// That this was all.
    End,
    /// That there will be no more.
    Error(PgError),
}

/// A result that is being written.
pub struct Export {
    answer: Answer,
    form: Form,
    /// What was written and is not sent yet.
    written: Written,
    /// There until the end has been written.
    writer: Option<Box<dyn ResultWriter>>,
    parts: Box<dyn Iterator<Item = RecordBatch> + Send>,
    /// Whose session it is, which is in sight until the last byte has gone.
    _inquiry: Inquiry,
}

impl Export {
    /// Begins to write an answer.
    ///
    /// # Errors
    /// If the form cannot hold it.
    pub fn new(inquiry: Inquiry, mut answer: Answer, form: Form) -> Result<Export, Problem> {
        let written = Written::default();
        let schema = Arc::clone(answer.schema());
        let out = written.clone();
        let writer = output::writer(form.written(), out, schema, Formulas::Disarmed);
        let writer = writer.map_err(|error| Problem::failed(unwritten(&mut answer, &error)))?;
        Ok(Export {
            answer,
            form,
            written,
            writer: Some(writer),
            parts: Box::new(std::iter::empty()),
            _inquiry: inquiry,
        })
    }

    /// Answers with the result, as the file that is named after the query.
    ///
    /// # Errors
    /// What goes wrong before the first bytes.
    pub async fn response(mut self, name: &str, version: Version) -> Result<Response, Problem> {
        let form = self.form;
        let first = self.next().await.map_err(Problem::failed)?;
        let body = if self.writer.is_none() {
            Body::from(first.unwrap_or_default())
        } else if version < Version::HTTP_11 {
            return Err(Problem::old_protocol());
        } else {
            Body::from_stream(self.sent(first))
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

    /// Sends the result, of which the first bytes are there, by a task of its own: what the client does not take must not
    /// hold the statement beyond its time.
    fn sent(self, first: Option<Bytes>) -> impl Stream<Item = Result<Bytes, PgError>> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.send(first, sender));
        stream::unfold(Some(receiver), |receiver| async {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(Sent::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
                Some(Sent::End) => None,
                Some(Sent::Error(error)) => Some((Err(error), None)),
                None => Some((Err(PgError::internal("a result has no end")), None)),
            }
        })
    }

    /// Sends all of it, until the client has gone.
    async fn send(mut self, first: Option<Bytes>, sender: mpsc::Sender<Sent>) {
        let mut next = Ok(first);
        loop {
            let sent = match next {
                Ok(Some(bytes)) => Sent::Bytes(bytes),
                Ok(None) => Sent::End,
                Err(error) => Sent::Error(error),
            };
            let is_last = !matches!(sent, Sent::Bytes(_));
            match self.answer.within(sender.send(sent)).await {
                Ok(Ok(())) if !is_last => {}
                // The client has gone, or has not taken it in time: what it has got it can tell from a whole, since the
                // end is missing.
                _ => return,
            }
            next = tokio::select! {
                () = sender.closed() => return,
                next = self.next() => next,
            };
        }
    }

    /// The next bytes; none at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, PgError> {
        while self.writer.is_some() && self.written.lock().len() < CHUNK {
            match self.parts.next() {
                Some(part) => self.write(Some(part)).await?,
                None => match self.answer.next().await? {
                    Some(batch) => self.parts = Box::new(Answer::parts(batch)),
                    None => self.write(None).await?,
                },
            }
        }
        let bytes = mem::take(&mut *self.written.lock());
        Ok((!bytes.is_empty()).then(|| Bytes::from(bytes)))
    }

    /// Writes some rows, or the end.
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
            Err(error) => return Err(unwritten(&mut self.answer, &error)),
        };
        Ok(())
    }
}

fn unwritten(answer: &mut Answer, error: &OutputError) -> PgError {
    let error = PgError::internal(format!("a result could not be written: {error}"));
    answer.failed(&error);
    error
}

/// Where a writer writes to, and whose bytes are sent.
#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
