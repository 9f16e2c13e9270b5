//! What a connection keeps between statements: its transaction, settings, prepared statements and portals.

pub mod backend;
pub mod login;
pub mod plans;
pub mod portals;
mod transactions;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use pgwire::messages::response::TransactionStatus;

use self::backend::BackendSession;
use self::plans::RepeatedTexts;
use self::portals::{Portal, Prepared};
use crate::pg::resources::memory::Share;
use crate::pg::resources::runtimes::QueryRuntime;
use crate::pg::resources::signals::Control;
use crate::users::User;
use rapport_pgsql::encode::{Column, SessionStyle, Style};
use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::parse::Statement;
use rapport_pgsql::settings::Settings;
use transactions::Savepoint;

/// How many prepared statements and how many portals a connection may have.
const LIMIT: usize = 4096;

/// Settings that functions of SQL (`current_setting`, `set_config`) reach as well.
pub type SharedSettings = Arc<Mutex<Settings>>;

/// How many bytes a connection's prepared statements and portals may hold together.
const HELD: usize = 64 * 1024 * 1024;

/// A message up to here takes no more than the buffers that a connection has anyway.
const SMALL_MESSAGE: usize = 64 * 1024;

/// So many bytes of a name of SQL's count, as in PostgreSQL.
const NAME: usize = 63;

/// A connection that is logged in.
pub struct Session {
    /// Where its queries run.
    pub backend: Arc<dyn BackendSession>,
    /// Who it is.
    pub user: Arc<User>,
    /// The threads that its queries run on.
    pub runtime: Arc<QueryRuntime>,
    /// What its queries may hold.
    pub memory: Arc<Share>,
    /// What reaches into it.
    pub control: Arc<Control>,
    /// Its settings.
    pub settings: SharedSettings,
    /// Prepared statements by name, "" for the unnamed one.
    pub statements: HashMap<String, Arc<Prepared>>,
    /// Statements that have come as a text and may come again.
    repeated: RepeatedTexts,
    /// Portals and cursors by name.
    pub portals: HashMap<String, Portal>,
    status: TransactionStatus,
    /// Several statements have come in one message, and are answered together.
    pub several: bool,
    savepoints: Vec<Savepoint>,
    /// Portals that there have been.
    made: u64,
    /// What its statements and portals take of its share.
    held: MemoryReservation,
    /// What the message takes that is being read or answered.
    message: MemoryReservation,
    applied: Option<u64>,
}

impl Session {
    /// A new one.
    pub fn new(
        backend: Arc<dyn BackendSession>,
        user: Arc<User>,
        runtime: Arc<QueryRuntime>,
        memory: Arc<Share>,
        control: Arc<Control>,
        settings: SharedSettings,
    ) -> Session {
        let share: Arc<dyn MemoryPool> = Arc::<Share>::clone(&memory);
        Session {
            message: MemoryConsumer::new("a message").register(&share),
            held: MemoryConsumer::new("prepared statements and portals").register(&share),
            backend,
            user,
            runtime,
            memory,
            control,
            settings,
            statements: HashMap::new(),
            repeated: RepeatedTexts::default(),
            portals: HashMap::new(),
            status: TransactionStatus::Idle,
            several: false,
            savepoints: Vec::new(),
            made: 0,
            applied: None,
        }
    }

    /// Takes so much of its share for a message, in place of the one before.
    ///
    /// # Errors
    /// If there is not so much.
    pub fn hold_message(&self, bytes: usize) -> Result<(), PgError> {
        // What every connection has at hand is not counted.
        let bytes = if bytes > SMALL_MESSAGE { bytes } else { 0 };
        Ok(self.message.try_resize(bytes)?)
    }

    /// The settings, to read or to change.
    pub fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How values are written.
    pub fn style(&self) -> Style {
        let settings = self.settings();
        Style {
            zone: settings.zone(),
            extra_float_digits: settings.extra_float_digits(),
            intervals: settings.interval_style(),
        }
    }

