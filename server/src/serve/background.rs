//! Threads for what goes on beside the connections.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// Reading logs and planning need more stack than a thread has by default.
const STACK: usize = 16 * 1024 * 1024;

/// Threads and the work on them, which ends with this.
#[derive(Debug)]
pub(super) struct Background {
    /// There until it ends.
    runtime: Option<Runtime>,
}

impl Background {
    /// So many threads of this name.
    ///
    /// # Errors
    /// If the system gives none.
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

    /// Has something go on.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }

    /// Ends what goes on where it can be cut off; what does not come there in time is left behind.
    pub async fn end(mut self, within: Duration) {
        if let Some(runtime) = self.runtime.take() {
            let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(within));
            drop(ended.await);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // The server is cut off itself: it waits for nobody, and may not, as this is where its own work is done.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
