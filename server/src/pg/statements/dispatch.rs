//! Running a statement, whichever protocol brings it.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::physical_plan::collect;
use datafusion::scalar::ScalarValue;

use super::connection::Connection;
use crate::pg::activity::State;
use crate::pg::execution::cancellation::stopping;
use crate::pg::execution::fair_share::giving_way;
use crate::pg::execution::row_stream::{Encoder, RowStream, Work};
use crate::pg::execution::tasks;
use crate::pg::resources::admission::Permit;
use crate::pg::resources::interrupt::Watch;
use crate::pg::resources::memory::Share;
use crate::pg::resources::stop_flag::Wanted;
use crate::pg::session::plans::KeptPlan;
use crate::pg::session::portals::{Portal, Prepared, Progress};
use rapport_pgsql::encode::CopyOptions;
use rapport_pgsql::encode::{Column, CopyEncoder, Formats, RowEncoder};
use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::functions::round_numbers;
use rapport_pgsql::parse::{self, Move, Query, Statement};
use rapport_pgsql::plan::{self, Described};

/// What has come of a statement.
pub enum Outcome {
    /// It is done; this is its tag.
    Done(String),
    /// It has rows.
    Rows {
        /// Their columns.
        columns: Arc<[Column]>,
        /// They themselves.
        stream: RowStream,
        /// The tag's word.
        tag: &'static str,
    },
    /// It takes rows of a cursor.
    Fetch {
        /// The cursor.
        cursor: String,
        /// How many at most.
        limit: u64,
        /// They are sent, and not just passed over.
        send: bool,
    },
    /// It sends rows as data.
    Copy {
        /// How many columns there are.
        columns: usize,
        /// How they are written.
        encoder: CopyEncoder,
        /// They themselves.
        stream: RowStream,
    },
}

/// Why a statement, or its connection, goes no further.
#[derive(Debug)]
pub enum Failure {
    /// The client is told.
    Error(PgError),
    /// The client is gone.
    Lost,
}

impl From<PgError> for Failure {
    fn from(error: PgError) -> Failure {
        Failure::Error(error)
    }
}

/// A text of so many bytes is read where it comes.
pub(super) const READ_AT_ONCE: usize = 16 * 1024;

/// What DECLARE says of a cursor.
struct Cursor<'a> {
    name: &'a str,
    hold: bool,
    binary: bool,
}

