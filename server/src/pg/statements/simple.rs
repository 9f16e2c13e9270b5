//! The simple query protocol: a text of statements, each answered in full before the next one runs.

use std::sync::Arc;

use bytes::Bytes;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::copy::{CopyDone, CopyOutResponse};
use pgwire::messages::response::{CommandComplete, EmptyQueryResponse};

use super::connection::Connection;
use super::dispatch::{Failure, MAX_INLINE_PARSE, Outcome};
use crate::pg::activity::kept;
use crate::pg::execution::row_stream::RowStream;
use crate::pg::resources::interrupt::Interrupt;
use crate::pg::session::no_cursor_error;
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
            None => self.parse_statements(text).await?,
        };
        if statements.is_empty() {
            self.wire
                .put(&Backend::EmptyQueryResponse(EmptyQueryResponse::new()));
        }
        self.session.is_multi_statement = statements.len() > 1;
        for prepared in &statements {
            self.track_statement(&prepared.text);
            let interrupt = self.begin_statement()?;
            let formats = Formats::default();
            let outcome = self
                .run_statement(prepared, Arc::default(), &formats, &interrupt)
                .await?;
            self.send_outcome(outcome, &formats, true, &interrupt)
                .await?;
        }
        if let ([prepared], true) = (statements.as_slice(), is_new) {
            self.keep_repeated(text, prepared);
        }
        self.send_ready().await
    }

    /// Parses a text into statements, none of which is planned yet.
    async fn parse_statements(&mut self, text: &str) -> Result<Vec<Arc<Prepared>>, Failure> {
        let statements = if text.len() <= MAX_INLINE_PARSE {
            parse::parse(text).inspect_err(|_| {
                self.track_statement(text);
            })?
        } else {
            self.track_statement(text);
            let interrupt = self.begin_statement()?;
            let statements = self.parse_text(text, &interrupt).await?;
            // From here each statement has an activity of its own.
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

    /// Sends the outcome of a statement: its rows and its command tag.
    pub(super) async fn send_outcome(
        &mut self,
        outcome: Outcome,
        formats: &Formats,
        describe: bool,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        match outcome {
            Outcome::Done(tag) => self.put_complete(tag),
            Outcome::Rows {
                columns,
                mut stream,
                tag,
            } => {
                if describe {
                    self.wire
                        .put(&Backend::RowDescription(row_description(&columns, formats)));
                }
                let (rows, _) = self
                    .send_rows(&mut stream, u64::MAX, None, interrupt)
                    .await?;
                self.put_complete(match tag {
                    "SELECT" => format!("SELECT {rows}"),
                    tag => tag.to_owned(),
                });
            }
            Outcome::Fetch {
                cursor,
                limit,
                send,
            } => {
                self.fetch_from_cursor(&cursor, limit, send, formats, describe, interrupt)
                    .await?;
            }
            Outcome::Copy {
                columns,
                encoder,
                stream,
            } => self.copy_out(columns, &encoder, stream, interrupt).await?,
        }
        Ok(())
    }

    /// Puts a command tag into the output buffer (CommandComplete).
    pub(super) fn put_complete(&mut self, tag: String) {
        self.wire
            .put(&Backend::CommandComplete(CommandComplete::new(tag)));
    }

    /// Sends rows of a cursor (FETCH), or skips them (MOVE).
    async fn fetch_from_cursor(
        &mut self,
        name: &str,
        limit: u64,
        send: bool,
        formats: &Formats,
        describe: bool,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        self.start_portal(name, interrupt).await?;
        let style = self.session.style();
        let portal = self
            .session
            .portals
            .get_mut(name)
            .ok_or_else(|| no_cursor_error(name))?;
        let columns = portal.columns().unwrap_or_default();
        // The formats of a BINARY cursor or a portal override those of FETCH.
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
        let encoder = send.then(|| RowEncoder::new(columns, formats, style));
        let progress = match progress {
            Progress::Planned(query) => {
                Progress::Running(self.start_query(*query, interrupt).await?)
            }
            started => started,
        };
        let (progress, rows) = match progress {
            Progress::Running(mut stream) => {
                // Rows of a portal made by Bind are encoded already, so MOVE must not send them.
                let (rows, at_end) = match encoder.as_ref() {
                    None => self.skip_rows(&mut stream, limit, interrupt).await?,
                    encoder => {
                        self.send_rows(&mut stream, limit, encoder, interrupt)
                            .await?
                    }
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
        self.put_complete(format!("{} {rows}", if send { "FETCH" } else { "MOVE" }));
        Ok(())
    }

    /// Starts the query of a portal that Bind made and no Execute has started: FETCH and MOVE accept such portals too.
    async fn start_portal(&mut self, name: &str, interrupt: &Interrupt) -> Result<(), Failure> {
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
        if let Outcome::Rows { stream, .. } = self
            .run_statement(&prepared, values, &formats, interrupt)
            .await?
            && let Some(portal) = self.session.portals.get_mut(name)
        {
            portal.progress = Progress::Running(stream);
        }
        Ok(())
    }

    /// Sends the data of a COPY TO STDOUT.
    async fn copy_out(
        &mut self,
        columns: usize,
        encoder: &CopyEncoder,
        mut stream: RowStream,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        let format = i16::from(encoder.is_binary());
        let response = CopyOutResponse::new(format as i8, columns as i16, vec![format; columns]);
        self.wire.put(&Backend::CopyOutResponse(response));
        self.put_encoded(&encoder.header());
        let (rows, _) = self
            .send_rows(&mut stream, u64::MAX, None, interrupt)
            .await?;
        self.put_encoded(&encoder.trailer(rows));
        self.wire.put(&Backend::CopyDone(CopyDone::new()));
        self.put_complete(format!("COPY {rows}"));
        Ok(())
    }

    fn put_encoded(&mut self, bytes: &Bytes) {
        self.wire.put_encoded(bytes);
    }
}
