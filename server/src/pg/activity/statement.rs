//! One statement: who asked what, how far it has come, and what it took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::super::resources::memory::Share;
use super::{Activity, measured};
use crate::users::User;
use rapport_pgsql::error::{PgError, code, logged, told};

/// So much of a text is kept.
const TEXT: usize = 8 * 1024;

/// How far a statement has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for its account's turn.
    Queued,
    /// It is read and planned.
    Planning,
    /// It runs, and its rows go out.
    Running,
    /// Its portal waits for the client to ask for more rows.
    Suspended,
    /// It came to its end.
    Finished,
    /// It ended with an error.
    Failed,
    /// It was stopped: by its client, its time, or its connection's end.
    Canceled,
}

impl State {
    /// As `system.queries` shows it.
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

/// A statement that somebody began.
#[derive(Debug)]
pub struct Statement {
    /// Numbered as its account's came.
    pub id: u64,
    /// The connection's process id.
    pub pid: i32,
    /// Who began it.
    pub user: Arc<User>,
    /// The name that the client gave itself.
    pub application: String,
    /// What it says.
    pub text: Box<str>,
    /// When it came.
    pub began_at: DateTime<Utc>,
    rows: AtomicU64,
    memory: OnceLock<Arc<Share>>,
    course: Mutex<Course>,
}

#[derive(Debug)]
struct Course {
    state: State,
    since: Instant,
    queued: Duration,
    planning: Duration,
    running: Duration,
    ended_at: Option<DateTime<Utc>>,
    error: Option<(&'static str, String)>,
}

/// What is told of a statement's course.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// How far it has come.
    pub state: State,
    /// How long it waited for its turn.
    pub queued: Duration,
    /// How long it was planned.
    pub planning: Duration,
    /// How long it ran, while its client took rows.
    pub running: Duration,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// SQLSTATE and message of its error.
    pub error: Option<(&'static str, String)>,
    /// The rows that were sent.
    pub rows: u64,
    /// The most bytes that its operators held at a time.
    pub peak_memory: usize,
}

impl Course {
    /// Counts the time since the last change for the state that it was in.
    fn count(&mut self, now: Instant) {
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
    /// One that begins now.
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
            course: Mutex::new(Course {
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

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it stands now.
    pub fn told(&self) -> Told {
        let mut course = self.course();
        course.count(Instant::now());
        Told {
            state: course.state,
            queued: course.queued,
            planning: course.planning,
            running: course.running,
            ended_at: course.ended_at,
            error: course.error.clone(),
            rows: self.rows.load(Ordering::Relaxed),
            peak_memory: self.memory.get().map_or(0, |share| share.peak()),
        }
    }

    /// Whether the server is busy with it.
    pub fn is_worked_on(&self) -> bool {
        let state = self.course().state;
        !state.is_end() && state != State::Suspended
    }

    /// It goes on to another state; one that has ended stays as it is.
    pub fn enter(&self, state: State) {
        let mut course = self.course();
        if !course.state.is_end() {
            course.count(Instant::now());
            course.state = state;
        }
    }

    /// So many rows more have been sent.
    pub fn sent(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// It takes its memory from this share.
    pub fn measure(&self, share: &Arc<Share>) {
        // A statement that plans twice holds nothing the first time.
        let _ = self.memory.set(Arc::clone(share));
    }

    /// What it holds, where that is so much that it may have to be freed.
    pub fn can_be_freed(&self) -> Option<usize> {
        self.memory.get()?.reclaimable()
    }

    /// It shall end for what it holds.
    pub fn give_up(&self) {
        if let Some(memory) = self.memory.get() {
            memory.kill();
        }
    }

    /// It ends; only the first end counts.
    fn end(&self, state: State, error: Option<(&'static str, String)>) -> bool {
        let mut course = self.course();
        if course.state.is_end() {
            return false;
        }
        course.count(Instant::now());
        course.state = state;
        course.ended_at = Some(Utc::now());
        course.error = error;
        true
    }
}

/// The beginning of a text, up to a whole character.
pub fn kept(text: &str) -> Box<str> {
    if text.len() <= TEXT {
        return text.into();
    }
    format!("{}…", &text[..text.floor_char_boundary(TEXT)]).into()
}

/// A statement in the hands of its connection. Dropped, it has been given up.
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

    /// The statement.
    pub fn statement(&self) -> &Arc<Statement> {
        &self.statement
    }

    /// It came to its end.
    pub fn finished(self) {
        self.end(State::Finished, None);
    }

    /// It was only read and planned, to be told of when it is executed.
    pub fn forgotten(self) {
        self.activity.forget(&self.statement);
        self.statement.end(State::Finished, None);
    }

    /// It ended with an error.
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
        // After an end of its own this changes nothing. A portal may be closed before its rows have come to their end:
        // then its client had all that it wanted.
        let state = match self.statement.course().state {
            State::Suspended => State::Finished,
            _ => State::Canceled,
        };
        self.end(state, None);
    }
}

/// A time as logs and tables tell it.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
