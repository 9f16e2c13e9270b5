//! Execution of one statement, for both protocols: queries, cursors, COPY, PREPARE and EXECUTE.

use std::sync::Arc;

use datafusion::scalar::ScalarValue;

use super::connection::Connection;
use crate::pg::activity::State;
use crate::pg::execution::row_stream::{Encoder, QueryTask, RowStream};
use crate::pg::execution::tasks;
use crate::pg::resources::admission::Permit;
use crate::pg::resources::interrupt::Interrupt;
use crate::pg::resources::memory::Share;
use crate::pg::session::plans::KeptPlan;
use crate::pg::session::portals::{Portal, Prepared, Progress};
use rapport_pgsql::encode::CopyOptions;
use rapport_pgsql::encode::{Column, CopyEncoder, Formats, RowEncoder};
use rapport_pgsql::error::PgError;
use rapport_pgsql::parse::{self, Move, Query, Statement};
use rapport_pgsql::plan::{self, Described};

/// The outcome of a statement, before its rows are sent.
pub enum Outcome {
    /// It is complete; this is its command tag.
    Done(String),
    /// It returns rows.
    Rows {
        /// Their columns.
        columns: Arc<[Column]>,
        /// The rows.
        stream: RowStream,
        /// The first word of the command tag.
        tag: &'static str,
    },
    /// It fetches rows of a cursor.
    Fetch {
        /// The name of the cursor.
        cursor: String,
        /// How many at most.
        limit: u64,
        /// Whether they are sent (FETCH) or skipped (MOVE).
        send: bool,
    },
    /// It sends rows as COPY data.
    Copy {
        /// The number of columns.
        columns: usize,
        /// How the rows are written.
        encoder: CopyEncoder,
        /// The rows.
        stream: RowStream,
    },
}

/// Why a statement, or its connection, ends early.
#[derive(Debug)]
pub enum Failure {
    /// An error to send to the client.
    Error(PgError),
    /// The client is gone.
    Lost,
}

impl From<PgError> for Failure {
    fn from(error: PgError) -> Failure {
        Failure::Error(error)
    }
}

/// The most bytes of a text that is parsed on the connection's thread.
pub(super) const MAX_INLINE_PARSE: usize = 16 * 1024;

/// The options of DECLARE.
struct Cursor<'a> {
    name: &'a str,
    hold: bool,
    binary: bool,
}

impl Connection {
    /// Runs a statement with these values of its parameters.
    pub(super) async fn run_statement(
        &mut self,
        prepared: &Prepared,
        values: Arc<[ScalarValue]>,
        formats: &Formats,
        interrupt: &Interrupt,
    ) -> Result<Outcome, Failure> {
        let statement = &prepared.statement;
        self.session.check_not_failed(statement)?;
        let done = |tag: &str| Ok(Outcome::Done(tag.to_owned()));
        match statement {
            Statement::Query(query) => {
                let (columns, stream) = self
                    .run_query(query, prepared, values, formats, interrupt)
                    .await?;
                Ok(Outcome::Rows {
                    columns,
                    stream,
                    tag: "SELECT",
                })
            }
            Statement::Explain(explain) => {
                self.explain(explain, prepared, values, formats, interrupt)
                    .await
            }
            Statement::Copy { query, options } => {
                self.run_copy(query, prepared, options, interrupt).await
            }
            Statement::Declare {
                name,
                hold,
                binary,
                query,
            } => {
                let cursor = Cursor {
                    name,
                    hold: *hold,
                    binary: *binary,
                };
                self.declare_cursor(&cursor, query, prepared, values, interrupt)
                    .await?;
                done("DECLARE CURSOR")
            }
            Statement::Fetch { name, step } => Ok(fetch_outcome(name, *step, true)?),
            Statement::Move { name, step } => Ok(fetch_outcome(name, *step, false)?),
            Statement::Execute { name, arguments } => {
                let prepared = self.session.prepared_to_execute(name)?;
                let values = self
                    .evaluate_arguments(&prepared, arguments.as_ref(), interrupt)
                    .await?;
                let values = values.into();
                Box::pin(self.run_statement(&prepared, values, formats, interrupt)).await
            }
            Statement::Prepare {
                name,
                types,
                statement,
            } => {
                let declared = types.iter().map(plan::declared_type);
                let declared = declared.collect::<Result<Vec<_>, _>>()?;
                let prepared = self
                    .prepare(
                        &prepared.text,
                        statement.as_ref().clone(),
                        declared,
                        interrupt,
                    )
                    .await?;
                self.session.keep_prepared(name, Arc::new(prepared))?;
                done("PREPARE")
            }
            other => self.run_utility(other, formats),
        }
    }

    /// Makes an encoder of rows in these formats.
    ///
    /// # Errors
    /// If the number of formats does not fit.
    pub(super) fn row_encoder(
        &self,
        columns: &Arc<[Column]>,
        formats: &Formats,
    ) -> Result<Encoder, PgError> {
        check_formats(formats, columns.len())?;
        let encoder = RowEncoder::new(Arc::clone(columns), formats.clone(), self.session.style());
        Ok(Encoder::Rows(encoder))
    }

    /// Waits until the account may run one statement more.
    pub(super) async fn admit(&mut self, interrupt: &Interrupt) -> Result<Permit, Failure> {
        self.set_state(State::Queued);
        let server = Arc::clone(&self.server);
        let account = self.session.user.info.account.clone();
        let admitted = async move { server.admission.admit(account.as_deref()).await };
        let permit = self.wait_for(interrupt, admitted).await??;
        self.set_state(State::Running);
        Ok(permit)
    }

