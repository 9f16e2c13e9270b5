//! Statements from within the process: those of the web page and the HTTP API.
//!
//! An [`Inquiry`] is the session of one HTTP request. What always holds: like those of a connection, its statements are
//! admitted by account, use the account's memory and threads, have a timeout, and are listed in `system.sessions` and
//! `system.queries`; and all of them read one version of the lake at one instant, so that the numbers of a page agree (M7).
//! Statements are in the engine's own SQL; no rule of PostgreSQL's dialect applies.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SessionState;
use rapport_engine::session::{SavedQuery, read_only};
use tokio::sync::OnceCell;

use crate::pg::activity::{Doing, Peer, Present, State};
use crate::pg::catalog::SERVER_VERSION;
use crate::pg::execution::row_stream::{self, Encoder, QueryTask, RowStream};
use crate::pg::execution::tasks;
use crate::pg::resources::interrupt::Interrupt;
use crate::pg::resources::memory::Share;
use crate::pg::resources::runtimes::QueryRuntime;
use crate::pg::resources::signals::{Registration, Signals};
use crate::pg::session::backend::BackendSession;
use crate::pg::shared::Server;
use crate::users::User;
use rapport_pgsql::error::PgError;
use rapport_pgsql::settings::Settings;
use rapport_pgsql::types::zone::Zone;

/// Opens the sessions of requests. Cheap to clone.
#[derive(Clone)]
pub struct Inquirer {
    server: Arc<Server>,
}

/// The user of a request, and the account that it reads.
#[derive(Debug, Clone)]
pub struct Asker {
    /// The user, whose account, or that of the operators, provides permits and memory.
    pub user: Arc<User>,
    /// The account whose data it sees; `None` for an operator who sees all.
    pub account: Option<String>,
    /// The application name in `system.sessions`.
    pub application: &'static str,
    /// The client's address and encryption.
    pub peer: Peer,
    /// How long a statement may take; the server's limit holds if it is less.
    pub timeout: Option<Duration>,
}

/// The session of one request.
pub struct Inquiry {
    server: Arc<Server>,
    account: Option<String>,
    backend: Arc<dyn BackendSession>,
    runtime: Arc<QueryRuntime>,
    memory: Arc<Share>,
    signals: Arc<Signals>,
    present: Present,
    timeout: Option<Duration>,
    state: OnceCell<SessionState>,
    _registration: Registration,
}

/// Returns the batches of a statement as they come.
pub struct Answer {
    schema: SchemaRef,
    rows: RowStream,
    runtime: Arc<QueryRuntime>,
    interrupt: Interrupt,
    doing: Option<Doing>,
}

impl Inquirer {
    /// Makes a client for the server's state.
    pub(in crate::pg) fn new(server: Arc<Server>) -> Inquirer {
        Inquirer { server }
    }

    /// Opens a session for a request.
    ///
    /// # Errors
    /// If the lake cannot be read, or the system gives no threads.
    pub async fn open(&self, asker: Asker) -> Result<Inquiry, PgError> {
        let server = Arc::clone(&self.server);
        let account = asker.user.info.account.clone();
        let runtime = server.runtimes.of(account.as_deref());
        let runtime = runtime.map_err(PgError::internal)?;
        let name = &asker.user.info.name;
        let backend = server.backend.open(name, asker.account.as_deref()).await?;
        let signals = Arc::new(Signals::default());
        // The key is told to nobody, so nobody can cancel by it.
        let key = Bytes::from_owner(rand::random::<[u8; 32]>());
        let (pid, registration) =
            server
                .connections
                .register(key, Arc::clone(&asker.user), Arc::clone(&signals));
        let most = Some(server.options.statement_timeout).filter(|most| !most.is_zero());
        let timeout = match (asker.timeout, most) {
            (Some(wanted), Some(most)) => Some(wanted.min(most)),
            (wanted, most) => wanted.or(most),
        };
        let mut settings = Settings::new(
            name,
            SERVER_VERSION,
            Zone::UTC,
            timeout.unwrap_or(Duration::ZERO),
        );
        settings.set_initial("application_name", asker.application)?;
        let present = server.activity.enter(
            pid,
            asker.user,
            asker.peer,
            Arc::new(Mutex::new(settings)),
            Arc::clone(&signals),
        );
        let pool = Arc::clone(&backend.context().runtime_env().memory_pool);
        let memory = server.memory.session(account.as_deref(), &pool);
        Ok(Inquiry {
            server,
            account,
            backend,
            runtime,
            memory,
            signals,
            present,
            timeout,
            state: OnceCell::new(),
            _registration: registration,
        })
    }
}

