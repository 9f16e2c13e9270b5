//! What runs and what ran: the sessions that are open and the statements of late, as `system.sessions` and
//! `system.queries` show them, the slow-query log and the counters of `/metrics` tell of them.
//!
//! A statement is told of from the moment that its text is known, so one that waits for its turn is seen waiting, and
//! one that is refused is seen too. What always holds: a statement is in sight until it has ended; no account's statements
//! push another's out of the history before it has taken more of it than any other; and a text is kept only so far.

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

/// Sessions and statements of a server.
#[derive(Debug)]
pub struct Activity {
    sessions: Mutex<BTreeMap<i32, Arc<Presence>>>,
    history: Mutex<History>,
    /// A statement that takes longer is logged.
    slow: Option<Duration>,
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Where it is; the system may not say.
    pub address: Option<IpAddr>,
    /// Whether what it sends and gets is encrypted.
    pub encrypted: bool,
}

/// An open session, as others may see it.
#[derive(Debug)]
pub struct Presence {
    /// The connection's process id.
    pub pid: i32,
    /// Who it is.
    pub user: Arc<User>,
    /// Its client.
    pub peer: Peer,
    /// Since when.
    pub started_at: DateTime<Utc>,
    settings: SharedSettings,
    control: Arc<Signals>,
    transaction: AtomicU8,
    latest: Mutex<Option<Arc<Statement>>>,
}

/// A session's place among the others, which it leaves when this is dropped.
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
    /// The name that the client gives itself.
    pub fn application(&self) -> String {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        settings
            .show("application_name")
            .map_or_else(|_| String::new(), |(_, value)| value)
    }

    /// `active` while a statement is worked on, else as PostgreSQL tells of transactions.
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

    /// The statement that it began last.
    pub fn latest(&self) -> Option<Arc<Statement>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.clone()
    }
}

impl Activity {
    /// Nothing yet. Statements that take longer than `slow` will be logged.
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

    /// A session begins.
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

    /// A statement that runs is told of no more.
    fn forget(&self, statement: &Statement) {
        self.history().forget(statement);
    }

    /// A statement has ended: from here on it is history, which is bounded.
    fn ended(&self, statement: &Statement) {
        self.history().end(statement);
    }

    /// The sessions that a user may see: an operator all, others their own.
    pub fn sessions_of(&self, viewer: &UserInfo) -> Vec<Arc<Presence>> {
        self.sessions()
            .values()
            .filter(|presence| may_see(viewer, &presence.user.info))
            .cloned()
            .collect()
    }

    /// Reaches into the session of a process id; answers whether there is one that the user may see.
    pub fn reach(&self, viewer: &UserInfo, pid: i32, pull: fn(&Signals)) -> bool {
        let sessions = self.sessions();
        let presence = sessions
            .get(&pid)
            .filter(|presence| may_see(viewer, &presence.user.info));
        if let Some(presence) = presence {
            pull(&presence.control);
        }
        presence.is_some()
    }

    /// The statement that holds most of those that are large. One that has ended may still do so, until its work comes to
    /// where it can be left; meanwhile nobody else has to go for it.
    pub fn largest(&self) -> Option<Arc<Statement>> {
        let history = self.history();
        let large = history
            .iter()
            .filter_map(|statement| Some((statement.can_be_freed()?, statement)));
        let largest = large.max_by_key(|(held, _)| *held);
        largest.map(|(_, statement)| Arc::clone(statement))
    }

    /// The statements that a user may see, the latest first.
    pub fn statements_of(&self, viewer: &UserInfo) -> Vec<Arc<Statement>> {
        // A shop's user looks at its account's alone: what others have asked shall not even cost it time.
        let mut seen = match &viewer.account {
            Some(account) => self.history().of(account),
            None => self.history().all(),
        };
        seen.retain(|statement| may_see(viewer, &statement.user.info));
        seen.sort_by_key(|statement| std::cmp::Reverse((statement.began_at, statement.id)));
        seen
    }
}

/// An operator sees what all do; others see what they do themselves, from whichever connection. A user of the same name
/// who was bound to another account before is somebody else.
fn may_see(viewer: &UserInfo, doer: &UserInfo) -> bool {
    viewer.account.is_none() || (viewer.name == doer.name && viewer.account == doer.account)
}

impl Present {
    /// The transaction's state changes.
    pub fn transaction(&self, status: TransactionStatus) {
        let byte = match status {
            TransactionStatus::Idle => b'I',
            TransactionStatus::Transaction => b'T',
            TransactionStatus::Error => b'E',
        };
        self.presence.transaction.store(byte, Ordering::Relaxed);
    }

    /// A statement begins.
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
