//! Retries of background work: panics become failures, and failures in a row wait longer.

use std::any::Any;
use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;

/// Does some work once, and turns a panic into an error, so that it does not end the loop that would try again.
///
/// # Errors
/// The work's error or panic, as text for the log.
pub(super) async fn attempt<T, E: Display>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(panic) => Err(format!("panicked: {}", message(panic.as_ref()))),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<String>() {
        Some(text) => text,
        None => panic.downcast_ref::<&str>().unwrap_or(&"without a word"),
    }
}

/// Computes the pause after a failure: exponential backoff, up to a bound, until a success.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Makes a backoff with pauses from `first` up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff {
            first,
            longest,
            next: first,
        }
    }

    /// Returns how long to wait after another failure.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }

    /// Starts anew after a success: the next failure counts as the first.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_failure() {
        async fn work(how: &str) -> Result<u8, String> {
            match how {
                "well" => Ok(1),
                "badly" => Err("it is broken".to_owned()),
                "not at all" => panic!("out of order"),
                how => panic!("there is no {how:?}"),
            }
        }
        assert_eq!(attempt(work("well")).await, Ok(1));
        for (how, reason) in [
            ("badly", "it is broken"),
            ("not at all", "panicked: out of order"),
            ("so so", "panicked: there is no \"so so\""),
        ] {
            assert_eq!(attempt(work(how)).await, Err(reason.to_owned()));
        }
    }

    #[test]
    fn the_pause_doubles_with_each_failure_up_to_a_bound() {
        let seconds = Duration::from_secs;
        let mut backoff = Backoff::new(seconds(10), seconds(300));
        let pauses: Vec<Duration> = (0..7).map(|_| backoff.next_pause()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300].map(seconds));
        backoff.reset();
        assert_eq!(backoff.next_pause(), seconds(10));
    }
}
