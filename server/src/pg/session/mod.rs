//! The state of a connection between statements: its transaction, settings, prepared statements and portals.

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
use crate::pg::resources::signals::Signals;
use crate::users::User;
use rapport_pgsql::encode::{Column, SessionStyle, Style};
use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::parse::Statement;
use rapport_pgsql::settings::Settings;
use transactions::Savepoint;

/// How many prepared statements, how many portals and how many savepoints a connection may have.
const MAX_COUNT: usize = 4096;

/// Settings of a session, shared with its SQL functions (`current_setting`, `set_config`).
pub type SharedSettings = Arc<Mutex<Settings>>;

/// How many bytes the prepared statements and portals of a connection may hold together.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The most bytes of a message that fits into the buffers that each connection has, so it is not reserved.
const SMALL_MESSAGE: usize = 64 * 1024;

/// How many bytes of an SQL name are significant, as in PostgreSQL.
const NAME_BYTES: usize = 63;

/// The state of one connection that is logged in.
pub struct Session {
    /// The engine's session, in which queries are planned.
    pub backend: Arc<dyn BackendSession>,
    /// The user who logged in.
    pub user: Arc<User>,
    /// The threads that its queries run on.
    pub runtime: Arc<QueryRuntime>,
    /// The memory that its statements may hold.
    pub memory: Arc<Share>,
    /// The signals sent to it.
    pub signals: Arc<Signals>,
    /// Its settings.
    pub settings: SharedSettings,
    /// Prepared statements by name, "" for the unnamed one.
    pub statements: HashMap<String, Arc<Prepared>>,
    /// Planned statements by their text, for texts that come again.
    repeated: RepeatedTexts,
    /// Portals and cursors by name.
    pub portals: HashMap<String, Portal>,
    status: TransactionStatus,
    /// Whether the message in hand holds more than one statement, which are one transaction.
    pub is_multi_statement: bool,
    savepoints: Vec<Savepoint>,
    /// How many portals have been made.
    portals_made: u64,
    /// The memory reserved for its prepared statements and portals.
    reserved: MemoryReservation,
    /// The memory reserved for the message that is being read or answered.
    message: MemoryReservation,
    /// The generation of settings that the engine's session has.
    applied: Option<u64>,
}

impl Session {
    /// Makes the session of a user who has logged in.
    pub fn new(
        backend: Arc<dyn BackendSession>,
        user: Arc<User>,
        runtime: Arc<QueryRuntime>,
        memory: Arc<Share>,
        signals: Arc<Signals>,
        settings: SharedSettings,
    ) -> Session {
        let share: Arc<dyn MemoryPool> = Arc::<Share>::clone(&memory);
        Session {
            message: MemoryConsumer::new("a message").register(&share),
            reserved: MemoryConsumer::new("prepared statements and portals").register(&share),
            backend,
            user,
            runtime,
            memory,
            signals,
            settings,
            statements: HashMap::new(),
            repeated: RepeatedTexts::default(),
            portals: HashMap::new(),
            status: TransactionStatus::Idle,
            is_multi_statement: false,
            savepoints: Vec::new(),
            portals_made: 0,
            applied: None,
        }
    }

    /// Reserves memory for a message, and releases that of the message before.
    ///
    /// # Errors
    /// 53200 if the session's share has not enough left.
    pub fn reserve_message(&self, bytes: usize) -> Result<(), PgError> {
        // A small message fits into buffers that are not counted.
        let bytes = if bytes > SMALL_MESSAGE { bytes } else { 0 };
        Ok(self.message.try_resize(bytes)?)
    }

    /// Locks the settings, to read or change them.
    pub fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how values are written as text.
    pub fn style(&self) -> Style {
        let settings = self.settings();
        Style {
            zone: settings.zone(),
            extra_float_digits: settings.extra_float_digits(),
            intervals: settings.interval_style(),
        }
    }

    /// Applies the settings to the engine's session, and returns their generation.
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

    /// Returns the state of the transaction, as ReadyForQuery reports it.
    pub fn status(&self) -> TransactionStatus {
        self.status
    }

    /// Returns whether a transaction block is open, failed or not.
    pub fn in_transaction(&self) -> bool {
        self.status != TransactionStatus::Idle
    }

    /// Records that a statement failed. Outside of a block the settings of its message are rolled back.
    pub fn fail(&mut self) {
        if !self.in_transaction() {
            self.settings().rollback();
        }
        self.status = self.status.to_error_state();
    }

    /// Ends a group of statements that are answered together; outside of a block that commits them.
    pub fn end_group(&mut self) {
        self.is_multi_statement = false;
        if !self.in_transaction() {
            self.settings().commit();
            self.drop_portals();
        }
    }

    /// Returns whether statements run in a transaction: in a block, or together with others of one message.
    pub fn in_group(&self) -> bool {
        self.is_multi_statement || self.in_transaction()
    }

