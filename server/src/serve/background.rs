//! Runtimes for background work, apart from the threads that serve connections.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// The stack of each thread: reading table logs and planning need more than the default.
const STACK: usize = 16 * 1024 * 1024;

/// Runs background tasks on threads of its own; they end when it is dropped.
#[derive(Debug)]
pub(super) struct Background {
    /// None once it has been shut down.
    runtime: Option<Runtime>,
}

impl Background {
    /// Starts threads of this name.
    ///
    /// # Errors
    /// If the system cannot start them.
    pub fn start(name: &str, threads: usize) -> io::Result<Background> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(name)
            .thread_stack_size(STACK)
            .enable_all()
            .build()?;
        Ok(Background {
            runtime: Some(runtime),
        })
    }

    /// Runs a task in the background.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(task);
        }
    }

    /// Cancels the tasks at their next await; one that does not reach it in time is left behind.
    pub async fn shut_down(mut self, within: Duration) {
        if let Some(runtime) = self.runtime.take() {
            let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(within));
            drop(ended.await);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // The server itself is being cancelled, on a thread of a runtime, where blocking is not allowed: it does not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
