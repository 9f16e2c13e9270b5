//! Where a query stands still while nobody wants its rows.
//!
//! A cursor, or a portal of which only some rows are wanted, keeps its query for later. Meanwhile it shall neither use
//! processors nor keep its account's turn from others. What always holds: a closed gate lets nothing pass, and the
//! query's right to run is given back when it stands still, not before: one that computes on has it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::pg::resources::admission::Permit;
use crate::pg::resources::throttle::Pace;

/// The gate of one query.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<State>,
    opened: Notify,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    still: bool,
    permit: Option<Permit>,
    /// The query's speed: a cursor's is not a new query at each FETCH.
    pace: Option<Arc<Pace>>,
}

impl State {
    fn give_back(&mut self) {
        if self.closed && self.still {
            self.permit = None;
        }
    }
}

impl Gate {
    /// An open one, for a query that has the right to run.
    pub fn open(permit: Permit) -> Gate {
        Gate {
            state: Mutex::new(State {
                pace: Some(Arc::clone(permit.pace())),
                permit: Some(permit),
                ..State::default()
            }),
            opened: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing shall pass from now on.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.give_back();
    }

    /// Opens it again, if the query still has its right to run; tells whether it has.
    pub fn reopen(&self) -> bool {
        let mut state = self.state();
        if state.permit.is_none() {
            return false;
        }
        state.closed = false;
        drop(state);
        self.opened.notify_one();
        true
    }

    /// Opens it again with another right to run.
    pub fn open_with(&self, permit: Permit) {
        let mut state = self.state();
        state.closed = false;
        state.permit = Some(match state.pace.clone() {
            Some(pace) => permit.of(pace),
            None => permit,
        });
        drop(state);
        self.opened.notify_one();
    }

    /// Waits until it is open.
    pub async fn pass(&self) {
        loop {
            // One opening is kept for who comes late, so none is missed between looking and waiting.
            if !self.state().closed {
                return;
            }
            self.standing_still(self.opened.notified()).await;
        }
    }

    /// Waits for something, in which time the query stands still.
    pub async fn standing_still<T>(&self, awaited: impl Future<Output = T>) -> T {
        {
            let mut state = self.state();
            state.still = true;
            state.give_back();
        }
        let result = awaited.await;
        self.state().still = false;
        result
    }
}

/// The end of a query: its right to run goes with it.
pub struct GateOnDrop(pub Arc<Gate>);

impl Drop for GateOnDrop {
    fn drop(&mut self) {
        self.0.state().permit = None;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::pg::resources::admission::Admission;

    #[tokio::test]
    async fn the_right_to_run_is_given_back_when_the_query_stands_still() {
        let admission = Admission::new(1, Duration::from_millis(10));
        let gate = Gate::open(admission.admit(Some("a")).await.unwrap());
        gate.close();
        // It computes on.
        assert!(admission.admit(Some("a")).await.is_err());
        let mut passing = Box::pin(gate.pass());
        assert!(futures::poll!(&mut passing).is_pending());
        let other = admission.admit(Some("a")).await.unwrap();
        assert!(!gate.reopen(), "it needs another right to run");
        drop(other);
        gate.open_with(admission.admit(Some("a")).await.unwrap());
        passing.await;
        assert!(admission.admit(Some("a")).await.is_err());
    }

    #[tokio::test]
    async fn one_that_waits_for_its_reader_gives_it_back_once_it_is_paused() {
        let admission = Admission::new(1, Duration::from_millis(10));
        let gate = Gate::open(admission.admit(Some("a")).await.unwrap());
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<u8>(1);
        sender.send(1).await.unwrap();
        let mut sending = Box::pin(gate.standing_still(sender.send(2)));
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
    async fn a_short_pause_costs_no_turn() {
        let admission = Admission::new(1, Duration::from_millis(10));
        let gate = Gate::open(admission.admit(Some("a")).await.unwrap());
        gate.close();
        assert!(gate.reopen());
        gate.pass().await;
        drop(GateOnDrop(Arc::new(gate)));
        admission.admit(Some("a")).await.unwrap();
    }
}
