//! One statement: its user and text, its state, and the time, memory and rows that it took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::super::resources::memory::Share;
use super::{Activity, measured};
use crate::users::User;
use rapport_pgsql::error::{PgError, code, logged, told};

/// The most bytes of a statement's text that are kept.
const MAX_TEXT_BYTES: usize = 8 * 1024;

/// The state of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits until its account may run another statement.
    Queued,
    /// It is parsed and planned.
    Planning,
    /// It runs and sends rows.
    Running,
    /// Its portal waits for the client to ask for more rows.
    Suspended,
    /// It completed.
    Finished,
    /// It failed with an error.
    Failed,
    /// It was cancelled: by its client, by a timeout, or because the connection or the server ended.
    Canceled,
}

impl State {
    /// Returns the state's name in `system.queries`.
    pub fn name(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Planning => "planning",
            State::Running => "running",
            State::Suspended => "suspended",
            State::Finished => "finished",
            State::Failed => "failed",
            State::Canceled => "canceled",
        }
    }

    fn is_end(self) -> bool {
        matches!(self, State::Finished | State::Failed | State::Canceled)
    }
}

/// A statement that a session began.
#[derive(Debug)]
pub struct Statement {
    /// The statement's number among those of its account.
    pub id: u64,
    /// The connection's process id.
    pub pid: i32,
    /// The session's user.
    pub user: Arc<User>,
    /// The session's `application_name`.
    pub application: String,
    /// The SQL text, truncated by [`kept`].
    pub text: Box<str>,
    /// When it began.
    pub began_at: DateTime<Utc>,
    rows: AtomicU64,
    memory: OnceLock<Arc<Share>>,
    progress: Mutex<Progress>,
}

