//! Where queries run: every account on threads of its own.
//!
//! A task of DataFusion's gives way to others only now and then, and a bad join does so rarely. On shared threads one
//! such query would keep everybody waiting; on threads of its account the operating system shares the processors out
//! fairly, and it is felt by its own account alone. The connections' own runtime runs no query at all.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use super::per_account::PerAccount;

/// Room for plans of deeply nested queries; what is not touched costs nothing.
const STACK: usize = 32 * 1024 * 1024;

/// Threads beside those that one statement is made to use. A join may not give way for seconds; then its account's other
/// statements, and be it the one that stops it, are planned and run on these.
const SPARE: usize = 2;

/// How long the threads of an account that has left are waited for before they are let go. A task that does not give way
/// for longer is not on its way out, so that letting its thread go is safe.
const JOINED_WITHIN: Duration = Duration::from_secs(30);

/// The runtimes of the accounts that have sessions.
#[derive(Debug)]
pub struct QueryRuntimes {
    threads: usize,
    by_account: PerAccount<QueryRuntime>,
    ended: Sender<Runtime>,
}

/// The threads of one account; they go when its last session has, without being waited for.
#[derive(Debug)]
pub struct QueryRuntime {
    handle: Handle,
    /// There until it is dropped.
    runtime: Option<Runtime>,
    /// To where it is then joined.
    ended: Sender<Runtime>,
}

impl QueryRuntimes {
    /// With so many threads for each account.
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

    /// The runtime of an account, or of the operators.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn of(&self, account: Option<&str>) -> io::Result<Arc<QueryRuntime>> {
        self.by_account.of(account, || {
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

/// Joins the threads of the runtimes that come, until none can.
///
/// They must not be let go instead: glibc up to 2.36 at least may touch the stack of a thread that is detached in the
/// moment of its end after that has been unmapped, as stacks of this size are at once.
fn join(ended: &Receiver<Runtime>) {
    for runtime in ended {
        runtime.shutdown_timeout(JOINED_WITHIN);
    }
}

impl QueryRuntime {
    /// Where to spawn.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for QueryRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Its place to be joined is gone only if that thread has died; then this is what is left.
            if let Err(unjoined) = self.ended.send(runtime) {
                unjoined.0.shutdown_background();
            }
        }
    }
}
