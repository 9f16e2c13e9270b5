//! Admission of statements: each account may run a limited number at a time, and the next ones wait in its queue.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::per_account::PerAccount;
use super::throttle::{RunningGuard, RunningStatements, Throttle};
use rapport_pgsql::error::PgError;

/// How many statements may wait in an account's queue for each that may run.
const WAITING_PER_RUNNING: usize = 8;

/// Admits the statements of all accounts.
#[derive(Debug)]
pub struct Admission {
    /// How many statements of an account may run at a time.
    limit: usize,
    /// How long a statement waits at most.
    timeout: Duration,
    queues: PerAccount<Queue>,
    running: Arc<RunningStatements>,
}

/// The statements of one account, as permits.
#[derive(Debug)]
struct Queue {
    /// One permit for each statement that runs.
    running: Arc<Semaphore>,
    /// One permit for each statement that waits or runs.
    entered: Arc<Semaphore>,
}

/// Lets one statement run; the next of its account is admitted when this is dropped.
#[derive(Debug)]
pub struct Permit {
    guard: RunningGuard,
    _running: OwnedSemaphorePermit,
    _entered: OwnedSemaphorePermit,
    /// Keeps the account's queue while a statement is in it.
    _queue: Arc<Queue>,
}

impl Permit {
    /// Returns the throttle of the statement.
    pub fn throttle(&self) -> &Arc<Throttle> {
        self.guard.throttle()
    }

    /// Turns this into the permit of a statement that ran before and was paused, so that it keeps its age.
    pub fn resume(self, throttle: Arc<Throttle>) -> Permit {
        Permit {
            guard: throttle.resume(),
            ..self
        }
    }
}

impl Admission {
    /// Admits at most `limit` statements of an account at a time; others wait for at most `timeout`.
    pub fn new(limit: usize, timeout: Duration) -> Admission {
        Admission {
            limit: limit.max(1),
            timeout,
            queues: PerAccount::default(),
            running: Arc::default(),
        }
    }

    /// Waits until the account may run one statement more.
    ///
    /// # Errors
    /// 53400 if the account's queue is full, or the timeout passes.
    pub async fn admit(&self, account: Option<&str>) -> Result<Permit, PgError> {
        let queue = self.queue(account);
        let too_many = |why: &str| {
            PgError::new("53400", format!("too many statements run at a time: {why}")).hint(
                format!("at most {} run at a time for an account", self.limit),
            )
        };
        let entered = Arc::clone(&queue.entered)
            .try_acquire_owned()
            .map_err(|_| too_many("the line of waiting ones is full"))?;
        let running =
            tokio::time::timeout(self.timeout, Arc::clone(&queue.running).acquire_owned())
                .await
                .map_err(|_| too_many("this one's turn did not come in time"))?
                .map_err(PgError::internal)?;
        Ok(Permit {
            guard: self.running.start(account, Instant::now()),
            _running: running,
            _entered: entered,
            _queue: queue,
        })
    }

    fn queue(&self, account: Option<&str>) -> Arc<Queue> {
        let make = || {
            Ok::<_, Infallible>(Queue {
                running: Arc::new(Semaphore::new(self.limit)),
                entered: Arc::new(Semaphore::new(self.limit * (1 + WAITING_PER_RUNNING))),
            })
        };
        let Ok(queue) = self.queues.get_or_make(account, make);
        queue
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn an_account_waits_for_its_own_statements_only() {
        let admission = Admission::new(1, Duration::from_millis(10));
        let first = admission.admit(Some("a")).await.unwrap();
        admission.admit(Some("b")).await.unwrap();
        admission.admit(None).await.unwrap();
        assert_eq!(admission.admit(Some("a")).await.unwrap_err().code, "53400");
        drop(first);
        admission.admit(Some("a")).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_queue_refuses_the_next_statement() {
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
