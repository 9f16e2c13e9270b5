//! Work that is tried again and again, for as long as the server goes on.

use std::any::Any;
use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;

/// Works once. A panic is a failure like another: it must not end what would have been tried again.
///
/// # Errors
/// The reason, for the log.
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

/// How long to wait after a failure: twice as long after each, up to a bound, until something works.
#[derive(Debug)]
pub(super) struct BackOff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl BackOff {
    /// From `first` up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> BackOff {
        BackOff {
            first,
            longest,
            next: first,
        }
    }

    /// It failed once more: how long to wait now.
    pub fn failed(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }

    /// It worked: the next failure is a first one.
    pub fn worked(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_failure_like_another() {
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
    fn failures_in_a_row_wait_longer_up_to_a_bound() {
        let seconds = Duration::from_secs;
        let mut back_off = BackOff::new(seconds(10), seconds(300));
        let pauses: Vec<Duration> = (0..7).map(|_| back_off.failed()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300].map(seconds));
        back_off.worked();
        assert_eq!(back_off.failed(), seconds(10));
    }
}
