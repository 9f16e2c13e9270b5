//! What reaches into a running connection from outside: cancel requests, the end of its user, the server's shutdown.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::users::User;
use rapport_pgsql::error::{PgError, code};

/// The statement that runs shall stop.
const CANCEL: u8 = 1;
/// The connection shall end once no statement runs.
const FINISH: u8 = 2;
/// The connection shall end now.
const END: u8 = 4;

/// The levers of one connection.
#[derive(Debug, Default)]
pub struct Control {
    wanted: AtomicU8,
    changed: Notify,
}

impl Control {
    /// Stops the statement that runs; without one, nothing.
    pub fn cancel(&self) {
        self.want(CANCEL);
    }

    /// Ends the connection once no statement runs.
    pub fn finish(&self) {
        self.want(FINISH);
    }

    /// Ends the connection, and its statement.
    pub fn end(&self) {
        self.want(END);
    }

    fn want(&self, what: u8) {
        self.wanted.fetch_or(what, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// A statement begins: a cancel that came before it was for another.
    pub fn statement_begins(&self) {
        self.wanted.fetch_and(!CANCEL, Ordering::SeqCst);
    }

    /// Waits until the statement shall stop.
    pub async fn stopped(&self) -> PgError {
        match self.reached(CANCEL | END).await & END {
            0 => PgError::new(code::CANCELED, "canceling statement due to user request"),
            _ => ended(),
        }
    }

    /// Waits until a connection shall end: at once, or, if it is at rest between groups of messages, once others have
    /// ended their statements too.
    pub async fn finished(&self, at_rest: bool) -> PgError {
        self.reached(if at_rest { FINISH | END } else { END }).await;
        ended()
    }

    async fn reached(&self, what: u8) -> u8 {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Listen before looking, so that no change falls between.
            changed.as_mut().enable();
            let wanted = self.wanted.load(Ordering::SeqCst) & what;
            if wanted != 0 {
                return wanted;
            }
            changed.await;
        }
    }
}

fn ended() -> PgError {
    PgError::fatal(
        code::SHUTDOWN,
        "terminating connection due to administrator command",
    )
}

/// The connections that are logged in.
#[derive(Debug, Default)]
pub struct Connections {
    entered: Mutex<Entered>,
}

#[derive(Debug, Default)]
struct Entered {
    by_pid: HashMap<i32, Entry>,
    /// The server stops: who comes now is to leave again.
    finishing: bool,
}

#[derive(Debug)]
struct Entry {
    key: Bytes,
    user: Arc<User>,
    control: Arc<Control>,
}

/// A connection's place among the others, which it leaves when this is dropped.
#[derive(Debug)]
pub struct Registration {
    connections: Arc<Connections>,
    pid: i32,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.connections.lock().by_pid.remove(&self.pid);
    }
}

impl Connections {
    fn lock(&self) -> std::sync::MutexGuard<'_, Entered> {
        self.entered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a connection under a process id that no other has.
    pub fn register(
        self: &Arc<Self>,
        key: Bytes,
        user: Arc<User>,
        control: Arc<Control>,
    ) -> (i32, Registration) {
        let mut entered = self.lock();
        if entered.finishing {
            control.finish();
        }
        let by_pid = &mut entered.by_pid;
        let pid = loop {
            // Not to be guessed: who knows a process id and a key can cancel.
            let pid = rand::random_range(1..i32::MAX);
            if !by_pid.contains_key(&pid) {
                break pid;
            }
        };
        by_pid.insert(pid, Entry { key, user, control });
        let connections = Arc::clone(self);
        (pid, Registration { connections, pid })
    }

    /// Cancels the statement of a connection, if the key is its key.
    pub fn cancel(&self, pid: i32, key: &[u8]) {
        if let Some(entry) = self.lock().by_pid.get(&pid)
            && same(&entry.key, key)
        {
            entry.control.cancel();
        }
    }

    /// Ends the connections whose user is no longer the one that logged in.
    pub fn end_where(&self, gone: impl Fn(&User) -> bool) {
        // Users are looked up outside the lock, for that may read a file.
        let entries: Vec<_> = {
            let entered = self.lock();
            let all = entered.by_pid.values();
            all.map(|entry| (Arc::clone(&entry.user), Arc::clone(&entry.control)))
                .collect()
        };
        for (_, control) in entries.iter().filter(|(user, _)| gone(user)) {
            control.end();
        }
    }

    /// Ends all connections once their statements have.
    pub fn finish_all(&self) {
        let mut entered = self.lock();
        entered.finishing = true;
        for entry in entered.by_pid.values() {
            entry.control.finish();
        }
    }

    /// Ends all connections.
    pub fn end_all(&self) {
        for entry in self.lock().by_pid.values() {
            entry.control.end();
        }
    }
}

/// Compares in a time that tells nothing about where two keys differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cancel_counts_for_the_statement_that_runs_alone() {
        let control = Control::default();
        control.cancel();
        control.statement_begins();
        assert!(futures::poll!(Box::pin(control.stopped())).is_pending());
        control.cancel();
        assert_eq!(control.stopped().await.code, "57014");
    }

    #[tokio::test]
    async fn an_end_outlives_statements() {
        let control = Control::default();
        control.end();
        control.statement_begins();
        assert!(control.stopped().await.fatal);
        assert!(control.finished(false).await.fatal);
    }

    #[tokio::test]
    async fn who_is_between_a_statement_and_its_end_is_not_cut_off() {
        let control = Control::default();
        control.finish();
        assert!(futures::poll!(Box::pin(control.finished(false))).is_pending());
        assert!(control.finished(true).await.fatal);
    }

    #[test]
    fn keys_are_compared_whole() {
        assert!(same(b"abcd", b"abcd"));
        assert!(!same(b"abcd", b"abce"));
        assert!(!same(b"abcd", b"abc"));
    }
}
