//! A result on its way out: rows are written as the client takes them, never all at once.
//!
//! Nothing runs ahead of the client but what the statement's own channel holds, and a client that goes away ends the
//! statement. What goes wrong before the first bytes is answered as a problem; after them it is an error of the body, which
//! breaks the transfer.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, Version};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt, stream};

use super::form::Form;
use super::problem::Problem;
use crate::output::{self, Formulas, OutputError, ResultWriter};
use crate::pg::{Answer, Inquiry, PgError};

/// Bytes that are sent at once; a result of no more has a length.
const CHUNK: usize = 64 * 1024;

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
            let first = stream::iter(first.map(Ok));
            let rest = stream::try_unfold(self, |mut export| async move {
                let chunk = export.next().await?;
                Ok::<_, PgError>(chunk.map(|chunk| (chunk, export)))
            });
            Body::from_stream(first.chain(rest))
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