    /// Waits for a permit, and starts a query that was planned before.
    pub(super) async fn start_query(
        &mut self,
        query: QueryTask,
        interrupt: &Interrupt,
    ) -> Result<RowStream, Failure> {
        let permit = self.admit(interrupt).await?;
        if let Some(doing) = &self.doing {
            doing.statement().measure(&query.memory);
        }
        let runtime = self.session.runtime.handle();
        Ok(RowStream::start(runtime, query, permit))
    }

    /// Makes the memory share of the current statement, and shows it in its activity.
    pub(super) fn statement_memory(&self) -> Arc<Share> {
        let share = self.session.memory.statement();
        if let Some(doing) = &self.doing {
            doing.statement().measure(&share);
        }
        share
    }

    /// Plans and starts a query.
    async fn run_query(
        &mut self,
        query: &Query,
        prepared: &Prepared,
        values: Arc<[ScalarValue]>,
        formats: &Formats,
        interrupt: &Interrupt,
    ) -> Result<(Arc<[Column]>, RowStream), Failure> {
        let permit = self.admit(interrupt).await?;
        let (state, plan, columns) = self
            .plan_now(query, Some(prepared), values, interrupt)
            .await?;
        let encoder = self.row_encoder(&columns, formats)?;
        let stream = RowStream::start(
            self.session.runtime.handle(),
            QueryTask {
                state,
                plan,
                encoder,
                memory: self.statement_memory(),
            },
            permit,
        );
        Ok((columns, stream))
    }

    /// Plans and starts the query of a COPY TO STDOUT.
    async fn run_copy(
        &mut self,
        query: &Query,
        prepared: &Prepared,
        options: &CopyOptions,
        interrupt: &Interrupt,
    ) -> Result<Outcome, Failure> {
        let permit = self.admit(interrupt).await?;
        let (state, plan, columns) = self
            .plan_now(query, Some(prepared), Arc::default(), interrupt)
            .await?;
        let style = self.session.style();
        let encoder = || CopyEncoder::new(Arc::clone(&columns), options.clone(), style);
        let stream = RowStream::start(
            self.session.runtime.handle(),
            QueryTask {
                state,
                plan,
                encoder: Encoder::Copy(encoder()?),
                memory: self.statement_memory(),
            },
            permit,
        );
        Ok(Outcome::Copy {
            columns: columns.len(),
            encoder: encoder()?,
            stream,
        })
    }

    /// Plans the query of a cursor; the first FETCH starts it.
    async fn declare_cursor(
        &mut self,
        cursor: &Cursor<'_>,
        query: &Query,
        prepared: &Prepared,
        values: Arc<[ScalarValue]>,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        if !cursor.hold && !self.session.in_group() {
            self.session.require_block("DECLARE CURSOR")?;
        }
        let permit = self.admit(interrupt).await?;
        let (state, plan, columns) = self
            .plan_now(query, Some(prepared), values, interrupt)
            .await?;
        let described = Described {
            columns,
            parameters: Vec::new(),
        };
        // A cursor reads the lake as it is at DECLARE, and holds no permit until its first FETCH.
        let task = QueryTask {
            state,
            plan,
            encoder: Encoder::Deferred,
            memory: self.statement_memory(),
        };
        drop(permit);
        let portal = Portal {
            prepared: Arc::new(Prepared {
                text: "".into(),
                statement: Statement::Query(query.clone()),
                declared: Vec::new(),
                described: Some(described),
                plan: KeptPlan::default(),
            }),
            values: Arc::default(),
            formats: if cursor.binary {
                Formats::binary()
            } else {
                Formats::default()
            },
            progress: Progress::Planned(Box::new(task)),
            cursor: true,
            hold: cursor.hold,
            committed: false,
            doing: None,
            number: 0,
        };
        Ok(self.session.keep_portal(cursor.name, portal)?)
    }

    /// Parses a text into statements; a long one on the account's query threads, so that no other connection waits for it.
    pub(super) async fn parse_text(
        &mut self,
        text: &str,
        interrupt: &Interrupt,
    ) -> Result<Vec<Statement>, Failure> {
        if text.len() <= MAX_INLINE_PARSE {
            return Ok(parse::parse(text)?);
        }
        let text = text.to_owned();
        let runtime = Arc::clone(&self.session.runtime);
        let work = async move { parse::parse(&text) };
        Ok(self
            .wait_for(interrupt, tasks::run_on(runtime.handle(), work))
            .await??)
    }
}

/// Checks that there is no format, one, or one for each column.
pub(super) fn check_formats(formats: &Formats, columns: usize) -> Result<(), PgError> {
    if formats.fit(columns) {
        return Ok(());
    }
    Err(PgError::protocol(format!(
        "bind message has {} result formats but query has {columns} columns",
        formats.0.len()
    )))
}

/// Returns the outcome of FETCH or MOVE.
///
/// # Errors
/// 55000 for a backward move: cursors only scan forward.
fn fetch_outcome(cursor: &str, step: Move, send: bool) -> Result<Outcome, PgError> {
    let limit = match step {
        Move::Forward(rows) => rows,
        Move::All => u64::MAX,
        Move::Back => {
            return Err(PgError::new("55000", "cursor can only scan forward"));
        }
    };
    Ok(Outcome::Fetch {
        cursor: cursor.to_owned(),
        limit,
        send,
    })
}
