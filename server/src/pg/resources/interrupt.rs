//! What stops a statement before its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::signals::Control;
use rapport_pgsql::error::{PgError, code};

/// What a statement is told whose time is up.
const TIMED_OUT: &str = "canceling statement due to statement timeout";

/// Whether a statement ended because its time was up.
pub fn is_timeout(error: &PgError) -> bool {
    error.code == code::CANCELED && error.message == TIMED_OUT
}

/// What can stop a statement: a cancel request, the end of its connection, its time.
#[derive(Clone)]
pub struct Watch {
    control: Arc<Control>,
    deadline: Option<Instant>,
}

impl Watch {
    /// A statement begins.
    pub fn begin(control: &Arc<Control>, timeout: Option<Duration>) -> Watch {
        control.statement_begins();
        Watch {
            control: Arc::clone(control),
            deadline: timeout.map(|timeout| Instant::now() + timeout),
        }
    }

    /// Waits until the statement shall stop.
    pub async fn stopped(&self) -> PgError {
        let timeout = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = self.control.stopped() => error,
            () = timeout => PgError::new(code::CANCELED, TIMED_OUT),
        }
    }
}
