//! Tracks the open sessions and the running and recent statements.
//!
//! `system.sessions`, `system.queries`, `pg_stat_activity`, the slow-query log and `/metrics` read this state. A statement
//! is registered as soon as its text is known, so queued and refused statements are listed too.
//!
//! Invariants: a running statement is always listed; the history has a size limit, and drops the oldest statement of the
//! account that uses most of it; long texts are truncated.

mod history;
mod measured;
mod statement;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use pgwire::messages::response::TransactionStatus;

use super::resources::signals::Signals;
use super::session::SharedSettings;
use crate::users::{User, UserInfo};
use history::History;

pub use measured::describe as describe_metrics;
pub(super) use measured::{connection_refused, logged_in, login_refused};
pub use statement::{Doing, State, Statement, kept, milliseconds};

/// Holds the open sessions and the running and recent statements of a server.
#[derive(Debug)]
pub struct Activity {
    sessions: Mutex<BTreeMap<i32, Arc<Presence>>>,
    history: Mutex<History>,
    /// Statements that take at least this long are logged; none is if this is `None`.
    slow: Option<Duration>,
}

/// Describes the client end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// The client's IP address, if the operating system reports it.
    pub address: Option<IpAddr>,
    /// Whether the connection uses TLS.
    pub encrypted: bool,
}

/// Describes an open session, for the tables that list sessions.
#[derive(Debug)]
pub struct Presence {
    /// The connection's process id.
    pub pid: i32,
    /// The session's user.
    pub user: Arc<User>,
    /// The client end of the connection.
    pub peer: Peer,
    /// When the session began.
    pub started_at: DateTime<Utc>,
    settings: SharedSettings,
    control: Arc<Signals>,
    transaction: AtomicU8,
    latest: Mutex<Option<Arc<Statement>>>,
}

/// Keeps a session in the list of sessions; dropping it removes the session.
#[derive(Debug)]
pub struct Present {
    activity: Arc<Activity>,
    presence: Arc<Presence>,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.activity.sessions().remove(&self.presence.pid);
        measured::session_ended();
    }
}

impl Presence {
    /// Returns the session's `application_name`, or an empty string.
    pub fn application(&self) -> String {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        settings
            .show("application_name")
            .map_or_else(|_| String::new(), |(_, value)| value)
    }

    /// Returns the state as `pg_stat_activity` names it: `active`, `idle`, `idle in transaction` or
    /// `idle in transaction (aborted)`.
    pub fn state(&self) -> &'static str {
        let works = self
            .latest()
            .is_some_and(|statement| statement.is_worked_on());
        match self.transaction.load(Ordering::Relaxed) {
            _ if works => "active",
            b'T' => "idle in transaction",
            b'E' => "idle in transaction (aborted)",
            _ => "idle",
        }
    }

    /// Returns the statement that the session began last.
    pub fn latest(&self) -> Option<Arc<Statement>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.clone()
    }
}

impl Activity {
    /// Creates an empty list; statements that take at least `slow` will be logged.
    pub fn new(slow: Option<Duration>) -> Activity {
        Activity {
            sessions: Mutex::default(),
            history: Mutex::default(),
            slow,
        }
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<i32, Arc<Presence>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a session to the list. It stays there until the result is dropped.
    pub fn enter(
        self: &Arc<Self>,
        pid: i32,
        user: Arc<User>,
        peer: Peer,
        settings: SharedSettings,
        control: Arc<Signals>,
    ) -> Present {
        let presence = Arc::new(Presence {
            pid,
            user,
            peer,
            started_at: Utc::now(),
            settings,
            control,
            transaction: AtomicU8::new(b'I'),
            latest: Mutex::new(None),
        });
        self.sessions().insert(pid, Arc::clone(&presence));
        measured::session_began();
        Present {
            activity: Arc::clone(self),
            presence,
        }
    }

    /// Removes a running statement without adding it to the history.
    fn forget(&self, statement: &Statement) {
        self.history().forget(statement);
    }

    /// Moves an ended statement to the history, which has a size limit.
    fn ended(&self, statement: &Statement) {
        self.history().end(statement);
    }

    /// Returns the sessions that a user may see: an operator sees all, other users see their own.
    pub fn sessions_of(&self, viewer: &UserInfo) -> Vec<Arc<Presence>> {
        self.sessions()
            .values()
            .filter(|presence| may_see(viewer, &presence.user.info))
            .cloned()
            .collect()
    }

    /// Sends a signal to the session with this process id. Returns whether there is such a session that the user may see.
    pub fn reach(&self, viewer: &UserInfo, pid: i32, signal: fn(&Signals)) -> bool {
        let sessions = self.sessions();
        let presence = sessions
            .get(&pid)
            .filter(|presence| may_see(viewer, &presence.user.info));
        if let Some(presence) = presence {
            signal(&presence.control);
        }
        presence.is_some()
    }

    /// Returns the statement with the most reclaimable memory. It may have been killed already and not yet have
    /// released its memory; it is returned nevertheless, so that no other statement is killed in its place.
    pub fn largest(&self) -> Option<Arc<Statement>> {
        let history = self.history();
        let large = history
            .iter()
            .filter_map(|statement| Some((statement.can_be_freed()?, statement)));
        let largest = large.max_by_key(|(held, _)| *held);
        largest.map(|(_, statement)| Arc::clone(statement))
    }

    /// Returns the statements that a user may see, newest first.
    pub fn statements_of(&self, viewer: &UserInfo) -> Vec<Arc<Statement>> {
        // A shop's user reads the statements of its own account only, so other accounts' load does not slow it down.
        let mut seen = match &viewer.account {
            Some(account) => self.history().of(account),
            None => self.history().all(),
        };
        seen.retain(|statement| may_see(viewer, &statement.user.info));
        seen.sort_by_key(|statement| std::cmp::Reverse((statement.began_at, statement.id)));
        seen
    }
}

/// Returns whether a user may see the sessions and statements of another. An operator sees all; other users see their own,
/// from all their connections. Names are compared with their accounts, since a deleted user's name may be given to a
/// user of another account.
fn may_see(viewer: &UserInfo, owner: &UserInfo) -> bool {
    viewer.account.is_none() || (viewer.name == owner.name && viewer.account == owner.account)
}

impl Present {
    /// Records the state of the session's transaction.
    pub fn transaction(&self, status: TransactionStatus) {
        let byte = match status {
            TransactionStatus::Idle => b'I',
            TransactionStatus::Transaction => b'T',
            TransactionStatus::Error => b'E',
        };
        self.presence.transaction.store(byte, Ordering::Relaxed);
    }

    /// Registers a statement that begins now.
    pub fn begin(&self, text: &str) -> Doing {
        let account = self.presence.user.info.account.as_deref();
        let number = self.activity.history().number(account);
        let statement = Arc::new(Statement::new(
            number,
            self.presence.pid,
            Arc::clone(&self.presence.user),
            self.presence.application(),
            text,
        ));
        let mut latest = self
            .presence
            .latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *latest = Some(Arc::clone(&statement));
        drop(latest);
        self.activity.history().begin(Arc::clone(&statement));
        Doing::new(statement, Arc::clone(&self.activity))
    }
}

#[cfg(test)]
mod tests;