impl Inquiry {
    /// Returns the saved queries that the user can call, by name.
    pub fn saved_queries(&self) -> Vec<SavedQuery> {
        self.backend.saved_queries()
    }

    /// Returns the saved query of that name.
    pub fn saved_query(&self, name: &str) -> Option<SavedQuery> {
        let mut queries = self.saved_queries().into_iter();
        queries.find(|query| query.name == name)
    }

    /// Waits for a permit, plans a statement in the engine's SQL and starts it. It stops when the answer is dropped.
    ///
    /// # Errors
    /// If it is not admitted in time, is wrong, or is not read-only.
    pub async fn ask(&self, sql: &str) -> Result<Answer, PgError> {
        let doing = self.present.begin(sql);
        let interrupt = Interrupt::begin(&self.signals, self.timeout);
        let started = tokio::select! {
            biased;
            error = interrupt.raised() => Err(error),
            started = self.start(sql, &doing) => started,
        };
        match started {
            Ok((schema, rows)) => Ok(Answer {
                schema,
                rows,
                runtime: Arc::clone(&self.runtime),
                interrupt,
                doing: Some(doing),
            }),
            Err(error) => {
                doing.failed(&error);
                Err(error)
            }
        }
    }

    /// Admits, plans and starts a statement.
    async fn start(&self, sql: &str, doing: &Doing) -> Result<(SchemaRef, RowStream), PgError> {
        let statement = doing.statement();
        statement.enter(State::Queued);
        let permit = self.server.admission.admit(self.account.as_deref()).await?;
        statement.enter(State::Planning);
        let state = self
            .state
            .get_or_try_init(|| self.backend.statement_state())
            .await?
            .clone();
        let text = sql.to_owned();
        let planning = async move {
            let plan = state.create_logical_plan(&text).await?;
            read_only().verify_plan(&plan)?;
            let schema = Arc::clone(plan.schema().inner());
            let plan = state.optimize(&plan)?;
            Ok((state, plan, schema))
        };
        let (state, plan, schema) = tasks::run_on(self.runtime.handle(), planning).await?;
        statement.enter(State::Running);
        let memory = self.memory.statement();
        statement.measure(&memory);
        let work = QueryTask {
            state,
            plan,
            encoder: Encoder::Deferred,
            memory,
        };
        Ok((
            schema,
            RowStream::start(self.runtime.handle(), work, permit),
        ))
    }
}

impl Answer {
    /// Returns the columns and their types.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the next batch; `None` at the end.
    ///
    /// # Errors
    /// If the statement fails, is interrupted, or its time is up.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, PgError> {
        let batch = tokio::select! {
            biased;
            error = self.interrupt.raised() => Err(error),
            batch = self.rows.next_batch() => batch,
        };
        match &batch {
            Ok(Some(batch)) => {
                if let Some(doing) = &self.doing {
                    doing.statement().sent(batch.num_rows() as u64);
                }
            }
            Ok(None) => {
                if let Some(doing) = self.doing.take() {
                    doing.finished();
                }
            }
            Err(error) => {
                if let Some(doing) = self.doing.take() {
                    doing.failed(error);
                }
            }
        }
        batch
    }

    /// Slices a batch into parts that are small enough to be written at once: text takes more memory than arrays.
    pub fn parts(batch: RecordBatch) -> impl Iterator<Item = RecordBatch> + Send {
        let each = row_stream::rows_per_chunk(&batch);
        let starts = (0..batch.num_rows()).step_by(each);
        starts.map(move |start| batch.slice(start, each.min(batch.num_rows() - start)))
    }

    /// Runs heavy work on the rows, such as writing them, on the account's query threads.
    ///
    /// # Errors
    /// If the statement is interrupted, or its time is up.
    pub async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PgError> {
        let handle = self.runtime.handle().clone();
        let working = tasks::run_on(&handle, async move { Ok(work()) });
        self.within(working).await?
    }

    /// Waits for something, such as the client, within the statement's time.
    ///
    /// # Errors
    /// If the statement is interrupted, or its time is up.
    pub async fn within<T>(&mut self, awaited: impl Future<Output = T>) -> Result<T, PgError> {
        let done = tokio::select! {
            biased;
            error = self.interrupt.raised() => Err(error),
            done = awaited => Ok(done),
        };
        if let Err(error) = &done {
            self.failed(error);
        }
        done
    }

    /// Records that the rows could not be written, so that the statement is shown as failed.
    pub fn failed(&mut self, error: &PgError) {
        if let Some(doing) = self.doing.take() {
            doing.failed(error);
        }
    }
}