    /// Makes settings count for the queries to come; returns the number of their changes so far.
    pub fn apply_settings(&mut self) -> u64 {
        let (generation, zone, intervals) = {
            let settings = self.settings();
            let intervals = settings.interval_style();
            (settings.generation(), settings.zone(), intervals)
        };
        if self.applied != Some(generation) {
            let state = self.backend.context().state_ref();
            let mut state = state.write();
            let options = state.config_mut().options_mut();
            options.execution.time_zone = Some(zone.arrow_name());
            let mut style = SessionStyle::default();
            style.interval_style = intervals.to_string();
            options.extensions.insert(style);
            self.applied = Some(generation);
        }
        generation
    }

    /// The state of the transaction, as ReadyForQuery tells it.
    pub fn status(&self) -> TransactionStatus {
        self.status
    }

    /// Whether a transaction block is open, failed or not.
    pub fn in_transaction(&self) -> bool {
        self.status != TransactionStatus::Idle
    }

    /// A statement has failed: outside of a block, what has been set together with it is taken back.
    pub fn fail(&mut self) {
        if !self.in_transaction() {
            self.settings().rollback();
        }
        self.status = self.status.to_error_state();
    }

    /// All statements that are answered together have been.
    pub fn group_ended(&mut self) {
        self.several = false;
        if !self.in_transaction() {
            self.settings().commit();
            self.drop_portals();
        }
    }

    /// Whether statements are a transaction though there is no block: several of one message are.
    pub fn in_group(&self) -> bool {
        self.several || self.in_transaction()
    }