    /// Refuses statements of a failed transaction, other than those that end it.
    ///
    /// # Errors
    /// 25P02 if the transaction has failed and the statement does not end it.
    pub fn check_not_failed(&self, statement: &Statement) -> Result<(), PgError> {
        if self.status == TransactionStatus::Error && !statement.leaves_failed_transaction() {
            return Err(PgError::new(
                code::FAILED_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        Ok(())
    }

    /// Drops the portals that end with the transaction, which commits.
    pub fn drop_portals(&mut self) {
        self.portals.retain(|_, portal| portal.hold);
        for portal in self.portals.values_mut() {
            portal.committed = true;
        }
    }

    /// Resets the session to its start (`DISCARD ALL`).
    pub fn discard_all(&mut self) {
        self.statements.clear();
        self.repeated.clear();
        self.portals.clear();
        self.reserved.free();
        self.settings().reset_all();
    }

    /// Returns the prepared statement of that name.
    ///
    /// # Errors
    /// 26000 if there is none.
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

    /// Keeps a prepared statement, and replaces the unnamed one.
    ///
    /// # Errors
    /// If the name is taken, or too many or too large ones are kept.
    pub fn keep_prepared(&mut self, name: &str, prepared: Arc<Prepared>) -> Result<(), PgError> {
        if !name.is_empty() && self.statements.contains_key(name) {
            return Err(PgError::new(
                "42P05",
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        if self.statements.len() >= MAX_COUNT {
            return Err(too_many_error("prepared statements"));
        }
        if self.reserve(name.len() + prepared.size()).is_err() {
            prepared.plan.forget();
            self.reserve(name.len() + prepared.size())?;
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
        if self.reserve(0).is_err() {
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

    /// Keeps a portal and numbers it, and replaces the unnamed one.
    ///
    /// # Errors
    /// If the name is taken, or too many or too large ones are kept.
    pub fn keep_portal(&mut self, name: &str, mut portal: Portal) -> Result<(), PgError> {
        if !name.is_empty() && self.portals.contains_key(name) {
            return Err(PgError::new(
                "42P03",
                format!("cursor \"{name}\" already exists"),
            ));
        }
        if self.portals.len() >= MAX_COUNT {
            return Err(too_many_error("portals"));
        }
        self.reserve(name.len() + portal.size())?;
        self.portals_made += 1;
        portal.number = self.portals_made;
        self.portals.insert(name.to_owned(), portal);
        Ok(())
    }

    /// Estimates the bytes that prepared statements, portals and plans take.
    fn size(&self) -> usize {
        let statements = self.statements.iter();
        let statements = statements.map(|(name, statement)| name.len() + statement.size());
        let portals = self.portals.iter();
        let portals = portals.map(|(name, portal)| name.len() + portal.size());
        let sizes = statements.chain(portals);
        sizes.fold(self.repeated.size(), usize::saturating_add)
    }

    /// Reserves memory for what is kept and `more` bytes. Plans that could be made again are dropped if it does not suffice.
    fn reserve(&mut self, more: usize) -> Result<(), PgError> {
        let size = self.size().saturating_add(more);
        if size <= MAX_BYTES && self.reserved.try_resize(size).is_ok() {
            return Ok(());
        }
        self.forget_plans();
        let size = self.size().saturating_add(more);
        if size <= MAX_BYTES {
            return Ok(self.reserved.try_resize(size)?);
        }
        Err(PgError::new(
            "53400",
            format!(
                "prepared statements and portals are too large: a connection's may hold {} MiB together",
                MAX_BYTES >> 20
            ),
        )
        .hint("close those that are not needed any more"))
    }

    /// Returns the columns of a statement's result; `None` if it returns no rows.
    ///
    /// # Errors
    /// If it names a setting, cursor or prepared statement that does not exist.
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
                let prepared = self.prepared_to_execute(name)?;
                self.columns_of(&prepared)?
            }
            _ => None,
        })
    }

    /// Returns the prepared statement that an EXECUTE names.
    ///
    /// # Errors
    /// If there is none, or it is an EXECUTE itself.
    pub fn prepared_to_execute(&self, name: &str) -> Result<Arc<Prepared>, PgError> {
        let prepared = self.prepared(name)?;
        if matches!(prepared.statement, Statement::Execute { .. }) {
            return Err(PgError::new(
                code::NOT_SUPPORTED,
                format!("prepared statement \"{name}\" is an EXECUTE itself"),
            ));
        }
        Ok(prepared)
    }

    /// Returns the cursor of that name.
    ///
    /// # Errors
    /// 34000 if there is none.
    pub fn cursor(&self, name: &str) -> Result<&Portal, PgError> {
        self.portals.get(name).ok_or_else(|| no_cursor_error(name))
    }
}

/// Returns the error that there is no such cursor.
pub fn no_cursor_error(name: &str) -> PgError {
    PgError::new(code::NO_CURSOR, format!("cursor \"{name}\" does not exist"))
}

/// Cuts a name to its significant bytes.
fn truncate_name(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES)]
}

fn too_many_error(what: &str) -> PgError {
    PgError::new(
        "53400",
        format!("too many {what}: at most {MAX_COUNT} are kept for a connection"),
    )
}