impl Connection {
    /// Runs a statement with these values for its parameters.
    pub(super) async fn run(
        &mut self,
        prepared: &Prepared,
        values: Arc<[ScalarValue]>,
        formats: &Formats,
        watch: &Watch,
    ) -> Result<Outcome, Failure> {
        let statement = &prepared.statement;
        self.session.check_not_failed(statement)?;
        let done = |tag: &str| Ok(Outcome::Done(tag.to_owned()));
        match statement {
            Statement::Query(query) => {
                let (columns, stream) = self.query(query, prepared, values, formats, watch).await?;
                Ok(Outcome::Rows {
                    columns,
                    stream,
                    tag: "SELECT",
                })
            }
            Statement::Explain(explain) => {
                self.explain(explain, prepared, values, formats, watch)
                    .await
            }
            Statement::Copy { query, options } => self.copy(query, prepared, options, watch).await,
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
                self.declare(&cursor, query, prepared, values, watch)
                    .await?;
                done("DECLARE CURSOR")
            }
            Statement::Fetch { name, step } => Ok(fetch(name, *step, true)?),
            Statement::Move { name, step } => Ok(fetch(name, *step, false)?),
            Statement::Execute { name, arguments } => {
                let prepared = self.session.executed(name)?;
                let values = self.arguments(&prepared, arguments.as_ref(), watch).await?;
                let values = values.into();
                Box::pin(self.run(&prepared, values, formats, watch)).await
            }
            Statement::Prepare {
                name,
                types,
                statement,
            } => {
                let declared = types.iter().map(plan::declared_type);
                let declared = declared.collect::<Result<Vec<_>, _>>()?;
                let prepared = self
                    .prepare(&prepared.text, statement.as_ref().clone(), declared, watch)
                    .await?;
                self.session.keep_prepared(name, Arc::new(prepared))?;
                done("PREPARE")
            }
            other => self.utility(other, formats),
        }
    }

    pub(super) fn row_encoder(
        &self,
        columns: &Arc<[Column]>,
        formats: &Formats,
    ) -> Result<Encoder, PgError> {
        check_formats(formats, columns.len())?;
        let encoder = RowEncoder::new(Arc::clone(columns), formats.clone(), self.session.style());
        Ok(Encoder::Rows(encoder))
    }

    /// Waits for the account's turn to run a statement.
    pub(super) async fn admit(&mut self, watch: &Watch) -> Result<Permit, Failure> {
        self.enter(State::Queued);
        let server = Arc::clone(&self.server);
        let account = self.session.user.info.account.clone();
        let admitted = async move { server.admission.admit(account.as_deref()).await };
        let permit = self.wait(watch, admitted).await??;
        self.enter(State::Running);
        Ok(permit)
    }

    /// Starts a query that was planned before, at its account's turn.
    pub(super) async fn start(&mut self, work: Work, watch: &Watch) -> Result<RowStream, Failure> {
        let permit = self.admit(watch).await?;
        if let Some(doing) = &self.doing {
            doing.statement().measure(&work.memory);
        }
        let runtime = self.session.runtime.handle();
        Ok(RowStream::start(runtime, work, permit))
    }

    /// What the statement in hand takes its memory from.
    pub(super) fn statement_memory(&self) -> Arc<Share> {
        let share = self.session.memory.statement();
        if let Some(doing) = &self.doing {
            doing.statement().measure(&share);
        }
        share
    }

    async fn query(
        &mut self,
        query: &Query,
        prepared: &Prepared,
        values: Arc<[ScalarValue]>,
        formats: &Formats,
        watch: &Watch,
    ) -> Result<(Arc<[Column]>, RowStream), Failure> {
        let permit = self.admit(watch).await?;
        let (state, plan, columns) = self.plan_now(query, Some(prepared), values, watch).await?;
        let encoder = self.row_encoder(&columns, formats)?;
        let stream = RowStream::start(
            self.session.runtime.handle(),
            Work {
                state,
                plan,
                encoder,
                memory: self.statement_memory(),
            },
            permit,
        );
        Ok((columns, stream))
    }

    async fn copy(
        &mut self,
        query: &Query,
        prepared: &Prepared,
        options: &CopyOptions,
        watch: &Watch,
    ) -> Result<Outcome, Failure> {
        let permit = self.admit(watch).await?;
        let (state, plan, columns) = self
            .plan_now(query, Some(prepared), Arc::default(), watch)
            .await?;
        let style = self.session.style();
        let encoder = || CopyEncoder::new(Arc::clone(&columns), options.clone(), style);
        let stream = RowStream::start(
            self.session.runtime.handle(),
            Work {
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

    async fn declare(
        &mut self,
        cursor: &Cursor<'_>,
        query: &Query,
        prepared: &Prepared,
        values: Arc<[ScalarValue]>,
        watch: &Watch,
    ) -> Result<(), Failure> {
        if !cursor.hold && !self.session.in_group() {
            self.session.in_block("DECLARE CURSOR")?;
        }
        let permit = self.admit(watch).await?;
        let (state, plan, columns) = self.plan_now(query, Some(prepared), values, watch).await?;
        let described = Described {
            columns,
            parameters: Vec::new(),
        };
        // A cursor sees what there is now, and costs nothing until its first rows are wanted.
        let work = Work {
            state,
            plan,
            encoder: Encoder::Late,
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
            progress: Progress::Planned(Box::new(work)),
            cursor: true,
            hold: cursor.hold,
            committed: false,
            doing: None,
            number: 0,
        };
        Ok(self.session.keep_portal(cursor.name, portal)?)
    }

    /// Reads a text. A long one is read on the threads of the account, so that no other connection waits for it.
    pub(super) async fn read(
        &mut self,
        text: &str,
        watch: &Watch,
    ) -> Result<Vec<Statement>, Failure> {
        if text.len() <= READ_AT_ONCE {
            return Ok(parse::parse(text)?);
        }
        let text = text.to_owned();
        let runtime = Arc::clone(&self.session.runtime);
        let work = async move { parse::parse(&text) };
        Ok(self
            .wait(watch, tasks::run_on(runtime.handle(), work))
            .await??)
    }

    /// The arguments of EXECUTE, as values of the statement's parameters.
    async fn arguments(
        &mut self,
        prepared: &Prepared,
        arguments: Option<&Query>,
        watch: &Watch,
    ) -> Result<Vec<ScalarValue>, Failure> {
        let described = prepared.described.as_ref();
        let parameters = described.map(|described| described.parameters.clone());
        let parameters = parameters.unwrap_or_default();
        let values = match arguments {
            None => Vec::new(),
            Some(query) => {
                let permit = self.admit(watch).await?;
                let (state, plan, _) = self.plan_now(query, None, Arc::default(), watch).await?;
                let memory = self.statement_memory();
                let wanted = Wanted::default();
                let given_up = memory.given_up_or(wanted.given_up());
                let pace = Arc::clone(permit.pace());
                let work = async move {
                    let _permit = permit;
                    let context = tasks::task_context(&state, Arc::clone(&memory));
                    let rows = async {
                        let physical = tasks::physical_plan(&state, &plan).await?;
                        let physical = giving_way(stopping(physical, &given_up)?, &pace)?;
                        Ok(collect(physical, context).await?)
                    };
                    first_row(&memory.unless_given_up(rows).await?)
                };
                let runtime = Arc::clone(&self.session.runtime);
                self.wait(watch, tasks::run_on(runtime.handle(), work))
                    .await??
            }
        };
        // One that is declared is given, though nothing may ask for it.
        let wanted = parameters.len().max(prepared.declared.len());
        if values.len() != wanted {
            return Err(PgError::new(
                code::SYNTAX,
                format!(
                    "wrong number of parameters: expected {wanted}, got {}",
                    values.len()
                ),
            )
            .into());
        }
        let pairs = values.into_iter().zip(&parameters);
        let values: Result<Vec<_>, _> = pairs
            .map(|(value, parameter)| assigned(value, &parameter.arrow))
            .collect();
        Ok(values.map_err(PgError::from)?)
    }
}

/// A value as one of a parameter's type; a number is rounded where that is whole.
fn assigned(value: ScalarValue, to: &DataType) -> datafusion::error::Result<ScalarValue> {
    if !to.is_integer() {
        return value.cast_to(to);
    }
    let rounded = round_numbers(&value.to_array()?)?;
    ScalarValue::try_from_array(&rounded, 0)?.cast_to(to)
}

fn first_row(batches: &[RecordBatch]) -> Result<Vec<ScalarValue>, PgError> {
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
        return Ok(Vec::new());
    };
    batch
        .columns()
        .iter()
        .map(|column| ScalarValue::try_from_array(column, 0).map_err(PgError::from))
        .collect()
}

/// Formats must be none, one, or one for each column.
pub(super) fn check_formats(formats: &Formats, columns: usize) -> Result<(), PgError> {
    if formats.fit(columns) {
        return Ok(());
    }
    Err(PgError::protocol(format!(
        "bind message has {} result formats but query has {columns} columns",
        formats.0.len()
    )))
}

fn fetch(cursor: &str, step: Move, send: bool) -> Result<Outcome, PgError> {
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