    /// After a failure only the end of the transaction is possible.
    ///
    /// # Errors
    /// If the transaction has failed and the statement does not end it.
    pub fn check_not_failed(&self, statement: &Statement) -> Result<(), PgError> {
        if self.status == TransactionStatus::Error && !statement.leaves_failed_transaction() {
            return Err(PgError::new(
                code::FAILED_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        Ok(())
    }

    /// Forgets the portals that end with the transaction.
    pub fn drop_portals(&mut self) {
        self.portals.retain(|_, portal| portal.hold);
        for portal in self.portals.values_mut() {
            portal.committed = true;
        }
    }

    /// As new: DISCARD ALL.
    pub fn discard_all(&mut self) {
        self.statements.clear();
        self.repeated.clear();
        self.portals.clear();
        self.held.free();
        self.settings().reset_all();
    }

    /// The prepared statement of that name.
    ///
    /// # Errors
    /// If there is none.
    pub fn prepared(&self, name: &str) -> Result<Arc<Prepared>, PgError> {
        self.statements.get(name).cloned().ok_or_else(|| {
            let what = if name.is_empty() {
                "unnamed prepared statement does not exist".to_owned()
            } else {
                format!("prepared statement \"{name}\" does not exist")
            };
            PgError::new("26000", what)
        })
    }

    /// Keeps a prepared statement; only the unnamed one may be there already.
    ///
    /// # Errors
    /// If the name is taken, or too many are kept.
    pub fn keep_prepared(&mut self, name: &str, prepared: Arc<Prepared>) -> Result<(), PgError> {
        if !name.is_empty() && self.statements.contains_key(name) {
            return Err(PgError::new(
                "42P05",
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        if self.statements.len() >= LIMIT {
            return Err(too_many("prepared statements"));
        }
        if self.hold(name.len() + prepared.size()).is_err() {
            prepared.plan.forget();
            self.hold(name.len() + prepared.size())?;
        }
        self.statements.insert(name.to_owned(), prepared);
        Ok(())
    }

    /// Returns the statement of a text that has run before.
    pub fn repeated(&self, text: &str) -> Option<Arc<Prepared>> {
        self.repeated.get(text)
    }

    /// Keeps the statement of a text with its plan, where there is room for it.
    pub fn keep_repeated(&mut self, text: &str, prepared: &Arc<Prepared>) {
        self.repeated.keep(text.into(), Arc::clone(prepared));
        if self.hold(0).is_err() {
            self.forget_plans();
        }
    }

    /// Drops the plans that could be made again.
    fn forget_plans(&mut self) {
        self.repeated.clear();
        for statement in self.statements.values() {
            statement.plan.forget();
        }
    }

    /// Keeps a portal; only the unnamed one may be there already.
    ///
    /// # Errors
    /// If the name is taken, or too many are kept.
    pub fn keep_portal(&mut self, name: &str, mut portal: Portal) -> Result<(), PgError> {
        if !name.is_empty() && self.portals.contains_key(name) {
            return Err(PgError::new(
                "42P03",
                format!("cursor \"{name}\" already exists"),
            ));
        }
        if self.portals.len() >= LIMIT {
            return Err(too_many("portals"));
        }
        self.hold(name.len() + portal.size())?;
        self.made += 1;
        portal.number = self.made;
        self.portals.insert(name.to_owned(), portal);
        Ok(())
    }

    /// About how many bytes its statements and portals take.
    fn size(&self) -> usize {
        let statements = self.statements.iter();
        let statements = statements.map(|(name, statement)| name.len() + statement.size());
        let portals = self.portals.iter();
        let portals = portals.map(|(name, portal)| name.len() + portal.size());
        let sizes = statements.chain(portals);
        sizes.fold(self.repeated.size(), usize::saturating_add)
    }

    /// Takes so many bytes more of its share; plans that could be made again give way.
    fn hold(&mut self, more: usize) -> Result<(), PgError> {
        let held = self.size().saturating_add(more);
        if held <= HELD && self.held.try_resize(held).is_ok() {
            return Ok(());
        }
        self.forget_plans();
        let held = self.size().saturating_add(more);
        if held <= HELD {
            return Ok(self.held.try_resize(held)?);
        }
        Err(PgError::new(
            "53400",
            format!(
                "prepared statements and portals are too large: a connection's may hold {} MiB together",
                HELD >> 20
            ),
        )
        .hint("close those that are not needed any more"))
    }

    /// The columns that a statement will have; none where it has no rows.
    ///
    /// # Errors
    /// If it names a setting, cursor or prepared statement that is not there.
    pub fn columns_of(&self, prepared: &Prepared) -> Result<Option<Arc<[Column]>>, PgError> {
        Ok(match &prepared.statement {
            Statement::Query(_) => prepared
                .described
                .as_ref()
                .map(|described| Arc::clone(&described.columns)),
            Statement::Explain(_) => Some([Column::text("QUERY PLAN")].into()),
            Statement::Show(Some(name)) => {
                Some([Column::text(&self.settings().show(name)?.0)].into())
            }
            Statement::Show(None) => {
                Some(["name", "setting", "description"].map(Column::text).into())
            }
            Statement::Fetch { name, .. } => self.cursor(name)?.columns(),
            Statement::Execute { name, .. } => {
                let prepared = self.executed(name)?;
                self.columns_of(&prepared)?
            }
            _ => None,
        })
    }

    /// The prepared statement that EXECUTE names, which is no EXECUTE itself.
    ///
    /// # Errors
    /// If there is none.
    pub fn executed(&self, name: &str) -> Result<Arc<Prepared>, PgError> {
        let prepared = self.prepared(name)?;
        if matches!(prepared.statement, Statement::Execute { .. }) {
            return Err(PgError::new(
                code::NOT_SUPPORTED,
                format!("prepared statement \"{name}\" is an EXECUTE itself"),
            ));
        }
        Ok(prepared)
    }

    /// The cursor of that name.
    ///
    /// # Errors
    /// If there is none.
    pub fn cursor(&self, name: &str) -> Result<&Portal, PgError> {
        self.portals.get(name).ok_or_else(|| no_cursor(name))
    }
}

/// The error that there is no such cursor.
pub fn no_cursor(name: &str) -> PgError {
    PgError::new(code::NO_CURSOR, format!("cursor \"{name}\" does not exist"))
}

/// What counts of a name.
fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME)]
}

fn too_many(what: &str) -> PgError {
    PgError::new(
        "53400",
        format!("too many {what}: at most {LIMIT} are kept for a connection"),
    )
}
