//! Flags that tell the threads of a statement to stop, because nobody wants its rows any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Returns whether the statement should stop.
pub type StopCheck = Arc<dyn Fn() -> bool + Send + Sync>;

/// Tells a statement to stop when it is dropped.
#[derive(Debug, Default)]
pub struct StopOnDrop(Arc<AtomicBool>);

impl StopOnDrop {
    /// Returns a check that is true once this is dropped.
    pub fn check(&self) -> StopCheck {
        let dropped = Arc::clone(&self.0);
        Arc::new(move || dropped.load(Ordering::Relaxed))
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