/// The state of a statement, and the time that it has spent in each state.
#[derive(Debug)]
struct Progress {
    state: State,
    /// Up to here, time is counted in the durations below.
    since: Instant,
    queued: Duration,
    planning: Duration,
    running: Duration,
    ended_at: Option<DateTime<Utc>>,
    error: Option<(&'static str, String)>,
}

/// A snapshot of a statement's state and measurements.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The state.
    pub state: State,
    /// How long it was queued.
    pub queued: Duration,
    /// How long it was parsed and planned.
    pub planning: Duration,
    /// How long it ran and sent rows, without the time that it was suspended.
    pub running: Duration,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The SQLSTATE and message of its error.
    pub error: Option<(&'static str, String)>,
    /// The number of rows sent.
    pub rows: u64,
    /// The most bytes that its operators held at the same time.
    pub peak_memory: usize,
}

impl Progress {
    /// Adds the time since the last call to the duration of the current state.
    fn add_elapsed(&mut self, now: Instant) {
        let spent = now.duration_since(self.since);
        self.since = now;
        match self.state {
            State::Queued => self.queued += spent,
            State::Planning => self.planning += spent,
            State::Running => self.running += spent,
            State::Suspended | State::Finished | State::Failed | State::Canceled => {}
        }
    }
}

impl Statement {
    /// Creates a statement that begins now.
    pub fn new(id: u64, pid: i32, user: Arc<User>, application: String, text: &str) -> Statement {
        Statement {
            id,
            pid,
            user,
            application,
            text: kept(text),
            began_at: Utc::now(),
            rows: AtomicU64::new(0),
            memory: OnceLock::new(),
            progress: Mutex::new(Progress {
                state: State::Planning,
                since: Instant::now(),
                queued: Duration::ZERO,
                planning: Duration::ZERO,
                running: Duration::ZERO,
                ended_at: None,
                error: None,
            }),
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a snapshot of the statement.
    pub fn told(&self) -> Told {
        let mut progress = self.progress();
        progress.add_elapsed(Instant::now());
        Told {
            state: progress.state,
            queued: progress.queued,
            planning: progress.planning,
            running: progress.running,
            ended_at: progress.ended_at,
            error: progress.error.clone(),
            rows: self.rows.load(Ordering::Relaxed),
            peak_memory: self.memory.get().map_or(0, |share| share.peak()),
        }
    }

    /// Returns whether the server is working on the statement: it has not ended and is not suspended.
    pub fn is_worked_on(&self) -> bool {
        let state = self.progress().state;
        !state.is_end() && state != State::Suspended
    }

    /// Sets the state, unless the statement has ended.
    pub fn enter(&self, state: State) {
        let mut progress = self.progress();
        if !progress.state.is_end() {
            progress.add_elapsed(Instant::now());
            progress.state = state;
        }
    }

    /// Adds to the number of rows sent.
    pub fn sent(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Sets the memory share that the statement's operators allocate from.
    pub fn measure(&self, share: &Arc<Share>) {
        // A statement that is planned twice allocates nothing the first time.
        let _ = self.memory.set(Arc::clone(share));
    }

    /// Returns the bytes that cancelling the statement would free, if it holds enough to be worth cancelling.
    pub fn can_be_freed(&self) -> Option<usize> {
        self.memory.get()?.reclaimable()
    }

    /// Makes the statement fail, so that it frees its memory.
    pub fn give_up(&self) {
        if let Some(memory) = self.memory.get() {
            memory.kill();
        }
    }

    /// Ends the statement; returns false, and changes nothing, if it has ended before.
    fn end(&self, state: State, error: Option<(&'static str, String)>) -> bool {
        let mut progress = self.progress();
        if progress.state.is_end() {
            return false;
        }
        progress.add_elapsed(Instant::now());
        progress.state = state;
        progress.ended_at = Some(Utc::now());
        progress.error = error;
        true
    }
}

/// Truncates a text to the bytes that are kept, at a character boundary, and marks the cut with `…`.
pub fn kept(text: &str) -> Box<str> {
    if text.len() <= MAX_TEXT_BYTES {
        return text.into();
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]).into()
}

/// The connection's handle to its running statement. Dropping the handle ends the statement.
#[derive(Debug)]
pub struct Doing {
    statement: Arc<Statement>,
    activity: Arc<Activity>,
}

impl Doing {
    pub(super) fn new(statement: Arc<Statement>, activity: Arc<Activity>) -> Doing {
        Doing {
            statement,
            activity,
        }
    }

    /// Returns the statement.
    pub fn statement(&self) -> &Arc<Statement> {
        &self.statement
    }

    /// Ends the statement as finished.
    pub fn finished(self) {
        self.end(State::Finished, None);
    }

    /// Removes the statement without a trace. It was only parsed and planned, and its execution will be listed.
    pub fn forgotten(self) {
        self.activity.forget(&self.statement);
        self.statement.end(State::Finished, None);
    }

    /// Ends the statement as failed, or as cancelled if the error's code says so.
    pub fn failed(self, error: &PgError) {
        let state = match error.code {
            code::CANCELED | code::SHUTDOWN => State::Canceled,
            _ => State::Failed,
        };
        self.end(state, Some((error.code, told(&error.message).into_owned())));
    }

    fn end(&self, state: State, error: Option<(&'static str, String)>) {
        if !self.statement.end(state, error) {
            return;
        }
        self.activity.ended(&self.statement);
        let told = self.statement.told();
        measured::statement_ended(&told);
        let took = told.queued + told.planning + told.running;
        if self.activity.slow.is_some_and(|slow| took >= slow) {
            let info = &self.statement.user.info;
            tracing::warn!(
                target: "rapport::slow_query",
                user = info.name,
                account = info.account.as_deref(),
                pid = self.statement.pid,
                state = state.name(),
                queued_ms = milliseconds(told.queued),
                planning_ms = milliseconds(told.planning),
                running_ms = milliseconds(told.running),
                rows = told.rows,
                peak_memory_bytes = told.peak_memory,
                statement = %logged(&self.statement.text),
                "slow statement"
            );
        }
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        // This changes nothing if the statement has ended. A suspended portal may be closed before its last row: then its
        // client had all the rows that it wanted, so the statement counts as finished.
        let state = match self.statement.progress().state {
            State::Suspended => State::Finished,
            _ => State::Canceled,
        };
        self.end(state, None);
    }
}

/// Converts a duration to milliseconds, with microseconds as decimals, for logs and tables.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
