//! Questions from within the process: what the web page and the HTTP API ask, as any client of the endpoint would.
//!
//! An [`Inquiry`] is the session of one HTTP request. What always holds: its statements wait for their account's turn, take
//! memory of its share, run on its threads and within its time, and are seen in `system.sessions` and `system.queries`, as
//! those of a connection are; and all of them read one version of the lake at one instant, so that the numbers of a page
//! belong together (SPEC M7). Statements are the engine's own, not PostgreSQL's: no rule of the dialect touches them.

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
use crate::pg::execution::row_stream::{self, Encoder, RowStream, Work};
use crate::pg::execution::tasks;
use crate::pg::resources::interrupt::Watch;
use crate::pg::resources::memory::Share;
use crate::pg::resources::runtimes::QueryRuntime;
use crate::pg::resources::signals::{Control, Registration};
use crate::pg::session::backend::BackendSession;
use crate::pg::shared::Server;
use crate::users::User;
use rapport_pgsql::error::PgError;
use rapport_pgsql::settings::Settings;
use rapport_pgsql::types::zone::Zone;

/// Opens inquiries. Cheap to clone.
#[derive(Clone)]
pub struct Inquirer {
    server: Arc<Server>,
}

/// Who asks, and for whom.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Whose turn and memory it takes: the user's account, or that of the operators.
    pub user: Arc<User>,
    /// Which account it sees; none for an operator who sees all.
    pub account: Option<String>,
    /// How it names itself in `system.sessions`.
    pub application: &'static str,
    /// Where its client is.
    pub peer: Peer,
    /// How long a statement may take, if that is less than the server allows.
    pub timeout: Option<Duration>,
}

/// The session of one request.
pub struct Inquiry {
    server: Arc<Server>,
    account: Option<String>,
    backend: Arc<dyn BackendSession>,
    runtime: Arc<QueryRuntime>,
    memory: Arc<Share>,
    control: Arc<Control>,
    present: Present,
    timeout: Option<Duration>,
    state: OnceCell<SessionState>,
    _registration: Registration,
}

/// The rows of a statement as they come.
pub struct Answer {
    schema: SchemaRef,
    rows: RowStream,
    runtime: Arc<QueryRuntime>,
    watch: Watch,
    doing: Option<Doing>,
}

impl Inquirer {
    /// Makes one for a server.
    pub(in crate::pg) fn new(server: Arc<Server>) -> Inquirer {
        Inquirer { server }
    }

    /// Opens a session for a request.
    ///
    /// # Errors
    /// If the lake cannot be read, or the system gives no threads.
    pub async fn open(&self, asker: Asker) -> Result<Inquiry, PgError> {
        let server = Arc::clone(&self.server);
        let own = asker.user.info.account.clone();
        let runtime = server.runtimes.of(own.as_deref());
        let runtime = runtime.map_err(PgError::internal)?;
        let name = &asker.user.info.name;
        let backend = server.backend.open(name, asker.account.as_deref()).await?;
        let control = Arc::new(Control::default());
        // Nobody is told this key, so nobody cancels by it.
        let key = Bytes::from_owner(rand::random::<[u8; 32]>());
        let (pid, registration) =
            server
                .connections
                .register(key, Arc::clone(&asker.user), Arc::clone(&control));
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
            Arc::clone(&control),
        );
        let pool = Arc::clone(&backend.context().runtime_env().memory_pool);
        let memory = server.memory.session(own.as_deref(), &pool);
        Ok(Inquiry {
            server,
            account: own,
            backend,
            runtime,
            memory,
            control,
            present,
            timeout,
            state: OnceCell::new(),
            _registration: registration,
        })
    }
}

impl Inquiry {
    /// The saved queries that may be asked for, by name.
    pub fn saved_queries(&self) -> Vec<SavedQuery> {
        self.backend.saved_queries()
    }

    /// The saved query of that name.
    pub fn saved_query(&self, name: &str) -> Option<SavedQuery> {
        let mut queries = self.saved_queries().into_iter();
        queries.find(|query| query.name == name)
    }

    /// Plans a statement of the engine's dialect and starts it at its account's turn. It stops when the answer is dropped.
    ///
    /// # Errors
    /// If its turn does not come in time, if it is wrong, or would change anything.
    pub async fn ask(&self, sql: &str) -> Result<Answer, PgError> {
        let doing = self.present.begin(sql);
        let watch = Watch::begin(&self.control, self.timeout);
        let begun = tokio::select! {
            biased;
            error = watch.stopped() => Err(error),
            begun = self.begin(sql, &doing) => begun,
        };
        match begun {
            Ok((schema, rows)) => Ok(Answer {
                schema,
                rows,
                runtime: Arc::clone(&self.runtime),
                watch,
                doing: Some(doing),
            }),
            Err(error) => {
                doing.failed(&error);
                Err(error)
            }
        }
    }

    async fn begin(&self, sql: &str, doing: &Doing) -> Result<(SchemaRef, RowStream), PgError> {
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
        let work = Work {
            state,
            plan,
            encoder: Encoder::Late,
            memory,
        };
        Ok((
            schema,
            RowStream::start(self.runtime.handle(), work, permit),
        ))
    }
}

impl Answer {
    /// Columns and their types.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// If the statement fails, is stopped, or its time is up.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, PgError> {
        let batch = tokio::select! {
            biased;
            error = self.watch.stopped() => Err(error),
            batch = self.rows.batch() => batch,
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

    /// The rows of a batch in parts, of which each is small enough to be written at once: text takes more than what it is
    /// made of.
    pub fn parts(batch: RecordBatch) -> impl Iterator<Item = RecordBatch> + Send {
        let each = row_stream::late_rows(&batch);
        let starts = (0..batch.num_rows()).step_by(each);
        starts.map(move |start| batch.slice(start, each.min(batch.num_rows() - start)))
    }

    /// Does what is heavy about the rows, such as writing them, on the threads of who asks.
    ///
    /// # Errors
    /// If the statement is stopped, or its time is up.
    pub async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PgError> {
        let handle = self.runtime.handle().clone();
        let working = tasks::run_on(&handle, async move { Ok(work()) });
        self.within(working).await?
    }

    /// Waits for something within the statement's time, such as for its client.
    ///
    /// # Errors
    /// If the statement is stopped, or its time is up.
    pub async fn within<T>(&mut self, waited_for: impl Future<Output = T>) -> Result<T, PgError> {
        let done = tokio::select! {
            biased;
            error = self.watch.stopped() => Err(error),
            done = waited_for => Ok(done),
        };
        if let Err(error) = &done {
            self.failed(error);
        }
        done
    }

    /// Tells that the rows could not be written, so that the statement is not told of as one that went well.
    pub fn failed(&mut self, error: &PgError) {
        if let Some(doing) = self.doing.take() {
            doing.failed(error);
        }
    }
}
