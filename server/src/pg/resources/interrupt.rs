//! Interrupts of one statement: a cancel request, the end of its connection, its timeout.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::signals::Signals;
use rapport_pgsql::error::{PgError, code};

/// The message of a statement whose time is up, as PostgreSQL words it.
const TIMED_OUT: &str = "canceling statement due to statement timeout";

/// Returns whether a statement ended because its time was up.
pub fn is_timeout(error: &PgError) -> bool {
    error.code == code::CANCELED && error.message == TIMED_OUT
}

/// Waits for whatever interrupts one statement.
#[derive(Clone)]
pub struct Interrupt {
    signals: Arc<Signals>,
    deadline: Option<Instant>,
}

impl Interrupt {
    /// Begins a statement, which may take as long as `timeout`.
    pub fn begin(signals: &Arc<Signals>, timeout: Option<Duration>) -> Interrupt {
        signals.statement_begins();
        Interrupt {
            signals: Arc::clone(signals),
            deadline: timeout.map(|timeout| Instant::now() + timeout),
        }
    }

    /// Waits until the statement must stop, and returns why.
    pub async fn raised(&self) -> PgError {
        let timeout = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = self.signals.statement_stop() => error,
            () = timeout => PgError::new(code::CANCELED, TIMED_OUT),
        }
    }
}
