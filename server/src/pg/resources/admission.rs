//! Who may run a statement now: so many at a time for an account, the others wait in line for a while.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::per_account::PerAccount;
use super::throttle::{Beginning, Begun, Pace};
use rapport_pgsql::error::PgError;

/// How many wait in an account's line for each that runs.
const WAITING_PER_RUNNING: usize = 8;

/// The lines of all accounts.
#[derive(Debug)]
pub struct Admission {
    running: usize,
    patience: Duration,
    lines: PerAccount<Line>,
    begun: Arc<Begun>,
}

#[derive(Debug)]
struct Line {
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// The right to run a statement, given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    beginning: Beginning,
    _running: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
    /// Keeps the line while somebody is in it.
    _line: Arc<Line>,
}

impl Permit {
    /// The speed of the statement whose right this is.
    pub fn pace(&self) -> &Arc<Pace> {
        self.beginning.pace()
    }

    /// The right of a statement that had it before and stood still.
    pub fn of(self, pace: Arc<Pace>) -> Permit {
        Permit {
            beginning: pace.enter(),
            ..self
        }
    }
}

impl Admission {
    /// With so many statements at a time for an account.
    pub fn new(running: usize, patience: Duration) -> Admission {
        Admission {
            running: running.max(1),
            patience,
            lines: PerAccount::default(),
            begun: Arc::default(),
        }
    }

    /// Waits for the account's turn.
    ///
    /// # Errors
    /// If the line is too long, or the wait.
    pub async fn admit(&self, account: Option<&str>) -> Result<Permit, PgError> {
        let line = self.line(account);
        let too_many = |why: &str| {
            PgError::new("53400", format!("too many statements run at a time: {why}")).hint(
                format!("at most {} run at a time for an account", self.running),
            )
        };
        let place = Arc::clone(&line.places)
            .try_acquire_owned()
            .map_err(|_| too_many("the line of waiting ones is full"))?;
        let running =
            tokio::time::timeout(self.patience, Arc::clone(&line.running).acquire_owned())
                .await
                .map_err(|_| too_many("this one's turn did not come in time"))?
                .map_err(PgError::internal)?;
        Ok(Permit {
            beginning: self.begun.enter(account, Instant::now()),
            _running: running,
            _place: place,
            _line: line,
        })
    }

    fn line(&self, account: Option<&str>) -> Arc<Line> {
        let make = || {
            Ok::<_, Infallible>(Line {
                running: Arc::new(Semaphore::new(self.running)),
                places: Arc::new(Semaphore::new(self.running * (1 + WAITING_PER_RUNNING))),
            })
        };
        let Ok(line) = self.lines.of(account, make);
        line
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn one_account_waits_for_itself_alone() {
        let admission = Admission::new(1, Duration::from_millis(10));
        let first = admission.admit(Some("a")).await.unwrap();
        admission.admit(Some("b")).await.unwrap();
        admission.admit(None).await.unwrap();
        assert_eq!(admission.admit(Some("a")).await.unwrap_err().code, "53400");
        drop(first);
        admission.admit(Some("a")).await.unwrap();
    }

    #[tokio::test]
    async fn a_line_has_an_end() {
        let admission = Admission::new(1, Duration::from_millis(10));
        let _running = admission.admit(Some("a")).await.unwrap();
        let waiting: Vec<_> = (0..WAITING_PER_RUNNING)
            .map(|_| admission.admit(Some("a")))
            .collect();
        let mut waiting = futures::future::join_all(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        let error = admission.admit(Some("a")).await.unwrap_err();
        assert!(error.message.contains("full"), "{error}");
    }
}
