//! Where queries run: every account on threads of its own.
//!
//! A task of DataFusion's gives way to others only now and then, and a bad join does so rarely. On shared threads one
//! such query would keep everybody waiting; on threads of its account the operating system shares the processors out
//! fairly, and it is felt by its own account alone. The connections' own runtime runs no query at all.

use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};

use super::per_account::PerAccount;

/// Room for plans of deeply nested queries; what is not touched costs nothing.
const STACK: usize = 32 * 1024 * 1024;

/// Threads beside those that one statement is made to use. A join may not give way for seconds; then its account's other
/// statements, and be it the one that stops it, are planned and run on these.
const SPARE: usize = 2;

/// The runtimes of the accounts that have sessions.
#[derive(Debug)]
pub struct QueryRuntimes {
    threads: usize,
    by_account: PerAccount<QueryRuntime>,
}

/// The threads of one account; they go when its last session has, without being waited for.
#[derive(Debug)]
pub struct QueryRuntime {
    handle: Handle,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl QueryRuntimes {
    /// With so many threads for each account.
    pub fn new(threads: usize) -> QueryRuntimes {
        QueryRuntimes {
            threads: threads.max(1),
            by_account: PerAccount::default(),
        }
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
            })
        })
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
            runtime.shutdown_background();
        }
    }
}
