//! Signals to connections from outside: cancel requests, the removal of their user, the shutdown of the server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::users::User;
use rapport_pgsql::error::{PgError, code};

/// Stop the statement that runs.
const CANCEL: u8 = 1;
/// End the connection once no statement runs.
const END_WHEN_IDLE: u8 = 2;
/// End the connection now.
const END: u8 = 4;

/// The signals that one connection has received.
#[derive(Debug, Default)]
pub struct Signals {
    raised: AtomicU8,
    changed: Notify,
}

impl Signals {
    /// Stops the statement that runs; does nothing where none runs.
    pub fn cancel(&self) {
        self.raise(CANCEL);
    }

    /// Ends the connection once no statement runs.
    pub fn end_when_idle(&self) {
        self.raise(END_WHEN_IDLE);
    }

    /// Ends the connection and its statement at once.
    pub fn end(&self) {
        self.raise(END);
    }

    fn raise(&self, signal: u8) {
        self.raised.fetch_or(signal, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Begins a statement: a cancel request that came before was for another one.
    pub fn statement_begins(&self) {
        self.raised.fetch_and(!CANCEL, Ordering::SeqCst);
    }

    /// Waits until the statement must stop, and returns why.
    pub async fn statement_stop(&self) -> PgError {
        match self.wait_for(CANCEL | END).await & END {
            0 => PgError::new(code::CANCELED, "canceling statement due to user request"),
            _ => shutdown_error(),
        }
    }

    /// Waits until the connection must end, and returns why. One that is idle between groups of messages also ends for
    /// [`Signals::end_when_idle`].
    pub async fn connection_end(&self, is_idle: bool) -> PgError {
        self.wait_for(if is_idle { END_WHEN_IDLE | END } else { END })
            .await;
        shutdown_error()
    }

    /// Waits for one of these signals, and returns those of them that were raised.
    async fn wait_for(&self, signals: u8) -> u8 {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Listen before looking, so that no signal is missed in between.
            changed.as_mut().enable();
            let raised = self.raised.load(Ordering::SeqCst) & signals;
            if raised != 0 {
                return raised;
            }
            changed.await;
        }
    }
}

fn shutdown_error() -> PgError {
    PgError::fatal(
        code::SHUTDOWN,
        "terminating connection due to administrator command",
    )
}

/// Registers the connections that are logged in, by process id.
#[derive(Debug, Default)]
pub struct Connections {
    registered: Mutex<Registered>,
}

#[derive(Debug, Default)]
struct Registered {
    by_pid: HashMap<i32, Entry>,
    /// The server shuts down: a connection that registers now ends again.
    shutting_down: bool,
}

#[derive(Debug)]
struct Entry {
    key: Bytes,
    user: Arc<User>,
    signals: Arc<Signals>,
}

/// Keeps a connection registered until it is dropped.
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
    fn lock(&self) -> std::sync::MutexGuard<'_, Registered> {
        self.registered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a connection under a process id that no other has, and returns that id.
    pub fn register(
        self: &Arc<Self>,
        key: Bytes,
        user: Arc<User>,
        signals: Arc<Signals>,
    ) -> (i32, Registration) {
        let mut registered = self.lock();
        if registered.shutting_down {
            signals.end_when_idle();
        }
        let by_pid = &mut registered.by_pid;
        let pid = loop {
            // Drawn at random: a client that knows a process id and its key can cancel.
            let pid = rand::random_range(1..i32::MAX);
            if !by_pid.contains_key(&pid) {
                break pid;
            }
        };
        by_pid.insert(pid, Entry { key, user, signals });
        let connections = Arc::clone(self);
        (pid, Registration { connections, pid })
    }

    /// Cancels the statement of a connection, if `key` is the one it was given.
    pub fn cancel(&self, pid: i32, key: &[u8]) {
        if let Some(entry) = self.lock().by_pid.get(&pid)
            && is_same_key(&entry.key, key)
        {
            entry.signals.cancel();
        }
    }

    /// Ends the connections whose users are `gone`.
    pub fn end_where(&self, gone: impl Fn(&User) -> bool) {
        // `gone` may read a file, so it is called outside the lock.
        let entries: Vec<_> = {
            let registered = self.lock();
            let all = registered.by_pid.values();
            all.map(|entry| (Arc::clone(&entry.user), Arc::clone(&entry.signals)))
                .collect()
        };
        for (_, signals) in entries.iter().filter(|(user, _)| gone(user)) {
            signals.end();
        }
    }

    /// Ends each connection once it runs no statement, and those that register later.
    pub fn end_all_when_idle(&self) {
        let mut registered = self.lock();
        registered.shutting_down = true;
        for entry in registered.by_pid.values() {
            entry.signals.end_when_idle();
        }
    }

    /// Ends all connections and their statements at once.
    pub fn end_all(&self) {
        for entry in self.lock().by_pid.values() {
            entry.signals.end();
        }
    }
}

/// Compares two keys in constant time, so that the time does not tell where they differ.
fn is_same_key(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cancel_stops_only_the_statement_that_runs() {
        let signals = Signals::default();
        signals.cancel();
        signals.statement_begins();
        assert!(futures::poll!(Box::pin(signals.statement_stop())).is_pending());
        signals.cancel();
        assert_eq!(signals.statement_stop().await.code, "57014");
    }

    #[tokio::test]
    async fn an_end_is_not_forgotten_when_a_statement_begins() {
        let signals = Signals::default();
        signals.end();
        signals.statement_begins();
        assert!(signals.statement_stop().await.fatal);
        assert!(signals.connection_end(false).await.fatal);
    }

    #[tokio::test]
    async fn a_connection_between_messages_of_a_group_is_not_ended() {
        let signals = Signals::default();
        signals.end_when_idle();
        assert!(futures::poll!(Box::pin(signals.connection_end(false))).is_pending());
        assert!(signals.connection_end(true).await.fatal);
    }

    #[test]
    fn keys_must_be_equal_in_length_and_bytes() {
        assert!(is_same_key(b"abcd", b"abcd"));
        assert!(!is_same_key(b"abcd", b"abce"));
        assert!(!is_same_key(b"abcd", b"abc"));
    }
}
