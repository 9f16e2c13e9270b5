//! The simple protocol: a text of statements, each answered in full before the next one runs.

use std::sync::Arc;

use bytes::Bytes;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::copy::{CopyDone, CopyOutResponse};
use pgwire::messages::response::{CommandComplete, EmptyQueryResponse};

use super::connection::Connection;
use super::dispatch::{Failure, Outcome, READ_AT_ONCE};
use crate::pg::activity::kept;
use crate::pg::execution::row_stream::RowStream;
use crate::pg::resources::interrupt::Watch;
use crate::pg::session::no_cursor;
use crate::pg::session::plans::KeptPlan;
use crate::pg::session::portals::{Prepared, Progress};
use rapport_pgsql::encode::{CopyEncoder, Formats, RowEncoder, row_description};
use rapport_pgsql::parse::{self, Statement};

impl Connection {
    /// Answers a Query message.
    pub(super) async fn simple_query(&mut self, text: &str) -> Result<(), Failure> {
        self.session.statements.remove("");
        self.session.portals.remove("");
        let repeated = self.session.repeated(text);
        let is_new = repeated.is_none();
        let statements = match repeated {
            Some(repeated) => vec![repeated],
            None => self.statements_of(text).await?,
        };
        if statements.is_empty() {
            self.wire
                .put(&Backend::EmptyQueryResponse(EmptyQueryResponse::new()));
        }
        self.session.several = statements.len() > 1;
        for prepared in &statements {
            self.begin(&prepared.text);
            let watch = self.begin_statement()?;
            let formats = Formats::default();
            let outcome = self.run(prepared, Arc::default(), &formats, &watch).await?;
            self.send_outcome(outcome, &formats, true, &watch).await?;
        }
        if let ([prepared], true) = (statements.as_slice(), is_new) {
            self.keep_repeated(text, prepared);
        }
        self.ready().await
    }

    /// Reads a text as statements.
    async fn statements_of(&mut self, text: &str) -> Result<Vec<Arc<Prepared>>, Failure> {
        let statements = if text.len() <= READ_AT_ONCE {
            parse::parse(text).map_err(|error| {
                self.begin(text);
                error
            })?
        } else {
            self.begin(text);
            let watch = self.begin_statement()?;
            let statements = self.read(text, &watch).await?;
            // From here its statements are told of, each by itself.
            if let Some(doing) = self.doing.take() {
                doing.forgotten();
            }
            statements
        };
        let text: Arc<str> = kept(text).into();
        let prepared = statements.into_iter().map(|statement| {
            Arc::new(Prepared {
                text: Arc::clone(&text),
                statement,
                declared: Vec::new(),
                described: None,
                plan: KeptPlan::default(),
            })
        });
        Ok(prepared.collect())
    }

    /// Sends all that has come of a statement.
    pub(super) async fn send_outcome(
        &mut self,
        outcome: Outcome,
        formats: &Formats,
        describe: bool,
        watch: &Watch,
    ) -> Result<(), Failure> {
        match outcome {
            Outcome::Done(tag) => self.complete(tag),
            Outcome::Rows {
                columns,
                mut stream,
                tag,
            } => {
                if describe {
                    self.wire
                        .put(&Backend::RowDescription(row_description(&columns, formats)));
                }
                let (rows, _) = self.send_rows(&mut stream, u64::MAX, None, watch).await?;
                self.complete(match tag {
                    "SELECT" => format!("SELECT {rows}"),
                    tag => tag.to_owned(),
                });
            }
            Outcome::Fetch {
                cursor,
                limit,
                send,
            } => {
                self.fetch(&cursor, limit, send, formats, describe, watch)
                    .await?;
            }
            Outcome::Copy {
                columns,
                encoder,
                stream,
            } => self.copy_out(columns, &encoder, stream, watch).await?,
        }
        Ok(())
    }

    pub(super) fn complete(&mut self, tag: String) {
        self.wire
            .put(&Backend::CommandComplete(CommandComplete::new(tag)));
    }

    /// Sends rows of a cursor, or passes them over.
    async fn fetch(
        &mut self,
        name: &str,
        limit: u64,
        send: bool,
        formats: &Formats,
        describe: bool,
        watch: &Watch,
    ) -> Result<(), Failure> {
        self.begin_portal(name, watch).await?;
        let style = self.session.style();
        let portal = self
            .session
            .portals
            .get_mut(name)
            .ok_or_else(|| no_cursor(name))?;
        let columns = portal.columns().unwrap_or_default();
        // A cursor that is declared BINARY is so whatever FETCH says.
        let formats = if portal.formats == Formats::default() {
            formats.clone()
        } else {
            portal.formats.clone()
        };
        let progress = portal.progress.take(name)?;
        if send && describe {
            self.wire.put(&Backend::RowDescription(row_description(
                &columns, &formats,
            )));
        }
        let late = send.then(|| RowEncoder::new(columns, formats, style));
        let progress = match progress {
            Progress::Planned(work) => Progress::Running(self.start(*work, watch).await?),
            begun => begun,
        };
        let (progress, rows) = match progress {
            Progress::Running(mut stream) => {
                // What a portal of Bind's gives is encoded already, so nothing of it may be sent.
                let (rows, at_end) = match late.as_ref() {
                    None => self.skip_rows(&mut stream, limit, watch).await?,
                    late => self.send_rows(&mut stream, limit, late, watch).await?,
                };
                stream.pause();
                (
                    if at_end {
                        Progress::Done
                    } else {
                        Progress::Running(stream)
                    },
                    rows,
                )
            }
            other => (other, 0),
        };
        if let Some(portal) = self.session.portals.get_mut(name) {
            portal.progress = progress;
        }
        self.complete(format!("{} {rows}", if send { "FETCH" } else { "MOVE" }));
        Ok(())
    }

    /// Starts the query of a portal that Bind made and nothing has executed: FETCH and MOVE take such portals too.
    async fn begin_portal(&mut self, name: &str, watch: &Watch) -> Result<(), Failure> {
        let Some(portal) = self.session.portals.get(name) else {
            return Ok(());
        };
        if !matches!(portal.progress, Progress::New)
            || !matches!(portal.prepared.statement, Statement::Query(_))
        {
            return Ok(());
        }
        let (prepared, values, formats) = (
            Arc::clone(&portal.prepared),
            Arc::clone(&portal.values),
            portal.formats.clone(),
        );
        if let Outcome::Rows { stream, .. } = self.run(&prepared, values, &formats, watch).await?
            && let Some(portal) = self.session.portals.get_mut(name)
        {
            portal.progress = Progress::Running(stream);
        }
        Ok(())
    }

    async fn copy_out(
        &mut self,
        columns: usize,
        encoder: &CopyEncoder,
        mut stream: RowStream,
        watch: &Watch,
    ) -> Result<(), Failure> {
        let format = i16::from(encoder.is_binary());
        let response = CopyOutResponse::new(format as i8, columns as i16, vec![format; columns]);
        self.wire.put(&Backend::CopyOutResponse(response));
        self.put_encoded(&encoder.header());
        let (rows, _) = self.send_rows(&mut stream, u64::MAX, None, watch).await?;
        self.put_encoded(&encoder.trailer(rows));
        self.wire.put(&Backend::CopyDone(CopyDone::new()));
        self.complete(format!("COPY {rows}"));
        Ok(())
    }

    fn put_encoded(&mut self, bytes: &Bytes) {
        self.wire.put_encoded(bytes);
    }
}
