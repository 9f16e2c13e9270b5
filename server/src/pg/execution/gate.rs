//! Pausing a query while its client wants no rows.
//!
//! A cursor, or a portal of which only some rows were fetched, keeps its query for later. Meanwhile the query must not use
//! processors, nor hold a permit that other statements of the account wait for. What always holds: nothing passes a closed
//! gate; and the permit is released when the query is idle, not before, since one that still computes needs it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::pg::resources::admission::Permit;
use crate::pg::resources::throttle::Throttle;

/// Pauses one query, and holds its permit while it runs.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<State>,
    opened: Notify,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    /// The query has ended: it needs no permit, though rows of it may wait for their reader.
    ended: bool,
    /// The query waits, for the gate or for its reader.
    idle: bool,
    permit: Option<Permit>,
    /// The throttle of the query, which stays the same over all FETCHes of a cursor.
    throttle: Option<Arc<Throttle>>,
}

impl State {
    fn release_if_idle(&mut self) {
        if self.closed && self.idle {
            self.permit = None;
        }
    }
}

impl Gate {
    /// Makes an open gate for a query that was admitted.
    pub fn new(permit: Permit) -> Gate {
        Gate {
            state: Mutex::new(State {
                throttle: Some(Arc::clone(permit.throttle())),
                permit: Some(permit),
                ..State::default()
            }),
            opened: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the gate: the query pauses when it gets there, and releases its permit.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.release_if_idle();
    }

    /// Opens the gate again and returns true, or returns false if the query has released its permit and needs another.
    pub fn reopen(&self) -> bool {
        let mut state = self.state();
        if state.ended {
            return true;
        }
        if state.permit.is_none() {
            return false;
        }
        state.closed = false;
        drop(state);
        self.opened.notify_one();
        true
    }

    /// Opens the gate again with another permit, which an ended query does not take: nobody would release it.
    pub fn open_with(&self, permit: Permit) {
        let mut state = self.state();
        if state.ended {
            return;
        }
        state.closed = false;
        state.permit = Some(match state.throttle.clone() {
            Some(throttle) => permit.resume(throttle),
            None => permit,
        });
        drop(state);
        self.opened.notify_one();
    }

    /// Waits until the gate is open.
    pub async fn pass(&self) {
        loop {
            // `Notify` keeps one notification, so none is missed between looking and waiting.
            if !self.state().closed {
                return;
            }
            self.while_idle(self.opened.notified()).await;
        }
    }

    /// Waits for something, and counts the query as idle meanwhile.
    pub async fn while_idle<T>(&self, awaited: impl Future<Output = T>) -> T {
        {
            let mut state = self.state();
            state.idle = true;
            state.release_if_idle();
        }
        let result = awaited.await;
        self.state().idle = false;
        result
    }
}

/// Releases the permit when the query ends.
pub struct ReleaseOnDrop(pub Arc<Gate>);

impl Drop for ReleaseOnDrop {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ended = true;
        state.permit = None;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::pg::resources::admission::Admission;

    #[tokio::test]
    async fn a_closed_gate_releases_the_permit_once_the_query_is_idle() {
        let admission = Admission::new(1, Duration::from_millis(10));
        let gate = Gate::new(admission.admit(Some("a")).await.unwrap());
        gate.close();
        // The query still computes.
        assert!(admission.admit(Some("a")).await.is_err());
        let mut passing = Box::pin(gate.pass());
        assert!(futures::poll!(&mut passing).is_pending());
        let other = admission.admit(Some("a")).await.unwrap();
        assert!(!gate.reopen(), "it needs another permit");
        drop(other);
        gate.open_with(admission.admit(Some("a")).await.unwrap());
        passing.await;
        assert!(admission.admit(Some("a")).await.is_err());
    }

    #[tokio::test]
    async fn a_query_that_waits_for_its_reader_releases_its_permit_once_paused() {
        let admission = Admission::new(1, Duration::from_millis(10));
        let gate = Gate::new(admission.admit(Some("a")).await.unwrap());
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<u8>(1);
        sender.send(1).await.unwrap();
        let mut sending = Box::pin(gate.while_idle(sender.send(2)));
        assert!(futures::poll!(&mut sending).is_pending());
        // A slow reader is no pause.
        assert!(admission.admit(Some("a")).await.is_err());
        gate.close();
        admission.admit(Some("a")).await.unwrap();
        gate.open_with(admission.admit(Some("a")).await.unwrap());
        receiver.recv().await.unwrap();
        sending.await.unwrap();
    }

    #[tokio::test]
    async fn a_query_reopened_in_time_keeps_its_permit() {
        let admission = Admission::new(1, Duration::from_millis(10));
        let gate = Gate::new(admission.admit(Some("a")).await.unwrap());
        gate.close();
        assert!(gate.reopen());
        gate.pass().await;
        drop(ReleaseOnDrop(Arc::new(gate)));
        admission.admit(Some("a")).await.unwrap();
    }

    #[tokio::test]
    async fn an_ended_query_takes_no_permit_for_the_rows_that_are_left() {
        let admission = Admission::new(1, Duration::from_millis(10));
        let gate = Arc::new(Gate::new(admission.admit(Some("a")).await.unwrap()));
        drop(ReleaseOnDrop(Arc::clone(&gate)));
        assert!(gate.reopen(), "it needs no permit");
        gate.close();
        // It may end after it was found to need one.
        gate.open_with(admission.admit(Some("a")).await.unwrap());
        admission.admit(Some("a")).await.unwrap();
    }
}
