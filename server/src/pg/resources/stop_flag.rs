//! Tells the threads that run a statement that nobody wants its rows any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells whether a statement has been given up.
pub type GivenUp = Arc<dyn Fn() -> bool + Send + Sync>;

/// Gives a statement up when it is dropped.
#[derive(Debug, Default)]
pub struct Wanted(Arc<AtomicBool>);

impl Wanted {
    /// What tells whether it is.
    pub fn given_up(&self) -> GivenUp {
        let dropped = Arc::clone(&self.0);
        Arc::new(move || dropped.load(Ordering::Relaxed))
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
