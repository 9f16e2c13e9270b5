//! Query threads: each account has a Tokio runtime of its own.
//!
//! DataFusion's tasks yield only now and then, and a bad join does so rarely. On shared threads one such query would keep
//! everybody waiting; on threads of its account it delays that account alone, since the operating system divides the
//! processors fairly between threads. The runtime that serves connections runs no query.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use super::per_account::PerAccount;

/// Stack bytes of each thread, for plans of deeply nested queries. Pages that are not touched cost nothing.
const STACK: usize = 32 * 1024 * 1024;

/// Threads in addition to those that one statement is planned for. A join may not yield for seconds; meanwhile the account's other
/// statements, such as the one that cancels it, run on these.
const SPARE: usize = 2;

/// How long to wait for the threads of an account that has no session any more. A task that does not yield for longer is not
/// about to end, so its thread can be detached safely.
const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Keeps a runtime for each account that has sessions.
#[derive(Debug)]
pub struct QueryRuntimes {
    threads: usize,
    by_account: PerAccount<QueryRuntime>,
    ended: Sender<Runtime>,
}

/// Holds the threads of one account. They end after its last session, and nobody waits for them.
#[derive(Debug)]
pub struct QueryRuntime {
    handle: Handle,
    /// `None` only while this is dropped.
    runtime: Option<Runtime>,
    /// Where the runtime is sent to be joined.
    ended: Sender<Runtime>,
}

impl QueryRuntimes {
    /// Makes runtimes with this many threads, and [`SPARE`] more, for each account.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn new(threads: usize) -> io::Result<QueryRuntimes> {
        let (ended, to_join) = channel();
        thread::Builder::new()
            .name("joining".into())
            .spawn(move || join(&to_join))?;
        Ok(QueryRuntimes {
            threads: threads.max(1),
            by_account: PerAccount::default(),
            ended,
        })
    }

    /// Returns the runtime of an account, or that of the operators.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn of(&self, account: Option<&str>) -> io::Result<Arc<QueryRuntime>> {
        self.by_account.get_or_make(account, || {
            let runtime = Builder::new_multi_thread()
                .worker_threads(self.threads + SPARE)
                .thread_name("query")
                .thread_stack_size(STACK)
                .enable_all()
                .build()?;
            Ok(QueryRuntime {
                handle: runtime.handle().clone(),
                runtime: Some(runtime),
                ended: self.ended.clone(),
            })
        })
    }
}

/// Joins the threads of each runtime received, until all senders are gone.
///
/// Detaching them is not safe: glibc, at least up to 2.36, may touch the stack of a thread that is detached at the moment of
/// its end after the stack has been unmapped, which happens at once for stacks of this size.
fn join(ended: &Receiver<Runtime>) {
    for runtime in ended {
        runtime.shutdown_timeout(JOIN_TIMEOUT);
    }
}

impl QueryRuntime {
    /// Returns the handle to spawn tasks with.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for QueryRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The receiver is gone only if the joining thread has died.
            if let Err(unjoined) = self.ended.send(runtime) {
                unjoined.0.shutdown_background();
            }
        }
    }
}
